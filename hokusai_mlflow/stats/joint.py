"""Two models' statistics, equal rows counted instead of repeated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.metrics.inputs import Floats, Targets
from hokusai_mlflow.stats.groups import Groups, one_way
from hokusai_mlflow.stats.partial_counts import JointCounts

SPARE = 8
"""Rows are counted when there are this many times more of them than distinct ones."""


SAMPLE = 2**10
"""Rows among which one must repeat before all of them are sorted."""


@dataclass(frozen=True, eq=False)
class JointTable:
    """Distinct rows of both models' statistics and how often each occurs.

    Attributes
    ----------
    baseline, candidate : array, shape (m, k)
        Statistics of a unit: an example, or the sum over a group of examples.
    counts : array of int64, shape (m,)
        Units with these statistics.
    """

    baseline: Floats
    candidate: Floats
    counts: npt.NDArray[np.int64]

    @classmethod
    def of(
        cls,
        metric: Metric,
        targets: Targets,
        baseline: npt.ArrayLike,
        candidate: npt.ArrayLike,
        groups: Groups | None = None,
    ) -> JointTable:
        """Table of a bound metric's statistics, as short as the data allow.

        Class labels are counted as labels, so that statistics are computed once per distinct
        (target, baseline, candidate); other statistics are counted where they repeat much.

        Raises
        ------
        InputError
            When an input is malformed, or there are two ways of grouping.
        """
        if metric.output == "label" and metric.mergeable and groups is None:
            joint = JointCounts.of(targets, baseline, candidate)  # type: ignore[arg-type]
            truth, said_b, said_c = joint.labels.T
            table = cls(
                metric.statistics(truth, said_b), metric.statistics(truth, said_c), joint.counts
            )
        else:
            metric.require_comparable(targets, baseline, candidate)
            rows_b = metric.statistics(targets, baseline)
            rows_c = metric.statistics(targets, candidate)
            for codes in one_way(groups, len(rows_b)):
                rows_b, rows_c = group_sums(rows_b, codes), group_sums(rows_c, codes)
            table = cls(rows_b, rows_c, np.ones(len(rows_b), dtype=np.int64)).counted()
        return table

    @property
    def units(self) -> int:
        """Units in all."""
        return int(self.counts.sum())

    @property
    def rows(self) -> Floats:
        """Statistics side by side, shape (m, 2k)."""
        return np.hstack([self.baseline, self.candidate])

    def counted(self) -> JointTable:
        """The same table with equal rows as one, when that makes it much shorter."""
        found = distinct_rows(self.rows)
        if found is None:
            return self
        first, place = found
        counts = np.bincount(place, weights=self.counts).astype(np.int64)
        return JointTable(self.baseline[first], self.candidate[first], counts)

    def __repr__(self) -> str:
        return f"JointTable(units={self.units}, rows={len(self.counts)})"


def distinct_rows(
    rows: Floats,
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]] | None:
    """First position of every distinct row, and every row's place among them; None when many.

    Rows are told apart by one random combination of their columns: one sort of numbers instead of
    one of rows. That equal combinations come from equal rows is checked.

    Parameters
    ----------
    rows : array, shape (n, k)
        Finite numbers.
    """
    few = len(rows) // SPARE
    sample = _keys(rows[:SAMPLE])
    if len(rows) > SAMPLE and len(np.unique(sample)) == SAMPLE:
        # Nothing repeats in the beginning: spare the sort of everything.
        return None
    keys = _keys(rows)
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    place = place.reshape(-1)
    if len(first) > few or not all(
        np.array_equal(column[first][place], column) for column in rows.T
    ):
        return None
    return first, place


def _keys(rows: Floats) -> Floats:
    keys = np.zeros(len(rows))
    # Column by column, so that equal rows give equal bits.
    for column, weight in zip(rows.T, _weights(rows.shape[1]), strict=True):
        keys += column * weight
    return keys


def _weights(k: int) -> list[float]:
    return [float(weight) for weight in np.random.default_rng(0).random(k)]


def group_sums(rows: Floats, codes: npt.NDArray[np.intp]) -> Floats:
    """Sums over groups, shape (n, k) -> (G, k)."""
    return np.stack([np.bincount(codes, weights=column) for column in rows.T], axis=1)
