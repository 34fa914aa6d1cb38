"""Random exchanges of two models' statistics, many at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.metrics.inputs import Floats
from hokusai_mlflow.stats.joint import distinct_rows
from hokusai_mlflow.stats.multinomial import exact_type, random_bytes
from hokusai_mlflow.stats.units import Units

ROWS = 2**11
"""Rows whose bits are unpacked at a time, so that they stay in the processor's cache."""

BINOMIAL = 32
"""Units from which on a binomial draw is cheaper than so many bits."""


@dataclass(frozen=True, eq=False)
class Swaps:
    """What exchanges move: distinct differences that are not 0, and how often each occurs."""

    differences: Floats
    counts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, units: Units) -> Swaps:
        """Of units, each exchanged with probability one half."""
        moves = units.differences.any(axis=1)
        rows, counts = units.differences[moves], units.counts[moves]
        found = distinct_rows(rows)
        if found is not None:
            first, place = found
            rows, counts = rows[first], np.bincount(place, weights=counts).astype(np.int64)
        if counts.sum() < BINOMIAL * len(counts):
            rows, counts = np.repeat(rows, counts, axis=0), np.ones(counts.sum(), dtype=np.int64)
        return cls(rows, counts)

    def draw(self, rng: np.random.Generator, replicates: int) -> Floats:
        """Sums over what is exchanged, shape (replicates, k)."""
        if len(self.counts) < self.counts.sum():
            drawn = rng.binomial(self.counts, 0.5, size=(replicates, len(self.counts)))
            return np.asarray(drawn @ self.differences)
        dtype = exact_type(self.differences, len(self.differences))
        moved = np.zeros((replicates, self.differences.shape[1]))
        for start in range(0, len(self.differences), ROWS):
            rows: npt.NDArray[Any] = self.differences[start : start + ROWS].astype(dtype)
            width = -(-len(rows) // 8)
            packed = random_bytes(rng, replicates * width)
            bits = np.unpackbits(packed.reshape(replicates, width), axis=1, count=len(rows))
            moved += np.asarray(bits.astype(dtype) @ rows, dtype=np.float64)
        return moved
