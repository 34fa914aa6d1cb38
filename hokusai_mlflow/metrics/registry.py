"""Metrics by name: the built-in ones and those of the entry-point group `hokusai.metrics`."""

from __future__ import annotations

from dataclasses import fields
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from hokusai_mlflow.errors import InputError, UnknownName, did_you_mean
from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.metrics.bleu import Bleu
from hokusai_mlflow.metrics.chrf import Chrf
from hokusai_mlflow.metrics.classification import F1, Accuracy, Precision, Recall
from hokusai_mlflow.metrics.human import HumanScore, MeanScore, Preference
from hokusai_mlflow.metrics.length import LengthRatio
from hokusai_mlflow.metrics.likelihood import Perplexity
from hokusai_mlflow.metrics.ranking import RocAuc
from hokusai_mlflow.metrics.regression import (
    R2,
    MeanAbsoluteError,
    MeanSquaredError,
    RootMeanSquaredError,
)
from hokusai_mlflow.metrics.rouge import Rouge1, Rouge2, RougeL, RougeLsum

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
        Perplexity,
        Bleu,
        Rouge1,
        Rouge2,
        RougeL,
        RougeLsum,
        Chrf,
        LengthRatio,
        HumanScore,
        Preference,
        MeanScore,
    )
}


def metric(name: str, **options: Any) -> Metric:
    """The metric of that name, with its options bound.

    Parameters
    ----------
    name : str
        One of `metric_names()`.
    **options
        Options of the metric, told by its class: `average`, `cap`, `tokenize`, `low`, ….

    Raises
    ------
    UnknownName
        When there is no such metric.
    InputError
        When it has no such option, or the value does not fit.
    """
    kind = _kind(name)
    if isinstance(kind, Metric):
        if options:
            told = ", ".join(sorted(options))
            raise InputError(f"metric {name!r} comes ready made and has no options; drop {told}")
        return kind
    known = [field.name for field in fields(kind)]
    for option in options:
        if option not in known:
            has = f"; {name} has no options" if not known else did_you_mean(option, known)
            raise InputError(f"metric {name!r} has no option {option!r}{has}")
    return kind(**options)


def metric_names() -> tuple[str, ...]:
    """Names of every metric, the installed ones included, sorted."""
    return tuple(sorted({*BUILT_IN, *_installed()}))


def _kind(name: str) -> type[Metric] | Metric:
    if name in BUILT_IN:
        return BUILT_IN[name]
    installed = _installed()
    if name not in installed:
        raise UnknownName(f"unknown metric {name!r}{did_you_mean(str(name), metric_names())}")
    point = installed[name]
    kind = point.load()
    if not (isinstance(kind, Metric) or (isinstance(kind, type) and issubclass(kind, Metric))):
        raise InputError(
            f"metric {name!r}: expected the entry point {point.value!r} to be a metric or a "
            f"subclass of hokusai_mlflow.metrics.Metric, found {kind!r}"
        )
    if kind.name != name:
        raise InputError(
            f"metric {name!r}: the entry point {point.value!r} brings a metric called "
            f"{kind.name!r}; give both one name"
        )
    return kind


def _installed() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}
