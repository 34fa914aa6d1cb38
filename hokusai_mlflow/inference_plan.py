"""What an attempt commits to where inference is proven, and what opens it.

All of it follows from the inputs and the key of salts, which never leave this process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from hokusai_mlflow.attempt import Attempt, beaten
from hokusai_mlflow.chain.inference import Draw, Inferred
from hokusai_mlflow.inputs import Inputs
from hokusai_mlflow.label_sets import Chunk, label_set, required_statement, salt_of
from hokusai_mlflow.proving import private_chunks
from hokusai_mlflow.quantising import required_model
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.spec import Spec
from hokusai_mlflow.trial import Models, Trial, payment_rows
from hokusai_mlflow.verification.zk.sampling import draw_rows, rows_to_draw

MOST_ROWS = 2**32 - 1


@dataclass(frozen=True)
class Subject:
    """An improvement whose predictions are to be proven.

    Parameters
    ----------
    attempt : Attempt
    candidate : str
        Digest of the candidate's files, as the improvement names it.
    gate, payment : Trial
        With the predictions that are proven and paid for.
    both : Models
        In whole numbers.
    """

    attempt: Attempt
    candidate: str
    gate: Trial
    payment: Trial
    both: Models


@dataclass(frozen=True)
class Part:
    """Examples behind one commitment: their features, and what both models said of them."""

    rows: Any
    champion: Any
    candidate: Any


@dataclass(frozen=True)
class Plan:
    """All that is committed to, and what opens it."""

    circuit: Any
    inferred: Inferred
    parts: tuple[Part, ...]

    def openings(self, draw: Draw, most: int) -> Iterator[Any]:
        """What the proofs of rows that are not proven yet open."""
        from hokusai_mlflow.verification.zk import linked  # noqa: PLC0415

        before = 0
        for number, part in enumerate(self.parts):
            n = len(part.rows.codes)
            drawn = draw_rows(draw.seed, number, n, min(n, most))
            start = min(max(draw.rows - before, 0), len(drawn))
            before += len(drawn)
            if start == len(drawn):
                continue
            sides = (part.champion, part.candidate)
            yield from linked.openings(self.circuit, part.rows, sides, drawn, start)


def plan_of(subject: Subject, settings: Settings) -> Plan:
    """What is committed to, and proven, of an attempt; the same whenever it is asked for."""
    from hokusai_mlflow.verification.zk.inference import SLOTS, Inference  # noqa: PLC0415

    attempt, inputs, spec = subject.attempt, subject.attempt.inputs, subject.attempt.inputs.spec
    statement, labels = required_statement(inputs), label_set(attempt, settings)
    champion = required_model(subject.both.champion, spec)
    challenger = required_model(subject.both.candidate, spec)
    digests = (beaten(attempt).digest, subject.candidate)
    sides = [
        side_of(model, digest, inputs, settings)
        for model, digest in zip((champion, challenger), digests, strict=True)
    ]
    told = [
        *private_chunks(statement, subject.gate, labels.gate, settings, spec),
        *private_chunks(statement, subject.payment, labels.payment, settings, spec),
    ]
    parts, predictions = [], []
    for (_, values, commitments), rows in zip(
        told, features_of(attempt, champion, settings), strict=True
    ):
        first, second = (
            type(side)(list(column), salt, side.model, side.model_salt)
            for side, column, salt in zip(
                sides, (values.champion, values.candidate), values.salts[1:], strict=True
            )
        )
        parts.append(Part(rows, first, second))
        predictions.append((len(values), commitments[1], commitments[2]))
    sizes, capacity = statement.circuit, statement.circuit.capacity
    slots = min(SLOTS, capacity, rows_demanded(spec))
    circuit = Inference(capacity, sizes.bits, slots, champion.shape, challenger.shape)
    inferred = Inferred(
        *digests,
        labels.id(spec.model),
        *(side.weights for side in sides),
        tuple(predictions),
        tuple(part.rows.commitment(capacity) for part in parts),
    )
    return Plan(circuit, inferred, tuple(parts))


def features_of(attempt: Attempt, model: Any, settings: Settings) -> list[Any]:
    """Features of every chunk on the grid that the lineage keeps, in the order of the parts."""
    from hokusai_mlflow.verification.zk.linked import Rows  # noqa: PLC0415

    labels, inputs = label_set(attempt, settings), attempt.inputs
    grid = hashlib.sha256(model.low.tobytes() + model.step.tobytes()).hexdigest()
    found = []

    def add(features: pd.DataFrame, chunks: Sequence[Chunk]) -> None:
        for chunk in chunks:
            salt = salt_of(_secret(inputs, settings), "features", chunk.commitment, grid)
            found.append(Rows(model.codes(features.iloc[chunk.rows]), salt))

    add(inputs.part(attempt.holdout).features, labels.gate)
    add(payment_rows(attempt).features, labels.payment)
    return found


def side_of(model: Any, digest: str, inputs: Inputs, settings: Settings) -> Any:
    """A model under the salt of its commitment, with no predictions yet; a `Side`."""
    from hokusai_mlflow.verification.zk.opening import Side  # noqa: PLC0415

    return Side([], 0, model, salt_of(_secret(inputs, settings), "weights", digest))


def rows_demanded(spec: Spec) -> int:
    """Rows to draw of a part that has so many."""
    return rows_to_draw(MOST_ROWS, bad_share=spec.proof.bad_share, miss=spec.proof.miss)


def _secret(inputs: Inputs, settings: Settings) -> bytes:
    return settings.salt_key(inputs.spec.model, inputs.spec.data.split.key)
