"""Sums over parts of the data for metrics of numbers: totals and moments of both models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.deltaone import PairedSums
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.metrics.bleu import Bleu
from hokusai_mlflow.metrics.inputs import Floats, Targets, as_labels
from hokusai_mlflow.metrics.regression import R2
from hokusai_mlflow.stats.partial_moments import CoMoments


@dataclass(frozen=True)
class StatisticsSums:
    """Totals and moments of a metric's statistics under both models.

    Moments are of the rows (s_b, s_c, s_c − s_b). The difference adds nothing but digits: of models
    that nearly agree the comparison follows from it, of very different ones from the others.

    Attributes
    ----------
    totals : array, shape (2, k)
        Σ s of the baseline and of the candidate.
    moments : CoMoments
        Of 3k columns.
    same : bool
        Whether both models have the same statistics for every example.
    origin : float or None
        What targets are measured from (r2).
    class_counts : dict or None
        Examples of each class, for metrics of scores.
    paired : PairedSums or None
        Exact sums of capped losses.
    """

    totals: Floats
    moments: CoMoments
    same: bool
    origin: float | None
    class_counts: dict[str, int] | None
    paired: PairedSums | None

    @classmethod
    def of(
        cls,
        metric: Metric,
        targets: Targets,
        baseline: npt.ArrayLike,
        candidate: npt.ArrayLike,
    ) -> StatisticsSums:
        """Of one part of the data.

        Raises
        ------
        InputError
            When an input is malformed, or the metric depends on all examples at once.
        """
        bound = _bound(metric, targets)
        bound.require_comparable(targets, baseline, candidate)
        said_b = bound.statistics(targets, baseline)
        said_c = bound.statistics(targets, candidate)
        n, k = said_b.shape
        rows = np.empty((3 * k, n)).T
        rows[:, :k], rows[:, k : 2 * k] = said_b, said_c
        np.subtract(said_c, said_b, out=rows[:, 2 * k :])
        return cls(
            totals=np.stack([said_b.sum(axis=0), said_c.sum(axis=0)]),
            moments=CoMoments.of(rows),
            same=not rows[:, 2 * k :].any(),
            origin=getattr(bound, "origin", None),
            class_counts=_class_counts(bound, targets),
            paired=_paired(bound, said_b, said_c),
        )

    @property
    def n(self) -> int:
        """Examples."""
        return self.moments.n

    def __add__(self, other: StatisticsSums) -> StatisticsSums:
        other = other._measured_from(self.origin)
        paired = None
        if self.paired is not None and other.paired is not None:
            paired = self.paired + other.paired
        return StatisticsSums(
            self.totals + other.totals,
            self.moments + other.moments,
            self.same and other.same,
            self.origin,
            _added(self.class_counts, other.class_counts),
            paired,
        )

    def bound(self, metric: Metric) -> Metric:
        """The metric as these sums were taken, bound to all examples."""
        if isinstance(metric, R2):
            return replace(metric, origin=self.origin)
        if isinstance(metric, Bleu) and metric.segments is None:
            return replace(metric, segments=self.n)
        return metric

    def projected(self, slope_b: Floats, slope_c: Floats) -> tuple[float, float]:
        """Sums of squares and of cubes of slope_c·(s_c − mean) − slope_b·(s_b − mean)."""
        apart = np.concatenate([-slope_b, slope_c, np.zeros(len(slope_b))])
        half, change = (slope_c - slope_b) / 2, (slope_c + slope_b) / 2
        together = np.concatenate([half, half, change])
        spread = np.sqrt(np.diag(self.moments.second))
        # The same projection either way; the one whose terms are smaller cancels less.
        return self.moments.along(min(together, apart, key=lambda v: float(np.abs(v) @ spread)))

    def _measured_from(self, origin: float | None) -> StatisticsSums:
        if origin == self.origin:
            return self
        if origin is None or self.origin is None:
            raise InputError("expected sums of one metric; take all parts from the same one")
        # z + δ and its square, as a linear map of (squared error, z, z², 1).
        step = self.origin - origin
        shift = np.eye(4)
        shift[1, 3], shift[2, 1], shift[2, 3] = step, 2 * step, step**2
        return replace(
            self,
            totals=self.totals @ shift.T,
            moments=self.moments.mapped(np.kron(np.eye(3), shift).astype(np.float64)),
            origin=origin,
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form."""
        return {
            "totals": self.totals.tolist(),
            "moments": self.moments.to_dict(),
            "same": self.same,
            "origin": self.origin,
            "class_counts": self.class_counts,
            "paired": None if self.paired is None else self.paired.to_dict(),
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> StatisticsSums:
        """Inverse of `to_dict`."""
        paired = given["paired"]
        return cls(
            np.array(given["totals"], dtype=np.float64),
            CoMoments.from_dict(given["moments"]),
            bool(given["same"]),
            given["origin"],
            given["class_counts"],
            None if paired is None else PairedSums.from_dict(paired),
        )

    def __repr__(self) -> str:
        return f"StatisticsSums(n={self.n}, k={self.totals.shape[1]})"


def _bound(metric: Metric, targets: Targets) -> Metric:
    if not metric.mergeable:
        raise InputError(
            f"{metric.name} is not a function of sums over parts; compare all examples at once"
        )
    bound = metric.bind(targets)
    # The origin of r2 can be moved afterwards, and statistics of bleu are the same without the
    # number of segments.
    if bound != metric and not isinstance(metric, (R2, Bleu)):
        raise InputError(
            f"{metric.name} depends on all targets at once; bind it to them before the first part"
        )
    return bound


def _class_counts(metric: Metric, targets: Targets) -> dict[str, int] | None:
    if metric.output not in ("score", "scores") or targets is None:
        return None
    named, counts = np.unique(as_labels("targets", targets), return_counts=True)
    return {str(label): int(count) for label, count in zip(named, counts, strict=True)}


def _added(here: dict[str, int] | None, there: dict[str, int] | None) -> dict[str, int] | None:
    if here is None or there is None:
        return None
    return {
        label: here.get(label, 0) + there.get(label, 0) for label in sorted(here.keys() | there)
    }


def _paired(metric: Metric, said_b: Floats, said_c: Floats) -> PairedSums | None:
    cap: float | None = getattr(metric, "cap", None)
    if metric.paired != "loss" or cap is None:
        return None
    return PairedSums.of(np.minimum(said_b[:, 0] / cap, 1.0), np.minimum(said_c[:, 0] / cap, 1.0))
