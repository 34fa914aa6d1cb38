"""What is resampled: independent units, and the improvement as a function of their sums."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.metrics.inputs import Floats, Targets
from hokusai_mlflow.stats.groups import Groups, one_way
from hokusai_mlflow.stats.joint import JointTable, group_sums
from hokusai_mlflow.stats.moments import slope

Method = Literal["joint table", "units", "blocks", "one-step"]


@dataclass(frozen=True, eq=False)
class Units:
    """Rows whose sums give the improvement.

    Attributes
    ----------
    metric : Metric
        Bound.
    rows : array, shape (m, 2k) or (m, 1)
        Statistics of baseline and candidate side by side; for a metric that is no function of
        sums its linearised improvement alone, whose mean is the improvement.
    counts : array of int64, shape (m,)
        Units with this row.
    improvement : float
        Of the data as they are.
    """

    metric: Metric
    rows: Floats
    counts: npt.NDArray[np.int64]
    improvement: float

    @classmethod
    def of(
        cls,
        metric: Metric,
        targets: Targets,
        baseline: npt.ArrayLike,
        candidate: npt.ArrayLike,
        groups: Groups | None,
    ) -> Units:
        """Units of a bound metric: examples, or groups of them.

        Raises
        ------
        InputError
            When an input is malformed, there are two ways of grouping, or under two units.
        """
        if metric.mergeable:
            table = JointTable.of(metric, targets, baseline, candidate, groups)
            rows, counts = table.rows, table.counts
            improvement = float(improvements(metric, counts @ rows))
        else:
            metric.require_comparable(targets, baseline, candidate)
            said_b = metric.statistics(targets, baseline)
            said_c = metric.statistics(targets, candidate)
            values = [float(metric.value(said.sum(axis=0))) for said in (said_b, said_c)]
            improvement = metric.utility(values[1]) - metric.utility(values[0])
            rows = (metric.influence(said_c) - metric.influence(said_b))[:, None]
            for codes in one_way(groups, len(rows)):
                rows = group_sums(rows, codes) * ((codes.max() + 1) / len(rows))
            rows += improvement
            counts = np.ones(len(rows), dtype=np.int64)
        units = cls(metric, rows, counts, improvement)
        if units.size < 2:
            raise InputError(f"expected at least two examples, found {units.size}")
        return units

    @property
    def size(self) -> int:
        """Units in all."""
        return int(self.counts.sum())

    @property
    def method(self) -> Method:
        """How they are resampled."""
        if not self.metric.mergeable:
            return "one-step"
        return "joint table" if len(self.counts) < self.size else "units"

    @property
    def acceleration(self) -> float:
        """Σψ³ / (6 (Σψ²)^1.5) of the influence ψ (Efron 1987, DOI 10.1080/01621459.1987.10478410).

        A sixth of the skewness of the estimate.
        """
        moved = self.rows[:, 0] - self.improvement
        if self.metric.mergeable:
            mean = self.counts @ self.rows / self.size
            k = len(mean) // 2
            weights = np.concatenate([-slope(self.metric, mean[:k]), slope(self.metric, mean[k:])])
            moved = (self.rows - mean) @ weights
        second = float(self.counts @ moved**2)
        return float(self.counts @ moved**3) / (6 * math.sqrt(second) ** 3) if second > 0 else 0.0

    def improvements(self, sums: Floats) -> Floats:
        """Improvement in every resample, from its sums of rows, shape (..., 2k) or (..., 1)."""
        if self.metric.mergeable:
            return improvements(self.metric, sums)
        return np.asarray(sums[..., 0] / self.size)

    def exchanged(self, shifts: Floats) -> Floats:
        """Improvement after exchanges, from the sums of candidate − baseline of what was exchanged.

        Parameters
        ----------
        shifts : array, shape (..., k) or (..., 1)
            Sums over the exchanged units of what `differences` says.
        """
        total = self.counts @ self.rows
        if not self.metric.mergeable:
            return np.asarray((total[0] - 2 * shifts[..., 0]) / self.size)
        k = len(total) // 2
        return improvements(
            self.metric, np.concatenate([total[:k] + shifts, total[k:] - shifts], axis=-1)
        )

    @property
    def differences(self) -> Floats:
        """What an exchange of one unit moves from the candidate to the baseline, shape (m, k)."""
        if not self.metric.mergeable:
            return self.rows
        k = self.rows.shape[1] // 2
        return np.asarray(self.rows[:, k:] - self.rows[:, :k])


def improvements(metric: Metric, sums: Floats) -> Floats:
    """Candidate over baseline from sums of both models' statistics, shape (..., 2k) -> (...).

    Raises
    ------
    MetricUndefined
        When one of them has no value.
    """
    k = sums.shape[-1] // 2
    baseline, candidate = metric.value(sums[..., :k]), metric.value(sums[..., k:])
    if metric.scale == "log_ratio":
        for values in (baseline, candidate):
            # Raises where a loss is 0.
            metric.utility(float(np.min(values)))
        baseline, candidate = np.log(baseline), np.log(candidate)
    moved = candidate - baseline
    return np.asarray(-moved if metric.direction == "lower" else moved)
