"""Metrics by name: the built-in ones and those of the entry-point group `hokusai.metrics`."""

from __future__ import annotations

from dataclasses import fields
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from hokusai_mlflow.errors import InputError, UnknownName, did_you_mean
from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.metrics.classification import F1, Accuracy, Precision, Recall
from hokusai_mlflow.metrics.ranking import RocAuc
from hokusai_mlflow.metrics.regression import (
    R2,
    MeanAbsoluteError,
    MeanSquaredError,
    RootMeanSquaredError,
)

GROUP = "hokusai.metrics"

BUILT_IN: dict[str, type[Metric]] = {
    kind.name: kind
    for kind in (
        Accuracy,
        Precision,
        Recall,
        F1,
        RocAuc,
        MeanSquaredError,
        RootMeanSquaredError,
        MeanAbsoluteError,
        R2,
    )
}


def metric(name: str, **options: Any) -> Metric:
    """The metric of that name, with its options bound.

    Parameters
    ----------
    name : str
        One of `metric_names()`.
    **options
        Options of the metric: `average`, `positive`, `classes`, `cap`, `origin`.

    Raises
    ------
    UnknownName
        When there is no such metric.
    InputError
        When it has no such option, or the value does not fit.
    """
    kind = _kind(name)
    known = [field.name for field in fields(kind)]
    for option in options:
        if option not in known:
            has = f"; {name} has no options" if not known else did_you_mean(option, known)
            raise InputError(f"metric {name!r} has no option {option!r}{has}")
    return kind(**options)


def metric_names() -> tuple[str, ...]:
    """Names of every metric, the installed ones included, sorted."""
    return tuple(sorted({*BUILT_IN, *_installed()}))


def _kind(name: str) -> type[Metric]:
    if name in BUILT_IN:
        return BUILT_IN[name]
    installed = _installed()
    if name not in installed:
        raise UnknownName(f"unknown metric {name!r}{did_you_mean(str(name), metric_names())}")
    point = installed[name]
    kind = point.load()
    if not (isinstance(kind, type) and issubclass(kind, Metric)):
        raise InputError(
            f"metric {name!r}: expected the entry point {point.value!r} to be a subclass of "
            f"hokusai_mlflow.metrics.Metric, found {kind!r}"
        )
    return kind


def _installed() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}
