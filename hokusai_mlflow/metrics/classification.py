"""Accuracy, precision, recall and F1 from hits, predictions and occurrences of each class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self, get_args

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError, MetricUndefined, did_you_mean
from hokusai_mlflow.metrics.base import Metric, Output, Paired, Test, columns, ratio
from hokusai_mlflow.metrics.inputs import (
    Floats,
    Label,
    Targets,
    as_label,
    as_labels,
    class_codes,
    require_pairs,
)
from hokusai_mlflow.metrics.mean import MeanMetric
from hokusai_mlflow.metrics.options import require_one_of

Average = Literal["auto", "binary", "macro", "weighted"]


@dataclass(frozen=True)
class Accuracy(MeanMetric):
    """Share of examples whose class is predicted.

    Statistics per example: hit (0 or 1), 1.

    Parameters
    ----------
    classes : sequence of labels, optional
        When given, any other class in targets or predictions is an error.
    """

    name: ClassVar[str] = "accuracy"
    output: ClassVar[Output] = "label"
    paired: ClassVar[Paired] = "hits"
    test: ClassVar[Test] = "tango"

    classes: tuple[Label, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", as_classes(self.classes))

    def statistics(self, targets: Targets, output: npt.ArrayLike) -> Floats:
        """Hit and 1, shape (n, 2)."""
        truth, said = as_labels("targets", targets), as_labels("predictions", output)
        require_pairs(truth, said, labels=True)
        if self.classes is not None:
            class_codes("targets", truth, self.classes)
            class_codes("predictions", said, self.classes)
        return columns(truth == said, np.ones(len(truth)))


@dataclass(frozen=True)
class ClassRatio(Metric):
    """h·tp / (p·predicted + a·actual) of one class, or its average over classes.

    Parameters
    ----------
    average : {"binary", "macro", "weighted", "auto"}
        Of the positive class; the plain mean over classes; the mean weighted by occurrence.
        "auto" is "binary" for two classes and "macro" for more.
    positive : label, optional
        The positive class of "binary"; 1 when the classes are 0 and 1, or −1 and 1.
    classes : sequence of labels, optional
        Every class there is; the classes of the targets when not given.
    """

    output: ClassVar[Output] = "label"
    needs_classes: ClassVar[bool] = True
    weights: ClassVar[tuple[float, float, float]]
    missing: ClassVar[str]

    average: Average = "binary"
    positive: Label | None = None
    classes: tuple[Label, ...] | None = None

    def __post_init__(self) -> None:
        require_one_of(self.name, "average", self.average, get_args(Average))
        if self.positive is not None:
            if self.average in ("macro", "weighted"):
                raise InputError(
                    f"{self.name}: a positive class has no meaning with average={self.average!r}; "
                    "drop one of the two"
                )
            object.__setattr__(self, "positive", as_label("positive", self.positive))
        object.__setattr__(self, "classes", as_classes(self.classes))
        if self.classes is not None:
            self._settle()

    def _settle(self) -> None:
        assert self.classes is not None
        if self.average == "auto":
            binary = len(self.classes) == 2 or self.positive is not None
            object.__setattr__(self, "average", "binary" if binary else "macro")
        if self.average == "binary":
            object.__setattr__(
                self, "positive", positive_class(self.name, self.classes, self.positive)
            )

    def bind(self, targets: Targets) -> Self:
        """The same metric with its classes fixed.

        Raises
        ------
        MetricUndefined
            When the targets show one class only and no classes were given.
        """
        if self.classes is not None:
            return self
        return replace(self, classes=target_classes(self.name, targets))

    def statistics(self, targets: Targets, output: npt.ArrayLike) -> Floats:
        """True positives, predicted and actual of each counted class, then 1: shape (n, 3K + 1)."""
        bound = self.bind(targets)
        assert bound.classes is not None
        truth, said = as_labels("targets", targets), as_labels("predictions", output)
        require_pairs(truth, said, labels=True)
        actual = class_codes("targets", truth, bound.classes)
        predicted = class_codes("predictions", said, bound.classes)
        if bound.average == "binary":
            assert bound.positive is not None
            counted = [bound.classes.index(bound.positive)]
        else:
            counted = list(range(len(bound.classes)))
        is_actual = [actual == code for code in counted]
        is_predicted = [predicted == code for code in counted]
        both = [a & p for a, p in zip(is_actual, is_predicted, strict=True)]
        return columns(*both, *is_predicted, *is_actual, np.ones(len(truth)))

    def value(self, sums: npt.ArrayLike) -> Floats:
        """The ratio of the positive class, or its average over classes."""
        each, actual, _ = self._ratios(sums)
        if self.average == "weighted":
            return np.asarray((actual * each).sum(axis=-1) / actual.sum(axis=-1))
        return np.asarray(each.mean(axis=-1))

    def gradient(self, mean: npt.ArrayLike) -> Floats:
        """Derivative by the mean statistics; the weights of "weighted" vary with the data too."""
        hit, said, occurred = self.weights
        each, actual, below = self._ratios(mean)
        if self.average == "weighted":
            total = actual.sum()
            share = actual / total
            drift = (each - (share * each).sum()) / total
        else:
            share = np.full(len(each), 1 / len(each))
            drift = np.zeros(len(each))
        by_actual = -share * each * occurred / below + drift
        return np.concatenate(
            [share * hit / below, -share * each * said / below, by_actual, np.zeros(1)]
        )

    def _ratios(self, sums: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
        sums = np.asarray(sums, dtype=np.float64)
        tp, predicted, actual = np.split(sums[..., :-1], 3, axis=-1)
        n = sums[..., -1:]
        if np.any(actual >= n):
            raise MetricUndefined(
                f"{self.name} is undefined: the targets show one class only; "
                "bring examples of every class"
            )
        hit, said, occurred = self.weights
        below = said * predicted + occurred * actual
        if self.average == "weighted":
            # A class that does not occur has no weight, so its ratio is never used.
            below = np.where(actual > 0, below, 1.0)
        return ratio(self.name, hit * tp, below, self.missing), actual, below


@dataclass(frozen=True)
class Precision(ClassRatio):
    """Right among the predictions of a class: tp / predicted."""

    name: ClassVar[str] = "precision"
    weights: ClassVar[tuple[float, float, float]] = (1.0, 1.0, 0.0)
    missing: ClassVar[str] = (
        "a class is never predicted; bring more examples or choose average='binary' or recall"
    )


@dataclass(frozen=True)
class Recall(ClassRatio):
    """Found among the occurrences of a class: tp / actual."""

    name: ClassVar[str] = "recall"
    weights: ClassVar[tuple[float, float, float]] = (1.0, 0.0, 1.0)
    missing: ClassVar[str] = "a class does not occur in the targets; bring examples of every class"


@dataclass(frozen=True)
class F1(ClassRatio):
    """Harmonic mean of precision and recall: 2 tp / (predicted + actual)."""

    name: ClassVar[str] = "f1"
    weights: ClassVar[tuple[float, float, float]] = (2.0, 1.0, 1.0)
    missing: ClassVar[str] = (
        "a class neither occurs nor is predicted; bring examples of every class"
    )


def as_classes(given: Sequence[object] | None) -> tuple[Label, ...] | None:
    """Classes as a sorted tuple of labels of one kind, or None.

    Raises
    ------
    InputError
        When there are fewer than two, duplicates, or strings mixed with numbers.
    """
    if given is None:
        return None
    labels = [as_label("classes", label) for label in given]
    if len({isinstance(label, str) for label in labels}) > 1:
        raise InputError(f"classes: expected numbers or strings, found both in {labels}")
    if len(set(labels)) < len(labels) or len(labels) < 2:
        raise InputError(f"classes: expected two or more distinct classes, found {labels}")
    return tuple(np.unique(labels).tolist())


def target_classes(name: str, targets: Targets) -> tuple[Label, ...]:
    """Classes that the targets show, sorted.

    Raises
    ------
    MetricUndefined
        When there is one only.
    """
    classes = tuple(np.unique(as_labels("targets", targets)).tolist())
    if len(classes) < 2:
        raise MetricUndefined(
            f"{name} is undefined: every target is {classes[0]!r}; bring examples of both classes"
        )
    return classes


def positive_class(name: str, classes: tuple[Label, ...], positive: Label | None) -> Label:
    """The positive class among two.

    Raises
    ------
    InputError
        When there are more than two classes, or the positive one is unknown or not determined.
    """
    if len(classes) != 2:
        raise InputError(
            f"{name}: expected two classes, found {len(classes)}: {_told(classes)}; "
            "choose average='macro' or 'weighted'"
        )
    if positive is None:
        if classes in ((0, 1), (-1, 1)):
            return 1
        raise InputError(f"{name}: which of {_told(classes)} is positive? pass positive=...")
    if positive not in classes:
        raise InputError(
            f"{name}: the positive class {positive!r} is not among {_told(classes)}"
            f"{did_you_mean(str(positive), map(str, classes))}"
        )
    return positive


def _told(classes: tuple[Label, ...]) -> str:
    shown = ", ".join(repr(label) for label in classes[:8])
    return f"{shown}, …" if len(classes) > 8 else shown
