"""Joint counts of what is true and what two models say: all that label metrics need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.deltaone import SCORE_UNIT, PairedSums
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.metrics.inputs import Vector, as_labels, require_pairs

Ints = npt.NDArray[np.int64]

MAX_CELLS = 2**23
"""Distinct (target, baseline, candidate) beyond which the columns hold no class labels."""

CHUNK = 2**14
"""Rows per pass, which stay in the processor's cache."""

_WHOSE = ("targets", "predictions", "predictions")


@dataclass(frozen=True)
class Coded:
    """A column of labels as positions in a table, as dictionaries of Arrow are.

    Attributes
    ----------
    codes : (n,) array of integers
        Position of every example's label.
    table : (m,) array
        Distinct labels.
    lowest : int
        What the first label's code is.
    """

    codes: Vector
    table: Vector
    lowest: int = 0

    @property
    def labels(self) -> Vector:
        """Every example's label, shape (n,)."""
        labels: Vector = self.table[self.codes - self.lowest]
        return labels


Column = npt.ArrayLike | Coded
"""Labels of every example, as they are or coded."""


@dataclass(frozen=True)
class JointCounts:
    """How often each (target, baseline, candidate) occurs.

    Sums of any label metric, its influence function and the discordant pairs follow from these
    counts alone, so all label metrics share one table. Tables of disjoint parts add up with ``+``;
    classes may appear in any part. Rows are sorted, so equal data give equal tables.

    Attributes
    ----------
    labels : (m, 3) array of int64 or str
        Distinct triples, sorted.
    counts : (m,) array of int64
        Examples of each.
    """

    labels: Vector
    counts: Ints

    @classmethod
    def of(cls, targets: Column, baseline: Column, candidate: Column) -> JointCounts:
        """Count one part of the data, shape (n,) each.

        Raises
        ------
        InputError
            When a label is missing, a fraction, or of another kind than the others.
        """
        given = [
            _coded(name, column)
            for name, column in zip(_WHOSE, (targets, baseline, candidate), strict=True)
        ]
        for said in given[1:]:
            require_pairs(given[0].codes, said.codes)
            require_pairs(given[0].table[:1], said.table[:1], labels=True)
        cells, counts = _count(given)
        at = np.unravel_index(cells, [len(column.table) for column in given])
        labels = [column.table[place] for column, place in zip(given, at, strict=True)]
        return cls._sorted(np.column_stack(labels), counts)

    @classmethod
    def _sorted(cls, labels: Vector, counts: Ints) -> JointCounts:
        order = np.lexsort(labels.T[::-1])
        return cls(labels[order], counts[order])

    @property
    def n(self) -> int:
        """Examples."""
        return int(self.counts.sum())

    def __add__(self, other: JointCounts) -> JointCounts:
        if np.array_equal(self.labels, other.labels):
            return JointCounts(self.labels, self.counts + other.counts)
        require_pairs(self.labels[:1, 0], other.labels[:1, 0], labels=True)
        both = np.concatenate([self.labels, other.labels])
        table, codes = np.unique(both, return_inverse=True)
        cells = np.ravel_multi_index(tuple(codes.reshape(both.shape).T), (len(table),) * 3)
        _, first, place = np.unique(cells, return_index=True, return_inverse=True)
        counts = np.zeros(len(first), dtype=np.int64)
        np.add.at(counts, place.reshape(-1), np.concatenate([self.counts, other.counts]))
        _require_few(len(counts))
        return JointCounts(both[first], counts)

    @property
    def discordant(self) -> tuple[int, int]:
        """Examples that only the candidate, or only the baseline, gets right."""
        hit_b, hit_c = self._hits()
        return int(self.counts[hit_c & ~hit_b].sum()), int(self.counts[hit_b & ~hit_c].sum())

    @property
    def class_counts(self) -> dict[str, int]:
        """Examples of each class that the targets show."""
        shown, place = np.unique(self.labels[:, 0], return_inverse=True)
        counts = np.zeros(len(shown), dtype=np.int64)
        np.add.at(counts, place.reshape(-1), self.counts)
        return {str(label): int(count) for label, count in zip(shown, counts, strict=True)}

    def paired_sums(self, metric: Metric) -> PairedSums:
        """Exact paired sums of a metric of hits.

        Raises
        ------
        InputError
            When the metric does not pay by hits.
        """
        if metric.paired != "hits":
            raise InputError(
                f"{metric.name} is paid by its linearised score, which takes a second pass; "
                "pay accuracy, or compare in memory"
            )
        hit_b, hit_c = self._hits()
        hits = [int(self.counts[hit].sum()) for hit in (hit_b, hit_c, hit_b & hit_c)]
        squares = [hit * SCORE_UNIT**2 for hit in hits]
        return PairedSums(self.n, hits[0] * SCORE_UNIT, hits[1] * SCORE_UNIT, *squares)

    def _hits(self) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        truth = self.labels[:, 0]
        return truth == self.labels[:, 1], truth == self.labels[:, 2]

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form."""
        return {"labels": self.labels.tolist(), "counts": self.counts.tolist()}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> JointCounts:
        """Inverse of `to_dict`."""
        return cls(np.array(given["labels"]), np.array(given["counts"], dtype=np.int64))

    def __repr__(self) -> str:
        return f"JointCounts(n={self.n}, cells={len(self.counts)})"


def _coded(name: str, given: Column) -> Coded:
    if isinstance(given, Coded):
        return Coded(given.codes, as_labels(name, given.table), given.lowest)
    if isinstance(given, np.ndarray) and given.ndim == 1 and given.size and given.dtype.kind == "i":
        low, high = int(given.min()), int(given.max())
        if high - low < 2**10 and abs(low) < 2**31:
            # Labels that are small numbers count as their own codes.
            return Coded(given, np.arange(low, high + 1), low)
    table, codes = np.unique(as_labels(name, given), return_inverse=True)
    return Coded(codes.reshape(-1), table)


def _count(columns: list[Coded]) -> tuple[Ints, Ints]:
    # How often each cell occurs, cells numbered as in an array of shape (tables of the columns).
    sizes = [len(column.table) for column in columns]
    span = sizes[0] * sizes[1] * sizes[2]
    if span >= 2**62:
        _require_few(span)
    n = len(columns[0].codes)
    steps = (sizes[1] * sizes[2], sizes[2], 1)
    least = sum(column.lowest * step for column, step in zip(columns, steps, strict=True))
    dense = span <= max(2**16, 2 * n)
    every = np.zeros(span if dense else 0, dtype=np.int64)
    sparse = []
    size = CHUNK if span <= CHUNK else n
    combined, scaled = np.empty((2, min(size, n)), dtype=np.int64)
    for start in range(0, n, size):
        cells = combined[: min(size, n - start)]
        cells.fill(-least)
        for column, step in zip(columns, steps, strict=True):
            codes = column.codes[start : start + size]
            cells += np.multiply(codes, step, out=scaled[: len(cells)], dtype=np.int64)
        if dense:
            every += np.bincount(cells, minlength=span)
        else:
            sparse.append(np.unique(cells, return_counts=True))
    if sparse:
        _require_few(len(sparse[0][0]))
        return sparse[0]
    found = np.flatnonzero(every)
    return found, every[found]


def _require_few(cells: int) -> None:
    if cells > MAX_CELLS:
        raise InputError(
            f"expected class labels, found more than {MAX_CELLS:,} distinct combinations of "
            "target and predictions; is one of the columns an id or a number?"
        )
