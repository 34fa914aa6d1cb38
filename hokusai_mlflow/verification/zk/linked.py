"""Inference proofs of drawn rows, in parts of fixed size, made and verified.

Order of events, which a verifier must check on the chain: the metric proof's commitment C_p, the
commitment to the model C_W and that to all rows' features are published; then a block gives
randomness; then rows are drawn from it and opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import EvidenceMismatch, InputError
from hokusai_mlflow.verification.zk import prover, sampling
from hokusai_mlflow.verification.zk.columns import new_salt
from hokusai_mlflow.verification.zk.inference import Inference
from hokusai_mlflow.verification.zk.keys import KeyStore
from hokusai_mlflow.verification.zk.opening import Opening, row_digest, weights_commitment
from hokusai_mlflow.verification.zk.quantised import QuantisedModel
from hokusai_mlflow.verification.zk.setup import Progress, silent
from hokusai_mlflow.verification.zk.verifying import Proof, VerifyingKey, verify


@dataclass(frozen=True, slots=True)
class Prepared:
    """A model and features, committed to before rows are drawn.

    `digests` are published, one per row and hiding it; `features` and `weights` are the
    commitments. The salts stay secret.
    """

    model: QuantisedModel
    model_salt: int = field(repr=False)
    codes: npt.NDArray[np.int64] = field(repr=False)
    salts: tuple[int, ...] = field(repr=False)
    digests: tuple[int, ...] = field(repr=False)
    features: int
    weights: int


def prepare(model: QuantisedModel, features: npt.ArrayLike) -> Prepared:
    """Commit to a model and to the features of every evaluation row.

    Parameters
    ----------
    model : QuantisedModel
    features : array_like, shape (n, inputs)
        In the order of the predictions that the metric proof commits to.
    """
    codes = model.codes(features)
    salts = tuple(new_salt() for _ in codes)
    digests = tuple(row_digest(row, salt) for row, salt in zip(codes, salts, strict=True))
    model_salt = new_salt()
    return Prepared(
        model,
        model_salt,
        codes,
        salts,
        digests,
        sampling.features_commitment(digests),
        weights_commitment(model, model_salt),
    )


@dataclass(frozen=True, slots=True)
class InferenceProof:
    """Proofs for all drawn rows, and what their verifier needs; nothing in it is secret."""

    inputs: tuple[tuple[int, ...], ...]
    proofs: tuple[Proof, ...]
    digests: tuple[int, ...] = field(repr=False)
    drawn: int
    key: str
    mode: str

    def to_dict(self) -> dict[str, Any]:
        """JSON form; numbers are decimal strings."""
        return {
            "inputs": [[str(value) for value in one] for one in self.inputs],
            "proofs": ["0x" + proof.to_bytes().hex() for proof in self.proofs],
            "digests": [str(value) for value in self.digests],
            "drawn": self.drawn,
            "key": self.key,
            "mode": self.mode,
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> InferenceProof:
        """Inverse of `to_dict`.

        Raises
        ------
        InputError
            When a field is missing or malformed.
        """
        try:
            return cls(
                tuple(tuple(int(value) for value in one) for one in given["inputs"]),
                tuple(
                    Proof.from_bytes(bytes.fromhex(one.removeprefix("0x")))
                    for one in given["proofs"]
                ),
                tuple(int(value) for value in given["digests"]),
                int(given["drawn"]),
                str(given["key"]),
                str(given["mode"]),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as problem:
            raise InputError(f"not an inference proof: {problem!r}") from None


def parts(drawn: Sequence[int], slots: int) -> list[list[int]]:
    """Drawn rows in parts of `slots`; the last one overlaps the one before it.

    Raises
    ------
    InputError
        When fewer were drawn than a proof opens.
    """
    if len(drawn) < slots:
        raise InputError(
            f"a proof opens {slots} rows, {len(drawn)} were drawn; use a circuit of fewer slots"
        )
    starts = [*range(0, len(drawn) - slots + 1, slots)]
    if starts[-1] + slots < len(drawn):
        starts.append(len(drawn) - slots)
    return [list(drawn[at : at + slots]) for at in starts]


def prove_predictions(
    of: Inference,
    prepared: Prepared,
    *,
    predictions: Sequence[int],
    prediction_salt: int,
    context: int,
    randomness: bytes,
    store: KeyStore,
    drawn: int,
    progress: Progress = silent,
) -> InferenceProof:
    """Prove that committed predictions are the model's on drawn rows.

    Parameters
    ----------
    of : Inference
    prepared : Prepared
        What was committed to before `randomness` existed.
    predictions : sequence of int, length n
        As in the metric proof, with its salt.
    prediction_salt : int
    context : int
        As in the metric proof.
    randomness : bytes
        Of a block after all commitments.
    store : KeyStore
    drawn : int
        How many rows, from `sampling.rows_to_draw`.
    progress : callable, optional

    Raises
    ------
    InputError, MissingInput
        When a committed prediction is not the model's, sizes do not fit, or there is no key.
    """
    record = store.get(of)
    key = store.load(record)
    first = _opening(prepared, predictions, prediction_salt, list(range(of.slots)))
    commitment = of.committed_predictions(first)
    published = (commitment, prepared.weights, prepared.features)
    order = sampling.draw_rows(randomness, published, len(predictions), drawn)
    inputs, proofs = [], []
    chunks = parts(order, of.slots)
    for number, rows in enumerate(chunks):
        progress("inference", number, len(chunks))
        opening = _opening(prepared, predictions, prediction_salt, rows)
        inputs.append(tuple(of.public_inputs(opening, context)))
        proofs.append(prover.prove(key, of.witness(opening, context)))
    progress("inference", len(chunks), len(chunks))
    return InferenceProof(
        tuple(inputs), tuple(proofs), prepared.digests, drawn, record.hash, record.mode
    )


def require_predictions(
    of: Inference,
    shown: InferenceProof,
    key: VerifyingKey,
    *,
    context: int,
    predictions: int,
    weights: int,
    features: int,
    randomness: bytes,
    bad_share: float,
    miss: float,
) -> None:
    """Verify an inference proof against what was published before the draw.

    Parameters
    ----------
    of : Inference
    shown : InferenceProof
    key : VerifyingKey
        The registered one.
    context, predictions : int
        Public inputs of the metric proof: its context, and its C_b or C_c.
    weights, features : int
        The commitments to the model and to the rows' features.
    randomness : bytes
        Of the block that decides, read from the chain by the verifier.
    bad_share, miss : float
        What is demanded of the draw; see `sampling.rows_to_draw`.

    Raises
    ------
    EvidenceMismatch
        Says what does not hold.
    """
    n = len(shown.digests)

    def require(holds: bool, what: str) -> None:
        if not holds:
            raise EvidenceMismatch(f"the inference proof does not hold: {what}")

    require("0x" + key.hash().hex() == shown.key, "it was made with another key")
    require(sampling.features_commitment(shown.digests) == features, "other features")
    least = sampling.rows_to_draw(n, bad_share=bad_share, miss=miss)
    require(
        max(least, of.slots) <= shown.drawn <= n,
        f"{shown.drawn} of {n} rows were drawn, {least} are demanded",
    )
    order = sampling.draw_rows(randomness, (predictions, weights, features), n, shown.drawn)
    expected = [
        (
            context,
            n,
            predictions,
            weights,
            sampling.opened_digest([(row, shown.digests[row]) for row in rows]),
        )
        for rows in parts(order, of.slots)
    ]
    require(list(shown.inputs) == expected, "its public inputs are not those of the draw")
    require(len(shown.proofs) == len(expected), "a part has no proof")
    for proof, inputs in zip(shown.proofs, expected, strict=True):
        require(verify(key, proof, inputs), "a proof does not verify")


def _opening(prepared: Prepared, predictions: Sequence[int], salt: int, rows: list[int]) -> Opening:
    return Opening(
        predictions,
        salt,
        prepared.model,
        prepared.model_salt,
        rows,
        prepared.codes[rows],
        [prepared.salts[row] for row in rows],
    )
