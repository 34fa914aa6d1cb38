"""`compare`: two models' predictions against the truth, in one call."""

from __future__ import annotations

import sys
from typing import Any

import numpy.typing as npt

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics import Metric
from hokusai_mlflow.metrics import metric as metric_named
from hokusai_mlflow.stats.comparison import Comparison, compare_outputs


def compare(
    targets: npt.ArrayLike,
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    *,
    metric: str | Metric,
    level: float = 0.05,
    min_effect_bps: float = 10.0,
    groups: npt.ArrayLike | None = None,
    **options: Any,
) -> Comparison:
    """Compare a candidate's predictions with a baseline's on the same examples.

    Arrays and lists are paired by position. Several pandas series are paired by index, which must
    hold the same unique example ids in each.

    Parameters
    ----------
    targets, baseline, candidate : array-like, shape (n,)
        Truth, and what each model says of it.
    metric : str or Metric
        Name of a metric, or one with its options bound.
    level : float
        One-sided level of the test.
    min_effect_bps : float
        δ₀ of H0: Δ ≤ δ₀, in basis points.
    groups : array-like, shape (n,), optional
        Which examples belong together.
    **options
        Options of a metric given by name, such as `average` or `cap`.

    Returns
    -------
    Comparison
        Values, improvement, interval, p-value, and what the data could have found.

    Raises
    ------
    InputError
        When an input is malformed, unpaired or duplicated; `MetricUndefined` without a value.

    Examples
    --------
    >>> compare([1, 0, 1, 1], [1, 1, 0, 1], [1, 0, 1, 1], metric="accuracy").improvement
    0.5
    """
    if isinstance(metric, Metric):
        if options:
            raise InputError(
                f"the options of {metric.signature} are bound already; "
                f"drop {', '.join(sorted(options))}"
            )
        chosen = metric
    else:
        chosen = metric_named(metric, **options)
    given = {"targets": targets, "baseline": baseline, "candidate": candidate}
    if groups is not None:
        given["groups"] = groups
    given = _paired(given)
    return compare_outputs(
        chosen,
        given["targets"],
        given["baseline"],
        given["candidate"],
        groups=given.get("groups"),
        level=level,
        min_effect_bps=min_effect_bps,
    )


def _paired(given: dict[str, Any]) -> dict[str, Any]:
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return given
    for name, values in given.items():
        if isinstance(values, pandas.DataFrame):
            raise InputError(f"{name}: expected one column, found a data frame; choose a column")
    series = {name: v for name, v in given.items() if isinstance(v, pandas.Series)}
    if len(series) < 2:
        return given
    by_position = "; pass .to_numpy() to pair by position"
    for name, values in series.items():
        if not values.index.is_unique:
            twice = values.index[values.index.duplicated()][0]
            raise InputError(
                f"{name}: expected every example once, found index {twice!r} twice{by_position}"
            )
    first_name, first = next(iter(series.items()))
    arrays = [name for name in given if name not in series]
    paired = dict(given)
    for name, values in series.items():
        strangers = values.index.symmetric_difference(first.index)
        if len(strangers):
            raise InputError(
                f"expected {first_name} and {name} to have the same index, found {len(strangers)} "
                f"examples in one of them only, such as {strangers[0]!r}{by_position}"
            )
        if arrays and not values.index.equals(first.index):
            raise InputError(
                f"{first_name} and {name} have the same index in another order, and "
                f"{', '.join(arrays)} have none to be paired by; make them all series"
            )
        paired[name] = values.loc[first.index]
    return paired
