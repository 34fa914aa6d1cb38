"""The result of a paired comparison, and how it follows from a test."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, Literal

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.stats.inference import Inference
from hokusai_mlflow.stats.power import POWER, detectable, required_size
from hokusai_mlflow.stats.quantiles import normal_quantile
from hokusai_mlflow.stats.skew import SafeT

BPS = 10_000
INTERVAL = 0.05

MOST_SKEW = 0.10
"""Largest |skewness| / √units at which tests and intervals keep their level."""
Test = Literal["tango", "delong", "t+hall", "two-way-t"]


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
        Independent groups of examples, the fewer ones when they are grouped in two ways; None when
        every example stands for itself.
    baseline, candidate : float or None
        The metric's values; None when only what the models disagree on was labelled.
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
    test : {"tango", "delong", "t+hall", "two-way-t"}
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
    weighted : bool
        Whether examples have weights.
    """

    metric: str
    n: int
    groups: int | None
    baseline: float | None
    candidate: float | None
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
    weighted: bool = False

    @property
    def units(self) -> int:
        """Independent units: groups, or examples when there are none."""
        return self.n if self.groups is None else self.groups

    @property
    def significant(self) -> bool:
        """Whether H0: Δ ≤ min_effect_bps is rejected at `level`."""
        return self.p_value <= self.level

    @property
    def tail(self) -> float:
        """Skewness of the influence function / √units: what skewness does to test and bounds."""
        return self.skew / math.sqrt(self.units)

    @property
    def caveat(self) -> str:
        """Why interval and p-value are not to be relied on; empty when they are.

        Beyond |tail| = 0.10 the influence function is so skewed that a few examples
        decide; 95 % intervals then hold the truth as rarely as 83 % of the time.
        """
        tail = abs(self.tail)
        if tail <= MOST_SKEW:
            return ""
        return (
            f"skew/√n = {tail:.2f} in size is above {MOST_SKEW:g}: a few examples decide, and "
            "interval and p-value say more than they know; clip the loss at a cap, or bring more "
            "examples"
        )

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
            f"{self.metric} {_value(self.baseline)} → {_value(self.candidate)}: "
            f"{self.improvement_bps:+.1f} bps [{self.ci_low_bps:+.1f}, {self.ci_high_bps:+.1f}], "
            f"p={self.p_value:.3g} for Δ ≤ {self.min_effect_bps:g} bps "
            f"({self.test}, n={self.n:,}{units}, level {self.level:.3g})"
        )

    def __repr__(self) -> str:
        return f"<Comparison {self.summary}>"

    def to_text(self) -> str:
        """A line per figure, aligned."""
        wide = max(map(len, self._figures()))
        lines = [f"{name:<{wide}}  {told}" for name, told in self._figures().items()]
        return "\n".join([self.metric, *lines])

    def to_markdown(self) -> str:
        """A table with a row per figure."""
        rows = [f"| {name} | {told} |" for name, told in self._figures().items()]
        return "\n".join([f"| {self.metric} | |", "|---|---:|", *rows])

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(told)}</td></tr>"
            for name, told in self._figures().items()
        )
        return f"<table><caption>{escape(self.metric)}</caption>{cells}</table>"

    def _figures(self) -> dict[str, str]:
        return {
            "baseline": _value(self.baseline),
            "candidate": _value(self.candidate),
            "improvement": f"{self.improvement_bps:+.1f} bps",
            "95 % interval": f"{self.ci_low_bps:+.1f} … {self.ci_high_bps:+.1f} bps",
            f"p (Δ ≤ {self.min_effect_bps:g} bps)": f"{self.p_value:.3g}",
            "found with 80 % power": f"{self.detectable_bps:.0f} bps",
            "examples": f"{self.n:,}",
            "test": self.test,
        } | ({"caveat": self.caveat} if self.caveat else {})


def _value(value: float | None) -> str:
    return "?" if value is None else f"{value:.6g}"


def conclude(
    metric: Metric,
    values: tuple[float, float],
    inference: Inference,
    safe: SafeT,
    *,
    test: Test,
    n: int,
    groups: int | None,
    same: bool,
    level: float,
    min_effect_bps: float,
    discordant: tuple[int, int] | None = None,
    class_counts: dict[str, int] | None = None,
    weighted: bool = False,
) -> Comparison:
    """The comparison that follows from a test of the improvement.

    Parameters
    ----------
    metric : Metric
        What is compared, bound.
    values : (float, float)
        The metric's value for the baseline and for the candidate.
    inference : Inference
        The test.
    safe : SafeT
        Student's t on the influence, for the standard error and the skewness.
    same : bool
        Whether both models have the same statistics for every example.
    test, n, groups, level, min_effect_bps, discordant, class_counts, weighted
        As in `Comparison`.
    """
    null = min_effect_bps / BPS
    # Equal models are never evidence of an improvement, whatever the test says of no data.
    p_value = 1.0 if same and null >= 0 else inference.p_value(null)
    low, high = inference.interval(INTERVAL)
    quantiles = inference.quantile(level) + inference.quantile(1 - POWER)
    error = inference.std_error if test == "delong" else safe.std_error
    return Comparison(
        metric=metric.name,
        n=n,
        groups=groups,
        baseline=values[0],
        candidate=values[1],
        improvement=safe.estimate,
        improvement_bps=safe.estimate * BPS,
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
        class_counts=class_counts,
        detectable_bps=detectable(null, inference.std_error, quantiles) * BPS,
        planning_error_bps=inference.std_error * BPS,
        weighted=weighted,
    )


def require_level(level: float, min_effect_bps: float) -> None:
    """Refuse a level or a minimum effect that no test has.

    Raises
    ------
    InputError
        When the level is not between 0 and 0.5, or the minimum effect is not finite.
    """
    if not 0 < level < 0.5:
        raise InputError(f"expected a level between 0 and 0.5, found {level!r}")
    if not math.isfinite(min_effect_bps):
        raise InputError(f"expected a finite minimum effect in bps, found {min_effect_bps!r}")
