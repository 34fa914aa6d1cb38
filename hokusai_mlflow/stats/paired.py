"""The two models' scores per unit that enter the paired sums."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.metrics.inputs import Floats, Targets, as_weights
from hokusai_mlflow.stats.groups import Codes, Groups, group_ways


def paired_scores(
    metric: Metric,
    targets: Targets,
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    *,
    groups: Groups | None = None,
    weights: npt.ArrayLike | None = None,
) -> tuple[Floats, Floats]:
    """Scores b and c of every unit, from whose sums the contract rederives the improvement.

    A unit is an example, or a group of them. By `metric.paired`, for examples of equal weight:
    "hits" are 0 or 1; "loss" is the clipped loss over its cap, 0 … 1, smaller being better;
    "linearised" is u(θ) + ψ_i, whose mean is the metric in units where larger is better. With
    groups or weights, scores are scaled so that hits and linearised scores still have the metric
    as their mean, and losses still lie in 0 … 1 with the same ratio of sums.

    Parameters
    ----------
    metric : Metric
        What is paid.
    targets, baseline, candidate, groups, weights
        As in `compare_outputs`. Of two ways of grouping, units are the groups of the one that
        makes the improvement less certain.

    Returns
    -------
    b, c : array, shape (units,)
        Give them to `hokusai_mlflow.deltaone.PairedSums.of`.

    Raises
    ------
    InputError
        When a loss has no cap: an unbounded loss cannot be paid.
    """
    bound = metric.bind(targets)
    bound.require_comparable(targets, baseline, candidate)
    said_b, said_c = (
        counted_statistics(bound, targets, said, weights) for said in (baseline, candidate)
    )
    n = len(said_b)
    counts = np.ones(n) if weights is None else as_weights(weights, n)
    ways = group_ways(groups, n)
    codes = None
    if ways:
        moved = bound.influence(said_c) - bound.influence(said_b)
        codes = max(ways, key=lambda way: _variance(way, moved))
    return _scores(bound, said_b, codes, counts), _scores(bound, said_c, codes, counts)


def counted_statistics(
    metric: Metric, targets: Targets, output: npt.ArrayLike, weights: npt.ArrayLike | None
) -> Floats:
    """Statistics of every example, shape (n, k), counting as often as its weight says."""
    if weights is None:
        return metric.statistics(targets, output)
    return metric.weighted(targets, output, weights)


def _scores(metric: Metric, statistics: Floats, codes: Codes | None, weights: Floats) -> Floats:
    if metric.paired == "linearised":
        level = metric.utility(float(metric.value(statistics.sum(axis=0))))
        spread = _summed(metric.influence(statistics), codes)
        linearised: Floats = level + spread * (len(spread) / len(statistics))
        return linearised
    summed = _summed(statistics[:, 0], codes)
    # How much every unit counts; without weights and groups exactly 1, so that scores stay exact.
    counts = _summed(weights, codes)
    if metric.paired == "hits":
        scaled: Floats = summed / counts.mean()
        return scaled
    cap: float | None = getattr(metric, "cap", None)
    if cap is None:
        raise InputError(
            f"{metric.name}: a paid loss must be clipped; register a cap, "
            "for example metric_options: {cap: 400} (squared error for mse and rmse)"
        )
    # Rounding must not lift a score above 1, which the contract refuses.
    share: Floats = np.minimum(summed / (cap * counts.max()), 1.0)
    return share


def _summed(values: Floats, codes: Codes | None) -> Floats:
    if codes is None:
        return values.copy()
    return np.bincount(codes, weights=values).astype(np.float64)


def _variance(codes: Codes, moved: Floats) -> float:
    summed = _summed(moved, codes)
    return float((summed**2).sum()) * len(summed) / (len(summed) - 1)
