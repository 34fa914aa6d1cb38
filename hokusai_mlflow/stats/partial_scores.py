"""Counts of scores by class, exact while there are few distinct ones and binned beyond."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.inputs import Floats

Ints = npt.NDArray[np.int64]

_DENSE = 2**25


def order_keys(scores: Floats) -> Ints:
    """Whole numbers in the order of the scores, equal where these are equal.

    The bits of a positive float order as integers do; those of a negative one in reverse.
    """
    # −0.0 + 0.0 is 0.0.
    bits = (scores + 0.0).view(np.int64)
    return bits ^ ((bits >> 63) & np.int64(2**63 - 1))


@dataclass(frozen=True)
class ScoreCounts:
    """How often every score, or bin of neighbouring scores, occurs in each class.

    Bins are keys (see `order_keys`) without their last `shift` bits, and `shift` is the least one
    with at most `limit` bins. So it depends on the scores alone, not on the order of their parts.

    Attributes
    ----------
    shift : int
        0: every distinct score is counted by itself.
    keys : array of int64, shape (m,)
        Sorted.
    counts : array of int64, shape (classes, m)
        Examples.
    limit : int
        Bins at most.
    """

    shift: int
    keys: Ints
    counts: Ints
    limit: int

    @classmethod
    def of(cls, keys: Ints, codes: Ints, classes: int, limit: int) -> ScoreCounts:
        """Count one part of the data: keys and classes (0 …) of its scores, shape (n,)."""
        every = [np.unique(keys[codes == at], return_counts=True) for at in range(classes)]
        counts = np.zeros((classes, sum(len(found) for found, _ in every)), dtype=np.int64)
        start = 0
        for at, (found, times) in enumerate(every):
            counts[at, start : start + len(found)] = times
            start += len(found)
        return cls(0, np.concatenate([found for found, _ in every]), counts, limit)._gathered()

    def spread(self, rows: npt.NDArray[np.intp], classes: int) -> ScoreCounts:
        """The same counts with its classes at those rows of `classes`."""
        if len(self.counts) == classes:
            return self
        counts = np.zeros((classes, len(self.keys)), dtype=np.int64)
        counts[rows] = self.counts
        return ScoreCounts(self.shift, self.keys, counts, self.limit)

    def __add__(self, other: ScoreCounts) -> ScoreCounts:
        shift = max(self.shift, other.shift)
        return ScoreCounts(
            shift,
            np.concatenate([part.keys >> (shift - part.shift) for part in (self, other)]),
            np.concatenate([self.counts, other.counts], axis=1),
            self.limit,
        )._gathered()

    def _gathered(self) -> ScoreCounts:
        # Merging sorted runs, which a stable sort does in one go.
        order = np.argsort(self.keys, kind="stable")
        keys = self.keys[order]
        # Class by class: one take of rows is slower than several of numbers.
        counts = np.stack([each.take(order) for each in self.counts])
        more = 0
        while len(keys) > self.limit and np.count_nonzero(np.diff(keys >> more)) >= self.limit:
            more += 1
        if more:
            keys = keys >> more
        starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        if len(starts) < len(keys):
            counts = np.stack([np.add.reduceat(each, starts) for each in counts])
        return ScoreCounts(self.shift + more, keys[starts], counts, self.limit)

    def find(self, keys: Ints) -> npt.NDArray[np.intp]:
        """Position of every key's bin.

        Raises
        ------
        InputError
            When a score was never counted.
        """
        wanted = keys >> self.shift
        table = self._table()
        if table is None:
            at = np.searchsorted(self.keys, wanted)
            known = self.keys[np.minimum(at, len(self.keys) - 1)] == wanted
        else:
            away = wanted - self.keys[0]
            inside = (away >= 0) & (away < len(table))
            at = np.where(inside, table[np.where(inside, away, 0)], -1)
            known = at >= 0
        if not known.all():
            raise InputError("the data changed between the two passes; compare again")
        return at

    def _table(self) -> npt.NDArray[np.int32] | None:
        # A direct table where keys lie close: a search in millions of them misses every cache.
        span = int(self.keys[-1]) - int(self.keys[0]) + 1
        if span > _DENSE:
            return None
        kept: npt.NDArray[np.int32] | None = self.__dict__.get("_direct")
        if kept is None:
            kept = np.full(span, -1, dtype=np.int32)
            kept[self.keys - self.keys[0]] = np.arange(len(self.keys))
            object.__setattr__(self, "_direct", kept)
        return kept

    def __repr__(self) -> str:
        n = int(self.counts.sum())
        return f"ScoreCounts(n={n:,}, bins={len(self.keys):,}, shift={self.shift})"
