"""The two models' per-example scores that enter the paired sums."""

from __future__ import annotations

import numpy.typing as npt

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.metrics.inputs import Floats


def paired_scores(
    metric: Metric, targets: npt.ArrayLike, baseline: npt.ArrayLike, candidate: npt.ArrayLike
) -> tuple[Floats, Floats]:
    """Scores b and c of every example, from whose sums the contract rederives the improvement.

    By `metric.paired`: "hits" are 0 or 1; "loss" is the clipped loss over its cap, 0 … 1, smaller
    being better; "linearised" is u(θ) + ψ_i, whose mean is the metric in units where larger is
    better.

    Parameters
    ----------
    metric : Metric
        What is paid.
    targets, baseline, candidate : array-like, shape (n,)
        As in `compare_outputs`.

    Returns
    -------
    b, c : array, shape (n,)
        Give them to `hokusai_mlflow.deltaone.PairedSums.of`.

    Raises
    ------
    InputError
        When a loss has no cap: an unbounded loss cannot be paid.
    """
    bound = metric.bind(targets)
    scores = [_scores(bound, bound.statistics(targets, said)) for said in (baseline, candidate)]
    return scores[0], scores[1]


def _scores(metric: Metric, statistics: Floats) -> Floats:
    if metric.paired == "hits":
        return statistics[:, 0].copy()
    if metric.paired == "loss":
        cap: float | None = getattr(metric, "cap", None)
        if cap is None:
            raise InputError(
                f"{metric.name}: a paid loss must be clipped; register a cap, "
                "for example metric_options: {cap: 400} (squared error for mse and rmse)"
            )
        share: Floats = statistics[:, 0] / cap
        return share
    level = metric.utility(float(metric.value(statistics.sum(axis=0))))
    linearised: Floats = level + metric.influence(statistics)
    return linearised
