"""Evaluation sets behind commitments: which examples are private, in what chunks and salts.

All of it follows from the inputs and the split key. Salts never leave this process.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.attempt import Attempt
from hokusai_mlflow.chain.proven import evaluation_set_id
from hokusai_mlflow.contributions.dataset import Dataset
from hokusai_mlflow.contributions.digests import evaluation_digest, shown_digest
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.inputs import PAYMENT, Inputs
from hokusai_mlflow.proven_sums import Circuit
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.verification.statement import Statement

MOST_CHUNKS = 256


@dataclass(frozen=True)
class Chunk:
    """Rows of one proof: where they stand in their part, and the commitment to their labels."""

    rows: npt.NDArray[np.int64]
    salt: int
    commitment: int


@dataclass(frozen=True)
class LabelSet:
    """An evaluation set as it is committed to.

    `gate` and `payment` are the private examples in chunks, by ascending commitment; no `payment`
    where pay is measured on the gate's examples. `gate_shown`, `payment_shown` are the places of
    those examples that are left to oracles alone; `shown` is the digest of all that oracles see.
    """

    gate: tuple[Chunk, ...]
    payment: tuple[Chunk, ...]
    gate_shown: npt.NDArray[np.int64]
    payment_shown: npt.NDArray[np.int64]
    shown: str | None

    @property
    def commitments(self) -> tuple[list[int], list[int]]:
        """Commitments to the labels of gate and payment."""
        gate, payment = ([chunk.commitment for chunk in one] for one in (self.gate, self.payment))
        return gate, payment

    def id(self, model: str) -> str:
        """The evaluation set's id on chain."""
        return evaluation_set_id(model, self.shown, *self.commitments)


def label_set(attempt: Attempt, settings: Settings) -> LabelSet:
    """The examples of an attempt's gate and payment, as they are committed to."""
    inputs, spec = attempt.inputs, attempt.inputs.spec
    parts = [inputs.part(attempt.holdout)]
    if spec.pay == "fresh":
        parts.append(inputs.part(PAYMENT))
    public = [_public(inputs, rows) for rows in parts]
    chunks = [
        _chunks(inputs, rows, np.flatnonzero(~seen), settings)
        for rows, seen in zip(parts, public, strict=True)
    ]
    places = [np.flatnonzero(seen) for seen in public]
    digest = None
    if spec.verification == "hybrid" or spec.proof.oracles_too:
        # Where oracles and proof are both demanded, oracles see everything that is proven.
        seen_rows = [slice(None)] * len(parts) if spec.proof.oracles_too else places
        digest = shown_digest(
            (rows.ids[seen], rows.targets[seen])
            for rows, seen in zip(parts, seen_rows, strict=True)
        )
    nothing: npt.NDArray[np.int64] = np.zeros(0, dtype=np.int64)
    fresh = len(parts) > 1
    return LabelSet(
        gate=chunks[0],
        payment=chunks[1] if fresh else (),
        gate_shown=places[0],
        payment_shown=places[1] if fresh else nothing,
        shown=digest,
    )


def required_statement(inputs: Inputs) -> Statement:
    """What a spec asks to prove."""
    statement = inputs.statement
    if statement is None:
        raise InputError(f"{inputs.spec.model} is verified by oracles; there is nothing to prove")
    return statement


def salt_of(key: bytes, *parts: object) -> int:
    """A salt below the circuits' field, from a secret key and what it is for."""
    from hokusai_mlflow.verification.zk.field import R  # noqa: PLC0415

    said = "\x1f".join(["hokusai:salt:1", *map(str, parts)]).encode()
    return int.from_bytes(hmac.new(key, said, hashlib.sha512).digest(), "big") % R


def circuit_of(circuit: Circuit) -> Any:
    """The prover's circuit of these sizes."""
    from hokusai_mlflow.verification.zk.proving import circuit as named  # noqa: PLC0415

    return named(circuit.counted, circuit.capacity, circuit.bits, circuit.range)


# ---------------------------------------------------------------------- inside


def _chunks(
    inputs: Inputs, rows: Dataset, places: npt.NDArray[np.int64], settings: Settings
) -> tuple[Chunk, ...]:
    from hokusai_mlflow.verification.zk.columns import Column  # noqa: PLC0415

    statement, spec = required_statement(inputs), inputs.spec
    if not len(places):
        raise InputError("none of the examples is private; use verification: oracle")
    capacity = statement.circuit.capacity
    if len(places) > capacity * MOST_CHUNKS:
        raise InputError(
            f"{len(places):,} examples are more than {MOST_CHUNKS} chunks of {capacity:,} hold; "
            "choose a larger proof.capacity, or fewer examples"
        )
    circuit = circuit_of(statement.circuit)
    key = settings.salt_key(spec.model, spec.data.split.key)
    labels = statement.labels(rows.targets)
    found = []
    for start in range(0, len(places), capacity):
        some = places[start : start + capacity]
        values = [labels[row] for row in some]
        content = evaluation_digest(rows.ids[some], rows.targets[some])
        salt = salt_of(key, "labels", spec.model, repr(circuit), content)
        found.append(Chunk(some, salt, circuit.commitment(Column.LABELS, values, salt)))
    return tuple(sorted(found, key=lambda chunk: chunk.commitment))


def _public(inputs: Inputs, rows: Dataset) -> npt.NDArray[np.bool_]:
    """Which of these examples are left to oracles alone."""
    spec = inputs.spec
    if spec.verification == "zk":
        return np.zeros(len(rows), dtype=bool)
    assert spec.data.source is not None
    said = rows.told_by(spec.data.source)
    unmarked = sorted(set(said.tolist()) - set(spec.data.sources))
    if unmarked:
        raise InputError(
            f"data.sources marks no {unmarked[0]!r}, which examples come from; mark every source "
            "public or private"
        )
    public = np.array([spec.data.sources[str(source)] == "public" for source in said])
    if not public.any():
        raise InputError("none of the examples is public; use verification: zk")
    return public
