"""Two models on the same examples: improvement, its uncertainty, and what the data could find."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.base import Metric, Test
from hokusai_mlflow.metrics.inputs import Floats, as_labels
from hokusai_mlflow.stats.delong import DeLong
from hokusai_mlflow.stats.groups import group_codes
from hokusai_mlflow.stats.power import POWER, detectable, required_size
from hokusai_mlflow.stats.quantiles import normal_quantile
from hokusai_mlflow.stats.skew import SafeT
from hokusai_mlflow.stats.tango import Tango

BPS = 10_000
INTERVAL = 0.05


class Inference(Protocol):
    """A one-sided test of H0: Δ ≤ δ₀ with the bounds that invert it, in native units."""

    @property
    def std_error(self) -> float:
        """Standard error for planning; the measured Δ does not enter it."""
        ...

    def p_value(self, difference: float) -> float:
        """P-value of H0: Δ ≤ difference."""
        ...

    def lower(self, level: float) -> float:
        """Lower confidence bound at one-sided `level`."""
        ...

    def interval(self, level: float) -> tuple[float, float]:
        """Two-sided interval, `level` / 2 on each side."""
        ...

    def quantile(self, tail: float) -> float:
        """What the test statistic exceeds with probability `tail` under H0."""
        ...


@dataclass(frozen=True)
class Comparison:
    """A paired comparison of a candidate with a baseline.

    Attributes
    ----------
    metric : str
        Name of the metric.
    n : int
        Examples.
    groups : int or None
        Independent groups of examples; None when every example stands for itself.
    baseline, candidate : float
        The metric's values.
    improvement : float
        Candidate over baseline, positive when better: difference, or log ratio for losses.
    improvement_bps, std_error_bps : float
        Improvement and its standard error in basis points (1e-4).
    ci_low_bps, ci_high_bps : float
        Two-sided 95 % interval.
    lower_bound_bps : float
        One-sided lower bound at `level`.
    p_value : float
        Of H0: Δ ≤ min_effect_bps, one-sided.
    test : {"tango", "delong", "t+hall"}
        Which test made them.
    level, min_effect_bps : float
        Level of the test and its minimum effect δ₀.
    skew : float
        Skewness of the influence function ψ over units.
    discordant : (int, int) or None
        Examples that only the candidate, or only the baseline, gets right (class predictions).
    class_counts : dict or None
        Examples of each class, for class targets.
    detectable_bps : float
        Smallest true improvement found with 80 % power at `level`, whatever was measured.
    planning_error_bps : float
        The standard error that `detectable_bps` and `required_n` rest on; Δ does not enter it.
    """

    metric: str
    n: int
    groups: int | None
    baseline: float
    candidate: float
    improvement: float
    improvement_bps: float
    std_error_bps: float
    ci_low_bps: float
    ci_high_bps: float
    lower_bound_bps: float
    p_value: float
    test: Test
    level: float
    min_effect_bps: float
    skew: float
    discordant: tuple[int, int] | None
    class_counts: dict[str, int] | None
    detectable_bps: float
    planning_error_bps: float

    @property
    def units(self) -> int:
        """Independent units: groups, or examples when there are none."""
        return self.n if self.groups is None else self.groups

    @property
    def significant(self) -> bool:
        """Whether H0: Δ ≤ min_effect_bps is rejected at `level`."""
        return self.p_value <= self.level

    def required_n(self, effect_bps: float, power: float = POWER) -> int:
        """Examples that would find a true improvement of `effect_bps` with this power.

        Groups are taken to stay as large as they are.

        Raises
        ------
        InputError
            When the effect is not above `min_effect_bps`, or power is not between 0.5 and 1.
        """
        if not 0.5 <= power < 1:
            raise InputError(f"expected a power from 0.5 to below 1, found {power!r}")
        quantiles = normal_quantile(self.level) + normal_quantile(1 - power)
        return required_size(
            self.n, self.min_effect_bps, effect_bps, self.planning_error_bps, quantiles
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form, all fields."""
        given = asdict(self)
        given["discordant"] = None if self.discordant is None else list(self.discordant)
        return given

    @property
    def summary(self) -> str:
        """One sentence: metric, both values, improvement with its interval, p-value, test."""
        units = "" if self.groups is None else f" in {self.groups:,} groups"
        return (
            f"{self.metric} {self.baseline:.6g} → {self.candidate:.6g}: "
            f"{self.improvement_bps:+.1f} bps [{self.ci_low_bps:+.1f}, {self.ci_high_bps:+.1f}], "
            f"p={self.p_value:.3g} for Δ ≤ {self.min_effect_bps:g} bps "
            f"({self.test}, n={self.n:,}{units}, level {self.level:.3g})"
        )

    def __repr__(self) -> str:
        return f"<Comparison {self.summary}>"

    def _repr_html_(self) -> str:
        rows = {
            "baseline": f"{self.baseline:.6g}",
            "candidate": f"{self.candidate:.6g}",
            "improvement": f"{self.improvement_bps:+.1f} bps",
            "95 % interval": f"{self.ci_low_bps:+.1f} … {self.ci_high_bps:+.1f} bps",
            f"p (Δ ≤ {self.min_effect_bps:g} bps)": f"{self.p_value:.3g}",
            "found with 80 % power": f"{self.detectable_bps:.0f} bps",
            "examples": f"{self.n:,}",
            "test": self.test,
        }
        cells = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(told)}</td></tr>"
            for name, told in rows.items()
        )
        return f"<table><caption>{escape(self.metric)}</caption>{cells}</table>"


def compare_outputs(
    metric: Metric,
    targets: npt.ArrayLike,
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    *,
    groups: npt.ArrayLike | None = None,
    level: float = 0.05,
    min_effect_bps: float = 10.0,
) -> Comparison:
    """Compare two models' outputs on the same examples.

    H0: Δ ≤ δ₀ is tested one-sided: accuracy by Tango's score test (1998), ROC-AUC by DeLong's
    (1988), all else, and everything in groups, by Student's t on the influence function, where
    Hall's transformation (1992) counts when it is more cautious. Examples of a group are summed
    first, so groups may be as dependent inside as they like (Miller 2024, arXiv:2411.00640).
    Exchanging the models changes the sign of the improvement exactly.

    Parameters
    ----------
    metric : Metric
        What is compared.
    targets, baseline, candidate : array-like, shape (n,)
        Truth, and what each model says of it, in the same order.
    groups : array-like, shape (n,), optional
        Which examples belong together (user, document, rater).
    level : float
        One-sided level of the test, between 0 and 0.5.
    min_effect_bps : float
        δ₀ in basis points; negative for a test of non-inferiority.

    Raises
    ------
    InputError
        When an input is malformed; `MetricUndefined` when a value does not exist.
    """
    if not 0 < level < 0.5:
        raise InputError(f"expected a level between 0 and 0.5, found {level!r}")
    if not math.isfinite(min_effect_bps):
        raise InputError(f"expected a finite minimum effect in bps, found {min_effect_bps!r}")
    bound = metric.bind(targets)
    said_b = bound.statistics(targets, baseline)
    said_c = bound.statistics(targets, candidate)
    n = len(said_b)
    value_b, value_c = (float(bound.value(said.sum(axis=0))) for said in (said_b, said_c))
    same = np.array_equal(said_b, said_c)
    moved: Floats
    if same:
        improvement, moved = 0.0, np.zeros(n)
    else:
        improvement = bound.utility(value_c) - bound.utility(value_b)
        moved = bound.influence(said_c) - bound.influence(said_b)
    codes = None if groups is None else group_codes(groups, n)
    if codes is not None:
        summed: Floats = np.bincount(codes, weights=moved).astype(np.float64)
        moved = summed * (len(summed) / n)
    if len(moved) < 2:
        what = "example" if codes is None else "group"
        raise InputError(f"expected at least two {what}s, found {len(moved)}; bring more data")
    discordant = _discordant(targets, baseline, candidate) if bound.output == "label" else None
    test: Test = "t+hall" if codes is not None else bound.test
    safe = SafeT.of(improvement, moved)
    inference: Inference = safe
    if test == "tango":
        assert discordant is not None
        inference = Tango(*discordant, n)
    elif test == "delong":
        inference = DeLong.of(improvement, said_b, said_c)
    null = min_effect_bps / BPS
    p_value = inference.p_value(null)
    if same and null >= 0:
        # Equal models are never evidence of an improvement, whatever the test says of no data.
        p_value = 1.0
    low, high = inference.interval(INTERVAL)
    quantiles = inference.quantile(level) + inference.quantile(1 - POWER)
    error = inference.std_error if test == "delong" else safe.std_error
    return Comparison(
        metric=bound.name,
        n=n,
        groups=None if codes is None else len(moved),
        baseline=value_b,
        candidate=value_c,
        improvement=improvement,
        improvement_bps=improvement * BPS,
        std_error_bps=error * BPS,
        ci_low_bps=low * BPS,
        ci_high_bps=high * BPS,
        lower_bound_bps=inference.lower(level) * BPS,
        p_value=p_value,
        test=test,
        level=level,
        min_effect_bps=float(min_effect_bps),
        skew=safe.skew,
        discordant=discordant,
        class_counts=_class_counts(bound, targets),
        detectable_bps=detectable(null, inference.std_error, quantiles) * BPS,
        planning_error_bps=inference.std_error * BPS,
    )


def _discordant(
    targets: npt.ArrayLike, baseline: npt.ArrayLike, candidate: npt.ArrayLike
) -> tuple[int, int]:
    truth = as_labels("targets", targets)
    hit_b = truth == as_labels("predictions", baseline)
    hit_c = truth == as_labels("predictions", candidate)
    return int((hit_c & ~hit_b).sum()), int((hit_b & ~hit_c).sum())


def _class_counts(metric: Metric, targets: npt.ArrayLike) -> dict[str, int] | None:
    if metric.output == "value":
        return None
    named, counts = np.unique(as_labels("targets", targets), return_counts=True)
    expected = getattr(metric, "classes", None) or ()
    none_yet = {str(label): 0 for label in expected}
    return none_yet | {
        str(label): int(count) for label, count in zip(named.tolist(), counts, strict=True)
    }
