"""`compare`: two models' predictions against the truth, in one call."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics import Metric
from hokusai_mlflow.metrics import metric as metric_named
from hokusai_mlflow.stats.comparison import Comparison, compare_outputs
from hokusai_mlflow.stats.groups import Groups


def compare(
    targets: npt.ArrayLike | None,
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    *,
    metric: str | Metric,
    level: float = 0.05,
    min_effect_bps: float = 10.0,
    groups: Groups | None = None,
    weights: npt.ArrayLike | None = None,
    **options: Any,
) -> Comparison:
    """Compare a candidate's predictions with a baseline's on the same examples.

    Arrays and lists are paired by position. Several pandas series are paired by index, which must
    hold the same unique example ids in each.

    Parameters
    ----------
    targets, baseline, candidate : array-like, shape (n,)
        Truth, and what each model says of it; the truth is None for metrics that need none.
    metric : str or Metric
        Name of a metric, or one with its options bound.
    level : float
        One-sided level of the test.
    min_effect_bps : float
        δ₀ of H0: Δ ≤ δ₀, in basis points.
    groups : array-like, shape (n,), or a pair of them, optional
        Which examples belong together; a tuple (item, rater) for two-way clustering.
    weights : array-like, shape (n,), optional
        How often every example counts: finite, not negative, not all 0.
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
    chosen = bound_metric(metric, options)
    given = paired(
        with_groups(
            {"targets": targets, "baseline": baseline, "candidate": candidate, "weights": weights},
            groups,
        )
    )
    return compare_outputs(
        chosen,
        given["targets"],
        given["baseline"],
        given["candidate"],
        groups=groups_of(given),
        weights=given.get("weights"),
        level=level,
        min_effect_bps=min_effect_bps,
    )


def bound_metric(metric: str | Metric, options: Mapping[str, Any]) -> Metric:
    """The metric of that name with its options, or the metric itself.

    Raises
    ------
    InputError
        When options are given for a metric whose options are bound already.
    """
    if not isinstance(metric, Metric):
        return metric_named(metric, **options)
    if options:
        raise InputError(
            f"the options of {metric.signature} are bound already; "
            f"drop {', '.join(sorted(options))}"
        )
    return metric


def with_groups(given: Mapping[str, Any], groups: Groups | None) -> dict[str, Any]:
    """What was given, None left out except as targets, with the groups under names of their own."""
    named = {name: v for name, v in given.items() if v is not None or name == "targets"}
    if groups is None:
        return named
    if not isinstance(groups, tuple):
        return named | {"groups": groups}
    if len(groups) != 2:
        raise InputError(
            f"groups: expected one array or a pair (item, rater), found a tuple of {len(groups)}; "
            "pass a list or an array for one group per example"
        )
    return named | {"groups[0]": groups[0], "groups[1]": groups[1]}


def groups_of(given: Mapping[str, Any]) -> Any:
    """The groups that `with_groups` put there, as `compare_outputs` takes them."""
    if "groups[0]" in given:
        return given["groups[0]"], given["groups[1]"]
    return given.get("groups")


def paired(given: dict[str, Any]) -> dict[str, Any]:
    """The same values in one order: several series are brought into the order of the first.

    Raises
    ------
    InputError
        When an index is not unique, differs, or cannot be aligned with plain arrays.
    """
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
    arrays = [name for name, v in given.items() if name not in series and v is not None]
    ordered = dict(given)
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
        ordered[name] = values.loc[first.index]
    return ordered
