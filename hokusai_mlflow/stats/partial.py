"""Comparisons from parts of the data: partial results that add up and finish to a `Comparison`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.deltaone import PairedSums
from hokusai_mlflow.errors import InputError, UnknownName, did_you_mean
from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.metrics.inputs import Floats, Targets
from hokusai_mlflow.stats.inference import Inference
from hokusai_mlflow.stats.moments import jump
from hokusai_mlflow.stats.partial_counts import Coded, Column, JointCounts
from hokusai_mlflow.stats.partial_statistics import StatisticsSums
from hokusai_mlflow.stats.result import Comparison, conclude, require_level
from hokusai_mlflow.stats.skew import SafeT, one_more
from hokusai_mlflow.stats.tango import Tango


@dataclass(frozen=True)
class PartialComparison:
    """Two models on some of the examples, by several metrics at once.

    Partial results of disjoint examples add up with ``+``, in any order and grouping, and
    `finish` to what `compare_outputs` finds on all examples, to rounding: a relative error of
    about 1e-16 × the ratio of the two models' losses.

    Attributes
    ----------
    n : int
        Examples.
    counts : JointCounts or None
        For all metrics of labels together.
    statistics : dict
        Signature of every other metric to its sums.
    """

    n: int
    counts: JointCounts | None
    statistics: dict[str, StatisticsSums]

    @classmethod
    def of(
        cls,
        metrics: Sequence[Metric],
        targets: Column | None,
        baseline: Column,
        candidate: Column,
    ) -> PartialComparison:
        """Of one part of the data.

        Parameters
        ----------
        metrics : sequence of Metric
            Mergeable metrics over the same targets and outputs; they need not be bound.
        targets, baseline, candidate : array-like, shape (n,)
            Truth, and what each model says of it; labels may be `Coded`.

        Raises
        ------
        InputError
            When an input is malformed, or a metric is no function of sums.
        """
        counts = None
        statistics = {}
        for metric in metrics:
            if metric.output == "label" and metric.mergeable:
                if counts is None:
                    counts = JointCounts.of(_there(targets), baseline, candidate)
            else:
                statistics[metric.signature] = StatisticsSums.of(
                    metric, _plain(targets), _plain(baseline), _plain(candidate)
                )
        sizes = {part.n for part in (counts, *statistics.values()) if part is not None}
        return cls(sizes.pop() if sizes else 0, counts, statistics)

    @classmethod
    def empty(cls) -> PartialComparison:
        """Of no examples: adds nothing to any other."""
        return cls(0, None, {})

    def __add__(self, other: PartialComparison) -> PartialComparison:
        if self.n == 0 or other.n == 0:
            return other if self.n == 0 else self
        if self.statistics.keys() != other.statistics.keys() or (self.counts is None) != (
            other.counts is None
        ):
            raise InputError("expected partial results of the same metrics; take all parts alike")
        counts = self.counts
        if counts is not None and other.counts is not None:
            counts += other.counts
        return PartialComparison(
            self.n + other.n,
            counts,
            {name: sums + other.statistics[name] for name, sums in self.statistics.items()},
        )

    def finish(
        self, metric: Metric, level: float = 0.05, min_effect_bps: float = 10.0
    ) -> Comparison:
        """The comparison of all examples that were added up.

        Parameters
        ----------
        metric : Metric
            One of those that were summed; of labels, any metric.
        level, min_effect_bps : float
            As in `compare_outputs`.

        Raises
        ------
        InputError
            When there are fewer than two examples; `MetricUndefined` when a value does not exist;
            `UnknownName` when the metric was not summed.
        """
        require_level(level, min_effect_bps)
        if self.n < 2:
            raise InputError(f"expected at least two examples, found {self.n}; bring more data")
        if self.counts is not None and metric.output == "label":
            return _finish_counts(metric, self.counts, level, min_effect_bps)
        return _finish_statistics(metric, self._sums(metric), level, min_effect_bps)

    def paired_sums(self, metric: Metric) -> PairedSums:
        """Exact sums of paired scores, equal to those of `paired_scores` on all examples.

        Raises
        ------
        InputError
            When the metric pays neither by hits nor by a capped loss.
        """
        if self.counts is not None and metric.output == "label":
            return self.counts.paired_sums(metric)
        paired = self._sums(metric).paired
        if paired is None:
            raise InputError(
                f"{metric.name}: expected hits or a loss with a cap, whose paired sums one pass "
                "gives; give the loss a cap, or compare in memory"
            )
        return paired

    def _sums(self, metric: Metric) -> StatisticsSums:
        if metric.signature not in self.statistics:
            known = did_you_mean(metric.signature, self.statistics)
            raise UnknownName(f"{metric.signature} was not summed{known}")
        return self.statistics[metric.signature]

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form."""
        return {
            "n": self.n,
            "counts": None if self.counts is None else self.counts.to_dict(),
            "statistics": {name: sums.to_dict() for name, sums in self.statistics.items()},
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> PartialComparison:
        """Inverse of `to_dict`."""
        counts = given["counts"]
        return cls(
            int(given["n"]),
            None if counts is None else JointCounts.from_dict(counts),
            {name: StatisticsSums.from_dict(of) for name, of in given["statistics"].items()},
        )

    def __repr__(self) -> str:
        of = (["labels"] if self.counts is not None else []) + list(self.statistics)
        return f"PartialComparison(n={self.n:,}, {', '.join(of) or 'nothing'})"


def _finish_statistics(
    metric: Metric, sums: StatisticsSums, level: float, min_effect_bps: float
) -> Comparison:
    bound, n = sums.bound(metric), sums.n
    values = float(bound.value(sums.totals[0])), float(bound.value(sums.totals[1]))
    safe = SafeT(0.0, 0.0, 0.0, n)
    if not sums.same:
        slopes = [utility_slope(bound, total / n) for total in sums.totals]
        improvement = bound.utility(values[1]) - bound.utility(values[0])
        safe = safe_t(improvement, *sums.projected(*slopes), n)
    return conclude(
        bound,
        values,
        safe,
        safe,
        test="t+hall",
        n=n,
        groups=None,
        same=sums.same,
        level=level,
        min_effect_bps=min_effect_bps,
        class_counts=sums.class_counts,
    )


def _finish_counts(
    metric: Metric, joint: JointCounts, level: float, min_effect_bps: float
) -> Comparison:
    # Every cell is an example that counts as often as it occurred.
    targets, baseline, candidate = joint.labels.T
    bound, n = metric.bind(targets), joint.n
    said_b, said_c = (bound.statistics(targets, output) for output in (baseline, candidate))
    totals = [(joint.counts * said.T).sum(axis=1) for said in (said_b, said_c)]
    values = float(bound.value(totals[0])), float(bound.value(totals[1]))
    same = np.array_equal(said_b, said_c)
    improvement, moved = 0.0, np.zeros(len(joint.counts))
    if not same:
        slopes = [utility_slope(bound, total / n) for total in totals]
        moved = said_c @ slopes[1] - said_b @ slopes[0]
        moved -= (joint.counts * moved).sum() / n
        improvement = bound.utility(values[1]) - bound.utility(values[0])
    each = joint.counts * moved * moved
    squares = float(each.sum())
    if bound.test != "tango":
        # As in `compare_outputs`: few discordant examples say too little of their variance.
        quartics = float((each * moved * moved).sum())
        squares += one_more(squares, quartics, jump(bound, totals[0] / n, totals[1] / n))
    safe = SafeT.from_sums(improvement, squares, float((each * moved).sum()), n)
    inference: Inference = Tango(*joint.discordant, n) if bound.test == "tango" else safe
    expected = getattr(bound, "classes", None) or ()
    return conclude(
        bound,
        values,
        inference,
        safe,
        test=bound.test,
        n=n,
        groups=None,
        same=same,
        level=level,
        min_effect_bps=min_effect_bps,
        discordant=joint.discordant,
        class_counts={str(label): 0 for label in expected} | joint.class_counts,
    )


def utility_slope(metric: Metric, mean: Floats) -> Floats:
    """Derivative of `metric.utility(metric.value(mean))` by the mean statistics, shape (k,)."""
    slope = metric.gradient(mean)
    if metric.scale == "log_ratio":
        slope = slope / float(metric.value(mean))
    return -slope if metric.direction == "lower" else slope


def safe_t(improvement: float, squares: float, cubes: float, n: int) -> SafeT:
    """Student's t from Σ ψ² and Σ ψ³ of n influences with mean 0."""
    error = math.sqrt(squares / (n * (n - 1)))
    skew = 0.0 if squares == 0 else (cubes / n) / math.sqrt(squares / n) ** 3
    return SafeT(improvement, error, skew, n)


def _there(targets: Column | None) -> Column:
    if targets is None:
        raise InputError("targets: expected the true labels, found none")
    return targets


def _plain(column: Column | None) -> npt.ArrayLike:
    given: Targets = column.labels if isinstance(column, Coded) else column
    return given  # type: ignore[return-value]
