"""Two models on the same examples: improvement, its uncertainty, and what the data could find."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.metrics.inputs import Floats, Targets, as_labels, as_weights
from hokusai_mlflow.stats.clusters import two_way
from hokusai_mlflow.stats.delong import DeLong
from hokusai_mlflow.stats.groups import Codes, Groups, group_ways
from hokusai_mlflow.stats.inference import Inference
from hokusai_mlflow.stats.moments import jump
from hokusai_mlflow.stats.paired import counted_statistics
from hokusai_mlflow.stats.result import BPS, INTERVAL, Comparison, Test, conclude, require_level
from hokusai_mlflow.stats.skew import SafeT
from hokusai_mlflow.stats.tango import Tango

__all__ = ["BPS", "INTERVAL", "Comparison", "compare_outputs"]


def compare_outputs(
    metric: Metric,
    targets: Targets,
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    *,
    groups: Groups | None = None,
    weights: npt.ArrayLike | None = None,
    level: float = 0.05,
    min_effect_bps: float = 10.0,
) -> Comparison:
    """Compare two models' outputs on the same examples.

    H0: Δ ≤ δ₀ is tested one-sided: accuracy by Tango's score test (1998), ROC-AUC by DeLong's
    (1988), all else, and everything in groups or with weights, by Student's t on the influence
    function, where Hall's transformation (1992) counts when it is more cautious. Examples of a
    group are summed first, so groups may be as dependent inside as they like (Miller 2024,
    arXiv:2411.00640); two ways of grouping at once are clustered two-way (Cameron, Gelbach &
    Miller 2011, DOI 10.1198/jbes.2010.07136). Exchanging the models changes the sign of the
    improvement exactly.

    Parameters
    ----------
    metric : Metric
        What is compared.
    targets, baseline, candidate : array-like, shape (n,)
        Truth, and what each model says of it, in the same order; (n, K) for a score per class.
        Targets may be None for a metric that needs none.
    groups : array-like, shape (n,), or tuple of two, optional
        Which examples belong together (user, document); two for two ways at once (item, rater).
    weights : array-like, shape (n,), optional
        How many times every example counts: finite, not negative, not all 0.
    level : float
        One-sided level of the test, between 0 and 0.5.
    min_effect_bps : float
        δ₀ in basis points; negative for a test of non-inferiority.

    Raises
    ------
    InputError
        When an input is malformed; `MetricUndefined` when a value does not exist.
    """
    require_level(level, min_effect_bps)
    if metric.output == "label":
        # Once, so that neither metric nor counts convert them again.
        targets = as_labels("targets", targets)
        baseline, candidate = (as_labels("predictions", said) for said in (baseline, candidate))
    bound = metric.bind(targets)
    bound.require_comparable(targets, baseline, candidate)
    said_b, said_c = (
        counted_statistics(bound, targets, said, weights) for said in (baseline, candidate)
    )
    n = len(said_b)
    ways = group_ways(groups, n)
    values = float(bound.value(said_b.sum(axis=0))), float(bound.value(said_c.sum(axis=0)))
    same = np.array_equal(said_b, said_c)
    improvement, moved = 0.0, np.zeros(n)
    if not same:
        improvement = bound.utility(values[1]) - bound.utility(values[0])
        moved = bound.influence(said_c) - bound.influence(said_b)
    test: Test = bound.test
    if ways or weights is not None:
        test = "two-way-t" if len(ways) == 2 else "t+hall"
    one_answer = None
    if bound.output == "label" and test != "tango":
        one_answer = jump(bound, said_b.mean(axis=0), said_c.mean(axis=0))
        one_answer *= 1.0 if weights is None else float(as_weights(weights, n).max())
    safe = _safe_t(improvement, moved, ways, one_answer)
    discordant = None
    if bound.output == "label":
        hit_b, hit_c = (np.asarray(said) == np.asarray(targets) for said in (baseline, candidate))
        discordant = int((hit_c & ~hit_b).sum()), int((hit_b & ~hit_c).sum())
    inference: Inference = safe
    if test == "tango":
        assert discordant is not None
        inference = Tango(*discordant, n)
    elif test == "delong":
        inference = DeLong.of(improvement, said_b, said_c, a=safe.a)
    return conclude(
        bound,
        values,
        inference,
        safe,
        test=test,
        n=n,
        groups=safe.units if ways else None,
        same=same,
        level=level,
        min_effect_bps=min_effect_bps,
        discordant=discordant,
        class_counts=_class_counts(bound, targets),
        weighted=weights is not None,
    )


def _safe_t(
    improvement: float, moved: Floats, ways: tuple[Codes, ...], one_answer: float | None
) -> SafeT:
    n = len(moved)
    if n < 2:
        raise InputError(f"expected at least two examples, found {n}; bring more data")
    if len(ways) == 2:
        return two_way(improvement, moved, ways, jump=one_answer)
    if ways:
        summed = np.bincount(ways[0], weights=moved).astype(np.float64)
        scale = len(summed) / n
        moved = summed * scale
        one_answer = None if one_answer is None else one_answer * scale
    return SafeT.of(improvement, moved, jump=one_answer)


def _class_counts(metric: Metric, targets: Targets) -> dict[str, int] | None:
    if metric.output not in ("label", "score", "scores") or targets is None:
        return None
    named, counts = np.unique(as_labels("targets", targets), return_counts=True)
    expected = getattr(metric, "classes", None) or ()
    none_yet = {str(label): 0 for label in expected}
    return none_yet | {
        str(label): int(count) for label, count in zip(named.tolist(), counts, strict=True)
    }
