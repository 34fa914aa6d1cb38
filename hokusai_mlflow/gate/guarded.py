"""Non-inferiority: what may not get worse by more than a margin, and whether the data can tell."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError, MetricUndefined
from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.stats.comparison import Comparison, compare_outputs
from hokusai_mlflow.stats.power import POWER
from hokusai_mlflow.stats.quantiles import normal_quantile
from hokusai_mlflow.stats.result import MOST_SKEW
from hokusai_mlflow.stats.tango import tango_z

BPS = 10_000
MIN_UNITS = 30
"""Fewer examples (or groups) than this are not compared."""


@dataclass(frozen=True, repr=False)
class Guarded:
    """One guardrail or slice, compared.

    Attributes
    ----------
    name : str
        What is guarded, such as ``"mae"`` or ``"accuracy where sex=1"``.
    margin_bps : float
        How much worse the candidate may be: the null hypothesis is Δ ≤ −margin.
    n : int
        Examples.
    comparison : Comparison or None
        With `min_effect_bps` = −margin and Holm's smallest level; None where there is none.
    why_not : str
        Why there is none, or why its p-value does not count.
    skipped : bool
        Whether the policy leaves slices of this size out.
    """

    name: str
    margin_bps: float
    n: int
    comparison: Comparison | None = None
    why_not: str = ""
    skipped: bool = False

    @property
    def p_value(self) -> float:
        """Of H0: Δ ≤ −margin; 1 where nothing could be compared."""
        if self.comparison is None or self.why_not:
            return 1.0
        found = self.comparison.p_value
        return found if 0 <= found <= 1 else 1.0

    @property
    def powered(self) -> bool:
        """Whether equal models would be found not inferior with 80 % power; Δ does not enter it."""
        needed = self.required_n
        return not self.why_not and needed is not None and needed <= self.n

    @property
    def worse(self) -> bool:
        """Whether the 95 % interval lies below −margin altogether."""
        return self.comparison is not None and self.comparison.ci_high_bps < -self.margin_bps

    @property
    def required_n(self) -> int | None:
        """Examples that would show equal models not inferior with 80 % power, where that is known.

        For accuracy by the score test's own variance at −margin: few discordant pairs are no proof
        of little variance.
        """
        comparison = self.comparison
        if comparison is None or not math.isfinite(comparison.planning_error_bps):
            return None
        if comparison.test != "tango":
            return comparison.required_n(0.0)
        assert comparison.discordant is not None
        pairs, margin = sum(comparison.discordant), self.margin_bps / BPS
        # Half of the pairs each way, in whole numbers: twice the data has √2 times the statistic.
        z = tango_z(pairs, pairs, 2 * comparison.n, -margin) / math.sqrt(2)
        wanted = normal_quantile(comparison.level) + normal_quantile(1 - POWER)
        return math.ceil(comparison.n * (wanted / z) ** 2)

    def __repr__(self) -> str:
        return f"Guarded({self.name}, margin {self.margin_bps:g} bps, n={self.n:,})"


def compare_guarded(
    name: str,
    metric: Metric,
    targets: npt.ArrayLike,
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    *,
    margin_bps: float,
    level: float,
    groups: npt.ArrayLike | None = None,
    where: npt.NDArray[np.bool_] | None = None,
    min_examples: int = 0,
    max_skew: float = MOST_SKEW,
) -> Guarded:
    """Test H0: Δ ≤ −margin, on all examples or on a slice of them.

    Parameters
    ----------
    name : str
        What is guarded.
    metric : Metric
        What may not get worse, bound to all targets.
    targets, baseline, candidate, groups : array-like, shape (n,)
        As in `compare_outputs`.
    margin_bps : float
        Above 0: how much worse the candidate may be.
    level : float
        Holm's smallest: the guardrails' α divided by their number.
    where : array of bool, shape (n,), optional
        The slice.
    min_examples : int
        A slice of fewer is left out, and says so; 0 leaves none out.
    max_skew : float
        Largest −skew(ψ)/√n at which the test keeps its level.

    Raises
    ------
    InputError
        When an input is malformed, or the margin is not above 0.
    """
    if not margin_bps > 0:
        raise InputError(f"{name}: expected a margin above 0 bps, found {margin_bps!r}")
    every: npt.NDArray[np.bool_] | slice = slice(None) if where is None else where
    truth, said_b, said_c = (np.asarray(one)[every] for one in (targets, baseline, candidate))
    units = None if groups is None else np.asarray(groups)[every]
    n = len(truth)
    if where is not None and n < min_examples:
        why = f"{n} examples, the policy tests slices of {min_examples} or more"
        return Guarded(name, margin_bps, n, None, why, skipped=True)
    found = n if units is None else len(np.unique(units))
    if found < MIN_UNITS:
        what = "examples" if units is None else "groups"
        return Guarded(name, margin_bps, n, None, f"{found} {what} of at least {MIN_UNITS}")
    try:
        comparison = compare_outputs(
            metric, truth, said_b, said_c, groups=units, level=level, min_effect_bps=-margin_bps
        )
    except MetricUndefined as problem:
        return Guarded(name, margin_bps, n, None, str(problem))
    return Guarded(name, margin_bps, n, comparison, _distrust(comparison, max_skew))


def _distrust(comparison: Comparison, max_skew: float) -> str:
    """Why the p-value does not count; empty when it does. Δ does not enter it."""
    tail = -comparison.tail
    if tail > max_skew:
        return f"−skew/√n = {tail:.2f} is above {max_skew:.2f}: a few examples decide"
    return ""
