"""What an inference proof opens, and its commitments computed outside circuits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.verification.zk.columns import LIMB_BITS
from hokusai_mlflow.verification.zk.poseidon import ARITY, poseidon
from hokusai_mlflow.verification.zk.quantised import (
    BIAS_BITS,
    FEATURE_BITS,
    WEIGHT_BITS,
    QuantisedModel,
    flat_weights,
)

WEIGHTS_TAG, ROW_TAG, FEATURES_TAG = 9, 10, 11
"""First elements of what is hashed; columns have the tags 1 to 3."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two models: what it said of every example, and its weights."""

    predictions: Sequence[int] = field(repr=False)
    prediction_salt: int = field(repr=False)
    model: QuantisedModel
    model_salt: int = field(repr=False)

    @property
    def weights(self) -> int:
        """Commitment to the weights."""
        return weights_commitment(self.model, self.model_salt)


@dataclass(frozen=True, slots=True)
class Opening:
    """What stays private of a proof: both models, and the features of the drawn rows.

    `digests` are those of all n rows' features, `rows` the drawn ones, `codes` their features.
    """

    champion: Side
    candidate: Side
    digests: Sequence[int] = field(repr=False)
    features_salt: int = field(repr=False)
    rows: Sequence[int]
    codes: npt.NDArray[np.int64] = field(repr=False)

    @property
    def sides(self) -> tuple[Side, Side]:
        """Champion and candidate."""
        return self.champion, self.candidate


def _limbs(values: Sequence[int], width: int) -> list[int]:
    per = LIMB_BITS // width
    return [
        sum(value << width * place for place, value in enumerate(values[at : at + per]))
        for at in range(0, len(values), per)
    ]


def chained(head: Sequence[int], more: Sequence[int]) -> int:
    """Poseidon of a head and any number of further elements, 15 to a link after the first."""
    room = ARITY - len(head)
    found = poseidon(_filled([*head, *more[:room]]))
    for at in range(room, len(more), ARITY - 1):
        found = poseidon(_filled([found, *more[at : at + ARITY - 1]]))
    return found


def row_digest(codes: Sequence[int]) -> int:
    """Digest of one row's features on the grid; it hides nothing by itself."""
    return chained([ROW_TAG, len(codes)], _limbs([int(code) for code in codes], FEATURE_BITS))


def features_commitment(digests: Sequence[int], capacity: int, salt: int) -> int:
    """Commitment F to the features of all rows, padded with zeros; the salt hides them."""
    padded = [*digests, *([0] * (capacity - len(digests)))]
    return chained([FEATURES_TAG, len(digests), capacity, salt], padded)


def weights_commitment(model: QuantisedModel, salt: int) -> int:
    """Commitment W to a model's weights; the salt hides them."""
    weights, biases = flat_weights(model)
    limbs = [
        *_limbs([w + (1 << WEIGHT_BITS - 1) for w in weights], WEIGHT_BITS),
        *_limbs([v + (1 << BIAS_BITS - 1) for v in biases], BIAS_BITS),
    ]
    return chained([WEIGHTS_TAG, *_sizes(model), salt], limbs)


def _sizes(model: QuantisedModel) -> tuple[int, int, int]:
    weights, biases = flat_weights(model)
    return model.shape.inputs, len(weights), len(biases)


def _filled(values: list[int]) -> list[int]:
    return values + [0] * (ARITY - len(values))


def predicted(model: QuantisedModel, codes: npt.NDArray[np.int64]) -> list[int]:
    """Classes that a model predicts for rows on the grid."""
    scores = model.scores(np.asarray(codes, dtype=np.int64))
    if scores.shape[1] == 1:
        return [int(score > 0) for score in scores[:, 0]]
    return [int(np.argmax(row)) for row in scores.tolist()]
