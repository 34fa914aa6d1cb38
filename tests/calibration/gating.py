"""The real gate, with rules that need more than one comparison left out of play."""

from typing import NamedTuple

from hokusai_mlflow.errors import MetricUndefined
from hokusai_mlflow.gate import Case, GatePolicy, decide
from hokusai_mlflow.gate.rules import RULES
from hokusai_mlflow.metrics import Metric
from hokusai_mlflow.stats import Comparison, compare_outputs

from .worlds.world import Sample

POLICY = GatePolicy()
LENIENT = GatePolicy(detectable_bps=100_000)
"""As the default, but no comparison is too weak: only its other requirements protect the test."""


class Agreeing(NamedTuple):
    """Raters who agree, so that only the comparison decides."""

    alpha: float = 1.0


class Seen(NamedTuple):
    """What one comparison came to."""

    comparison: Comparison | None
    significant: bool = False
    promoted: bool = False
    promoted_lenient: bool = False


def look(metric: Metric, sample: Sample, *, level: float = 0.05, null_bps: float = 10.0) -> Seen:
    """Compare and decide; where the metric has no value there is no reward."""
    try:
        comparison = compare_outputs(
            metric,
            sample.targets,
            sample.baseline,
            sample.candidate,
            groups=sample.groups,
            weights=sample.weights,
            level=level,
            min_effect_bps=null_bps,
        )
    except MetricUndefined:
        return Seen(None)
    if not comparison.significant:
        # No rule can promote what is not significant; spares most of the time.
        return Seen(comparison)
    strict, lenient = (promoted(comparison, metric, policy) for policy in (POLICY, LENIENT))
    return Seen(comparison, True, strict, lenient)


def promoted(comparison: Comparison, metric: Metric, policy: GatePolicy = POLICY) -> bool:
    """The verdict of `decide` without refits."""
    agreement = Agreeing() if metric.by_people else None
    case = Case.of(metric, comparison, None, policy, agreement=agreement)
    return decide(case, using=RULES).promoted


def skewed(comparison: Comparison) -> bool:
    """Whether the rule on skew holds, whatever else is found."""
    return -comparison.tail > POLICY.max_skew
