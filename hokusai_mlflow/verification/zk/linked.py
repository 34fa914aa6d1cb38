"""Inference proofs of one part of an evaluation: what is committed to, proven, and verified.

Order of events, which the contract enforces: labels, features and the champion's weights are
committed to; then the predictions that the metric proof is about, and the candidate's weights; then
a block gives randomness; then rows are drawn from it and proven.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.verification.zk import prover, sampling
from hokusai_mlflow.verification.zk.inference import Inference
from hokusai_mlflow.verification.zk.keys import KeyRecord, KeyStore
from hokusai_mlflow.verification.zk.opening import (
    Opening,
    Side,
    features_commitment,
    row_digest,
)
from hokusai_mlflow.verification.zk.setup import Progress, silent
from hokusai_mlflow.verification.zk.verifying import Proof


@dataclass(frozen=True)
class Rows:
    """Features of the examples behind one commitment, on the grid; shape (n, inputs)."""

    codes: npt.NDArray[np.int64] = field(repr=False)
    salt: int = field(repr=False)

    @cached_property
    def digests(self) -> tuple[int, ...]:
        """One per example."""
        return tuple(row_digest(row) for row in self.codes)

    def commitment(self, capacity: int) -> int:
        """Commitment F to them, for circuits of a capacity."""
        return features_commitment(self.digests, capacity, self.salt)


def openings(
    of: Inference,
    rows: Rows,
    sides: tuple[Side, Side],
    drawn: Sequence[int],
    start: int = 0,
) -> list[Opening]:
    """What the proofs of drawn rows open, one after the other, from one of them on."""
    return [
        Opening(*sides, rows.digests, rows.salt, piece, rows.codes[piece])
        for piece in sampling.pieces(drawn, of.slots, start)
    ]


def prove(
    of: Inference,
    opened: Sequence[Opening],
    context: int,
    store: KeyStore,
    *,
    record: KeyRecord | None = None,
    progress: Progress = silent,
) -> Iterator[tuple[list[int], Proof]]:
    """Public inputs and proof of every opening, one after the other.

    Parameters
    ----------
    of : Inference
    opened : sequence of Opening
        Of rows that were drawn after everything was committed to.
    context : int
        Below 2^248; what the proofs are bound to.
    store : KeyStore
    record : KeyRecord, optional
        The key; the one with the strongest mode in the store by default.
    progress : callable, optional

    Raises
    ------
    InputError, MissingInput
        When a committed prediction is not its model's, sizes do not fit, or there is no key.
    """
    # A wrong prediction is told before minutes are spent on the rows before it.
    inputs = [of.public_inputs(opening, context) for opening in opened]
    key = store.load(record or store.get(of))
    for number, (opening, public) in enumerate(zip(opened, inputs, strict=True)):
        progress("proving predictions", number, len(opened))
        yield public, prover.prove(key, of.built(opening, context, record=False).values)
    progress("proving predictions", len(opened), len(opened))
