"""ROC-AUC from parts of the data in two passes: scores are counted, then examples placed."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.classification import positive_class
from hokusai_mlflow.metrics.inputs import (
    Floats,
    Label,
    Vector,
    as_labels,
    as_numbers,
    require_pairs,
)
from hokusai_mlflow.metrics.ranking import RocAuc
from hokusai_mlflow.stats.delong import (
    DeLong,
    cautious_quantile,
    cautious_tail,
    require_two_examples,
)
from hokusai_mlflow.stats.partial import safe_t
from hokusai_mlflow.stats.partial_counts import Coded, Column
from hokusai_mlflow.stats.partial_moments import CoMoments
from hokusai_mlflow.stats.partial_scores import ScoreCounts, order_keys
from hokusai_mlflow.stats.quantiles import normal_quantile
from hokusai_mlflow.stats.result import BPS, Comparison, conclude, require_level

MAX_BINS = 2**20
"""Distinct scores of one model that are counted before neighbours share a bin."""


@dataclass(frozen=True)
class BinnedComparison(Comparison):
    """A comparison of areas where neighbouring scores were counted together.

    Attributes
    ----------
    bins : int
        Bins of the model with more of them.
    bin_error_bps : float
        By how much the improvement may be off; the interval, the bound and the p-value allow for
        it, and for what it does to the standard error.
    """

    bins: int = 0
    bin_error_bps: float = 0.0

    @property
    def summary(self) -> str:
        """The comparison's, and the error that its interval includes."""
        return (
            f"{super().summary}; scores in {self.bins:,} bins, so the improvement is known to "
            f"±{self.bin_error_bps:.2g} bps, which interval and p-value include"
        )

    def __repr__(self) -> str:
        return f"<BinnedComparison {self.summary}>"


@dataclass(frozen=True)
class RankingCounts:
    """First pass: how often every score occurs in each class, for both models.

    Parts add up with ``+``, and equal data give equal counts in whatever order they were added.

    Attributes
    ----------
    labels : array, shape (≤ 2,)
        Classes that were seen, sorted.
    baseline, candidate : ScoreCounts
        Their counts have a row for each of those classes.
    """

    labels: Vector
    baseline: ScoreCounts
    candidate: ScoreCounts

    @classmethod
    def of(
        cls,
        targets: Column,
        baseline: npt.ArrayLike,
        candidate: npt.ArrayLike,
        *,
        max_bins: int = MAX_BINS,
    ) -> RankingCounts:
        """Of one part of the data, shape (n,) each.

        Raises
        ------
        InputError
            When an input is malformed or there are more than two classes.
        """
        truth, said_b, said_c = _columns(targets, baseline, candidate)
        labels, codes = np.unique(truth, return_inverse=True)
        _require_two(labels)
        codes = codes.reshape(-1)
        both = (
            ScoreCounts.of(order_keys(scores), codes, len(labels), max_bins)
            for scores in (said_b, said_c)
        )
        return cls(labels, *both)

    def __add__(self, other: RankingCounts) -> RankingCounts:
        require_pairs(self.labels[:1], other.labels[:1], labels=True)
        labels = np.union1d(self.labels, other.labels)
        _require_two(labels)
        here, there = (np.searchsorted(labels, part.labels) for part in (self, other))
        k = len(labels)
        return RankingCounts(
            labels,
            self.baseline.spread(here, k) + other.baseline.spread(there, k),
            self.candidate.spread(here, k) + other.candidate.spread(there, k),
        )

    def __repr__(self) -> str:
        return f"RankingCounts({self.baseline!r}, {self.candidate!r})"


class Placing:
    """Second pass: places examples among the other class by the counts of all of them.

    Parameters
    ----------
    metric : RocAuc
        Of two classes.
    counts : RankingCounts
        Of all examples.
    """

    def __init__(self, metric: RocAuc, counts: RankingCounts) -> None:
        self.metric = metric.bind(counts.labels)
        assert self.metric.classes is not None
        unknown = set(counts.labels.tolist()) - set(self.metric.classes)
        if unknown:
            raise InputError(f"targets: unknown classes {sorted(unknown)}")
        if len(counts.labels) < 2:
            # One class only, though two were promised: the in-memory metric says what is wrong.
            self.metric.statistics(counts.labels, [0.0])
        self.positive = counts.labels.tolist().index(self.metric.positive)
        self.labels = counts.labels
        self.models = [
            _Placements(model, self.positive) for model in (counts.baseline, counts.candidate)
        ]

    def of(
        self, targets: Column, baseline: npt.ArrayLike, candidate: npt.ArrayLike
    ) -> PlacementSums:
        """Moments of one part of the data.

        Raises
        ------
        InputError
            When the part was not in the first pass.
        """
        truth, said_b, said_c = _columns(targets, baseline, candidate)
        positive = truth == self.labels[self.positive]
        placed_b = self.models[0].place(said_b, positive)
        placed_c = self.models[1].place(said_c, positive)
        moved = placed_c - placed_b
        return PlacementSums(
            CoMoments.of(moved[positive][:, None]),
            CoMoments.of(moved[~positive][:, None]),
            not moved.any(),
        )

    def finish(
        self, sums: PlacementSums, level: float = 0.05, min_effect_bps: float = 10.0
    ) -> Comparison:
        """The comparison of all examples; a `BinnedComparison` where scores shared bins.

        Raises
        ------
        InputError
            When the two passes did not see the same examples; `MetricUndefined` when a class has
            fewer than two.
        """
        require_level(level, min_effect_bps)
        sizes = self.models[0].totals
        if (sums.positive.n, sums.negative.n) != sizes:
            raise InputError("the data changed between the two passes; compare again")
        n = sum(sizes)
        values = self.models[0].area, self.models[1].area
        variance = squares = cubes = 0.0
        for moments, size, name in zip(
            (sums.positive, sums.negative), sizes, ("positive", "negative"), strict=True
        ):
            require_two_examples(size, name)
            second, third = moments.along(np.ones(1))
            variance += second / (size - 1) / size
            # ψ of an example is its placement's move over the share of its class.
            squares += second * (n / size) ** 2
            cubes += third * (n / size) ** 3
        improvement = 0.0 if sums.same else values[1] - values[0]
        safe = safe_t(improvement, squares, cubes, n)
        off = sum(model.area_error for model in self.models)
        std_error = math.sqrt(variance)
        inference: DeLong | BoundedDeLong = DeLong(improvement, std_error, safe.a)
        if off:
            doubt = math.hypot(
                *(sum(model.spread_error[at] for model in self.models) for at in (0, 1))
            )
            if 2 * doubt > std_error:
                bins = max(model.bins for model in self.models)
                raise InputError(
                    f"expected bins that are finer than the models' difference, found that {bins} "
                    "say too little of its standard error; raise max_bins"
                )
            a_doubt = skewness_doubt(safe.a, doubt / std_error)
            inference = BoundedDeLong(improvement, std_error, off, doubt, safe.a, a_doubt)
        class_counts = dict.fromkeys(map(str, self.metric.classes or ()), 0)
        for at, label in enumerate(self.labels.tolist()):
            class_counts[str(label)] = sizes[0 if at == self.positive else 1]
        result = conclude(
            self.metric,
            values,
            inference,
            safe,
            test="delong",
            n=n,
            groups=None,
            same=sums.same,
            level=level,
            min_effect_bps=min_effect_bps,
            class_counts=class_counts,
        )
        if not off:
            return result
        told: dict[str, Any] = {field.name: getattr(result, field.name) for field in fields(result)}
        bins = max(model.bins for model in self.models)
        return BinnedComparison(**told, bins=bins, bin_error_bps=off * BPS)


@dataclass(frozen=True)
class PlacementSums:
    """Moments of how far the candidate moved the placements, in each class; parts add up.

    Attributes
    ----------
    positive, negative : CoMoments
        Of one column each.
    same : bool
        Whether no placement moved.
    """

    positive: CoMoments
    negative: CoMoments
    same: bool

    def __add__(self, other: PlacementSums) -> PlacementSums:
        return PlacementSums(
            self.positive + other.positive,
            self.negative + other.negative,
            self.same and other.same,
        )


@dataclass(frozen=True)
class BoundedDeLong:
    """DeLong's test and bounds for an estimate known to ± `off`, its error to + `doubt`.

    The least favourable of all values within those bounds counts.

    Attributes
    ----------
    estimate, sampling_error, off, doubt : float
        Difference of the areas, its standard error, and by how much each may be off.
    a, a_doubt : float
        Skewness of the influence function / √n, and by how much it may be off.
    """

    estimate: float
    sampling_error: float
    off: float
    doubt: float
    a: float = 0.0
    a_doubt: float = 0.0

    @property
    def std_error(self) -> float:
        """The largest standard error that the bins admit."""
        return self.sampling_error + self.doubt

    def p_value(self, difference: float) -> float:
        """The largest one-sided p-value of H0: Δ ≤ difference that the bins admit."""
        above = self.estimate - self.off - difference
        error = self.std_error if above > 0 else max(self.sampling_error - self.doubt, 0.0)
        if error == 0:
            return 0.0 if above > 0 else 1.0
        return max(cautious_tail(above / error, a) for a in self._skews())

    def lower(self, level: float) -> float:
        """Lower confidence bound at one-sided `level`."""
        z = max(cautious_quantile(level, a) for a in self._skews())
        return self.estimate - self.off - z * self.std_error

    def interval(self, level: float) -> tuple[float, float]:
        """Two-sided interval that misses Δ with probability ≤ `level`."""
        mirrored = replace(self, estimate=-self.estimate, a=-self.a)
        return self.lower(level / 2), -mirrored.lower(level / 2)

    def quantile(self, tail: float) -> float:
        """Normal quantile."""
        return normal_quantile(tail)

    def _skews(self) -> list[float]:
        # Both ends, and enough between them for a function that bends once.
        if not self.a_doubt:
            return [self.a]
        return [self.a + self.a_doubt * step / 16 for step in range(-16, 17)]


def skewness_doubt(a: float, share: float) -> float:
    """By how much Σψ³/(Σψ²)^1.5 may be off when ψ is by `share` < 1 of its length, ‖e‖₂ / ‖ψ‖₂.

    |Σ(ψ + e)³ − Σψ³| ≤ 3 ‖e‖₂ (‖ψ‖₂ + ‖e‖₂)², and the length itself is off by `share`.
    """
    return (abs(a) + 3 * share * (1 + share) ** 2) / (1 - share) ** 3 - abs(a)


class _Placements:
    """One model's placement of every bin, and how far bins can be from single scores."""

    def __init__(self, counts: ScoreCounts, positive: int) -> None:
        positives, negatives = counts.counts[positive], counts.counts[1 - positive]
        self.totals = int(positives.sum()), int(negatives.sum())
        self.counts, self.bins = counts, len(counts.keys)
        p, q = self.totals
        until_p, until_q = np.cumsum(positives), np.cumsum(negatives)
        self.of_positive = (2 * until_q - negatives) / (2 * q)
        self.of_negative = 1 - (2 * until_p - positives) / (2 * p)
        self.area = float((positives * self.of_positive).sum() / p)
        self.area_error = 0.0
        self.spread_error = 0.0, 0.0
        if counts.shift:
            # Within a bin the order is unknown: a placement is off by half the bin's share of the
            # other class at most.
            half_q, half_p = negatives / (2 * q), positives / (2 * p)
            self.area_error = float((positives * half_q).sum() / p)
            self.spread_error = (
                math.sqrt(float((positives * half_q**2).sum()) / max(p - 1, 1) / p),
                math.sqrt(float((negatives * half_p**2).sum()) / max(q - 1, 1) / q),
            )

    def place(self, scores: Floats, positive: npt.NDArray[np.bool_]) -> Floats:
        bins = self.counts.find(order_keys(scores))
        placed: Floats = np.where(positive, self.of_positive[bins], self.of_negative[bins])
        return placed


def _columns(
    targets: Column, baseline: npt.ArrayLike, candidate: npt.ArrayLike
) -> tuple[Vector, Floats, Floats]:
    truth = as_labels("targets", targets.labels if isinstance(targets, Coded) else targets)
    said_b, said_c = as_numbers("scores", baseline), as_numbers("scores", candidate)
    require_pairs(truth, said_b)
    require_pairs(truth, said_c)
    return truth, said_b, said_c


def _require_two(labels: Vector) -> None:
    if len(labels) > 2:
        known: tuple[Label, ...] = tuple(labels.tolist())
        positive_class(RocAuc.name, known, None)
