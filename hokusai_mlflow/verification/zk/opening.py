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

WEIGHTS_TAG, FEATURES_TAG = 9, 10
"""First elements of what is hashed; columns have the tags 1 to 3."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What stays private of a proof: predictions, model, and the drawn rows with their salts."""

    predictions: Sequence[int] = field(repr=False)
    prediction_salt: int = field(repr=False)
    model: QuantisedModel
    model_salt: int = field(repr=False)
    rows: Sequence[int]
    codes: npt.NDArray[np.int64] = field(repr=False)
    salts: Sequence[int] = field(repr=False)


def _limbs(values: Sequence[int], width: int) -> list[int]:
    per = LIMB_BITS // width
    return [
        sum(value << width * place for place, value in enumerate(values[at : at + per]))
        for at in range(0, len(values), per)
    ]


def row_digest(codes: Sequence[int], salt: int) -> int:
    """Salted digest of one row's features on the grid."""
    found = poseidon(_first([FEATURES_TAG, len(codes), salt]))
    for at in range(0, len(limbs := _limbs([int(c) for c in codes], FEATURE_BITS)), ARITY - 1):
        found = poseidon(_first([found, *limbs[at : at + ARITY - 1]]))
    return found


def weights_commitment(model: QuantisedModel, salt: int) -> int:
    """Commitment C_W to a model's weights; the salt hides them."""
    weights, biases = flat_weights(model)
    limbs = [
        *_limbs([w + (1 << WEIGHT_BITS - 1) for w in weights], WEIGHT_BITS),
        *_limbs([v + (1 << BIAS_BITS - 1) for v in biases], BIAS_BITS),
    ]
    found = poseidon(_first([WEIGHTS_TAG, model.shape.inputs, len(weights), len(biases), salt]))
    for at in range(0, len(limbs), ARITY - 1):
        found = poseidon(_first([found, *limbs[at : at + ARITY - 1]]))
    return found


def _first(values: list[int]) -> list[int]:
    return values + [0] * (ARITY - len(values))


def predicted(opening: Opening) -> list[int]:
    """Classes that the model predicts for the opened rows."""
    scores = opening.model.scores(np.asarray(opening.codes, dtype=np.int64))
    if scores.shape[1] == 1:
        return [int(score > 0) for score in scores[:, 0]]
    return [int(np.argmax(row)) for row in scores.tolist()]


def opened(opening: Opening) -> list[tuple[int, int]]:
    """The opened rows with their digests."""
    return [
        (int(row), row_digest(codes, salt))
        for row, codes, salt in zip(opening.rows, opening.codes, opening.salts, strict=True)
    ]
