"""`compare` and `compare_all` for whatever people have: arrays, frames, files, models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hokusai_mlflow import comparing
from hokusai_mlflow.stats.comparison import Comparison

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from hokusai_mlflow.comparisons import Comparisons
    from hokusai_mlflow.comparisons.arrays import Metrics
    from hokusai_mlflow.gate import GatePolicy
    from hokusai_mlflow.metrics import Metric
    from hokusai_mlflow.stats.agreement import Agreement


def compare(
    targets: Any,
    baseline: Any,
    candidate: Any,
    *,
    metric: str | Metric,
    data: str | Path | pd.DataFrame | None = None,
    id: str | None = None,
    prediction: str = "prediction",
    features: Sequence[str] | None = None,
    groups: Any = None,
    weights: Any = None,
    level: float = 0.05,
    min_effect_bps: float = 10.0,
    **options: Any,
) -> Comparison:
    """Compare a candidate with a baseline on the same examples.

    Without `data` everything is an array, list or series: arrays are paired by position, several
    series by index, which must hold the same unique example ids in each. With `data`, names stand
    for its columns, for prediction files (joined by `id`), and for models, which predict on it.

    H0: Δ ≤ `min_effect_bps` is tested one-sided; see `stats.comparison.compare_outputs` for the
    tests and their sources.

    Parameters
    ----------
    targets : array-like, shape (n,), or str
        Truth, or its column; None for a metric that needs none.
    baseline, candidate : array-like, shape (n,), or str
        What each model says; its column; a `.csv` or `.parquet` file with the columns `id` and
        `prediction`; or a model: ``models:/name@alias``, ``models:/name/3``, ``runs:/…``.
    metric : str or Metric
        Name of a metric, or one with its options bound.
    data : DataFrame or path, optional
        One row per example.
    id : str, optional
        Column with the example ids, in the data and in prediction files.
    prediction : str
        Column of prediction files.
    features : sequence of str, optional
        Columns that models predict on; by default what the model's signature or fit names, else
        every column that is not used otherwise.
    groups : array-like, shape (n,), or str, or a pair of them
        Which examples belong together; a tuple (item, rater) for two-way clustering.
    weights : array-like, shape (n,), or str
        How often every example counts.
    level : float
        One-sided level of the test.
    min_effect_bps : float
        δ₀ of H0: Δ ≤ δ₀, in basis points.
    **options
        Options of a metric given by name, such as `average` or `cap`.

    Returns
    -------
    Comparison
        Values, improvement, interval, p-value, and what the data could have found.

    Raises
    ------
    InputError
        When an input is malformed, unpaired or duplicated, or a name is unknown or means two
        things; `MetricUndefined` when the metric has no value.

    Examples
    --------
    >>> compare([1, 0, 1, 1], [1, 1, 0, 1], [1, 0, 1, 1], metric="accuracy").improvement
    0.5
    """
    chosen = comparing.bound_metric(metric, options)
    if data is not None or _named(targets, baseline, candidate, weights, *_ways(groups)):
        from hokusai_mlflow.outputs import resolve  # noqa: PLC0415

        found = resolve(
            targets,
            baseline,
            candidate,
            data=data,
            metrics=[chosen],
            id=id,
            prediction=prediction,
            features=features,
            groups=groups,
            weights=weights,
        )
        targets, baseline, candidate = found.targets, found.baseline, found.candidate
        groups, weights = found.groups, found.weights
    return comparing.compare(
        targets,
        baseline,
        candidate,
        metric=chosen,
        level=level,
        min_effect_bps=min_effect_bps,
        groups=groups,
        weights=weights,
    )


def compare_all(
    targets: Any,
    baseline: Any,
    candidate: Any,
    *,
    metrics: Metrics,
    data: str | Path | pd.DataFrame | None = None,
    id: str | None = None,
    prediction: str = "prediction",
    features: Sequence[str] | None = None,
    slices: Any = None,
    groups: Any = None,
    weights: Any = None,
    level: float | None = None,
    min_effect_bps: float | None = None,
    policy: GatePolicy | Mapping[str, Any] | None = None,
    agreement: Agreement | None = None,
) -> Comparisons:
    """Compare two models by several metrics, and by the first of them on slices.

    The first metric on all examples is the primary row, tested at `level` by itself. All other
    rows are tested together: Holm-adjusted p-values, and intervals that hold together.

    Parameters
    ----------
    targets, baseline, candidate, data, id, prediction, features, groups, weights
        As in `compare`. A model may also be a mapping by kind of output, such as
        ``{"label": "said", "score": "probability"}``.
    metrics : str, Metric, sequence of them, or mapping of name to options
        The first one is primary.
    slices : str, sequence of str, or mapping of name to column or array-like, optional
        Columns whose values part the examples; booleans choose one slice.
    level : float, optional
        0.05, or the policy's `alpha`.
    min_effect_bps : float, optional
        10, or the policy's `min_improvement_bps`.
    policy : GatePolicy or mapping, optional
        Adds the gate's verdict. It spends no look of a sealed hold-out and promotes nothing.
    agreement : Agreement, optional
        Of the raters (`Ratings.agreement()`), without which ratings never suffice for a verdict.

    Returns
    -------
    Comparisons
        The primary row first, then the other metrics, then the slices.

    Raises
    ------
    InputError
        As in `compare`; on a slice, an undefined metric is told in its row.
    """
    from hokusai_mlflow import comparisons  # noqa: PLC0415

    by_name = _named(targets, baseline, candidate, weights, slices, *_ways(groups))
    if data is not None or by_name or isinstance(slices, list):
        from hokusai_mlflow.comparisons.arrays import chosen_metrics  # noqa: PLC0415
        from hokusai_mlflow.outputs import resolve  # noqa: PLC0415

        chosen = chosen_metrics(metrics)
        found = resolve(
            targets,
            baseline,
            candidate,
            data=data,
            metrics=chosen,
            id=id,
            prediction=prediction,
            features=features,
            groups=groups,
            weights=weights,
            slices=slices,
        )
        metrics = chosen
        targets, baseline, candidate = found.targets, found.baseline, found.candidate
        groups, weights, slices = found.groups, found.weights, found.slices
    return comparisons.compare_all(
        targets,
        baseline,
        candidate,
        metrics=metrics,
        slices=slices,
        groups=groups,
        weights=weights,
        level=level,
        min_effect_bps=min_effect_bps,
        policy=policy,
        agreement=agreement,
    )


def _named(*given: Any) -> bool:
    """Whether anything is given by name, so that somebody must look it up."""
    return any(
        isinstance(part, str) or hasattr(part, "__fspath__")
        for one in given
        for part in (one.values() if isinstance(one, Mapping) else [one])
    )


def _ways(groups: Any) -> tuple[Any, ...]:
    return groups if isinstance(groups, tuple) else (groups,)
