"""Area under the ROC curve through placement values, of two classes or one against the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self, get_args

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError, MetricUndefined
from hokusai_mlflow.metrics.base import Metric, Output, Test, columns, ratio
from hokusai_mlflow.metrics.classification import as_classes, positive_class, target_classes
from hokusai_mlflow.metrics.inputs import (
    Floats,
    Label,
    Targets,
    as_label,
    as_labels,
    as_numbers,
    as_probabilities,
    as_weights,
    class_codes,
    require_pairs,
)
from hokusai_mlflow.metrics.options import require_one_of

Average = Literal["binary", "macro", "weighted"]


@dataclass(frozen=True)
class RocAuc(Metric):
    """Chance that a positive example scores above a negative one, ties counting one half.

    Statistics per example and counted class: positive, positive·V10, negative, negative·V01, where
    V10 is the share of negatives below a positive and V01 the share of positives above a negative
    (DeLong, DeLong & Clarke-Pearson 1988, DOI 10.2307/2531595). They depend on all examples, so
    parts do not add up.

    Parameters
    ----------
    average : {"binary", "macro", "weighted"}
        Of the positive class, from one decision score per example, of any scale; or of every class
        against the rest, from a probability per class (shape (n, K), columns in the sorted order of
        the classes): the plain mean, or the mean weighted by occurrence, scikit-learn's
        ``multi_class="ovr"``. One-vs-rest compares scores of different examples, so rows must be
        probabilities that sum to 1: logits are free up to a constant per row, and that constant
        would change the area.
    positive : label, optional
        The positive class of "binary"; 1 when the classes are 0 and 1, or −1 and 1.
    classes : sequence of labels, optional
        Every class there is; the classes of the targets when not given.
    """

    name: ClassVar[str] = "roc_auc"
    output: ClassVar[Output] = "score"
    test: ClassVar[Test] = "delong"
    needs_classes: ClassVar[bool] = True
    mergeable: ClassVar[bool] = False

    average: Average = "binary"
    positive: Label | None = None
    classes: tuple[Label, ...] | None = None

    def __post_init__(self) -> None:
        require_one_of(self.name, "average", self.average, get_args(Average))
        if self.average != "binary":
            # What holds for the class is told otherwise by the option.
            object.__setattr__(self, "output", "scores")
            object.__setattr__(self, "test", "t+hall")
        if self.positive is not None:
            if self.average != "binary":
                raise InputError(
                    f"{self.name}: a positive class has no meaning with average={self.average!r}; "
                    "drop one of the two"
                )
            object.__setattr__(self, "positive", as_label("positive", self.positive))
        object.__setattr__(self, "classes", as_classes(self.classes))
        if self.classes is not None and self.average == "binary":
            positive = positive_class(self.name, self.classes, self.positive)
            object.__setattr__(self, "positive", positive)

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
        """Class indicators and placements, shape (n, 4), or (n, 4K) for an average of K classes."""
        return self._statistics(targets, output, None)

    def weighted(self, targets: Targets, output: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
        """The same with weighted placements, each times the example's weight."""
        return self._statistics(targets, output, weights)

    def _statistics(
        self, targets: Targets, output: npt.ArrayLike, weights: npt.ArrayLike | None
    ) -> Floats:
        bound = self.bind(targets)
        assert bound.classes is not None
        truth = as_labels("targets", targets)
        codes = class_codes("targets", truth, bound.classes)
        each = None if weights is None else as_weights(weights, len(truth))
        if bound.average == "binary":
            assert bound.positive is not None
            scores = as_numbers("scores", output)
            require_pairs(truth, scores)
            return columns(*self._of_class(codes, scores, bound.positive, bound.classes, each))
        shares = as_probabilities("scores", output, len(bound.classes))
        require_pairs(truth, shares)
        told = (
            self._of_class(codes, np.ascontiguousarray(scores), label, bound.classes, each)
            for label, scores in zip(bound.classes, shares.T, strict=True)
        )
        return columns(*(column for four in told for column in four))

    def _of_class(
        self,
        codes: npt.NDArray[np.intp],
        scores: Floats,
        label: Label,
        classes: tuple[Label, ...],
        weights: Floats | None,
    ) -> tuple[Floats, Floats, Floats, Floats]:
        positive = codes == classes.index(label)
        counts = positive if weights is None else positive & (weights > 0)
        others = ~positive if weights is None else ~positive & (weights > 0)
        if not (counts.any() and others.any()):
            alone = "every target" if not others.any() else "no target"
            raise MetricUndefined(
                f"{self.name} is undefined: {alone} is of the class {label!r}; "
                "bring examples of every class"
            )
        placed = placements(positive, scores, weights)
        one = np.ones(len(scores)) if weights is None else weights
        is_positive, is_negative = one * positive, one * ~positive
        return is_positive, is_positive * placed, is_negative, is_negative * placed

    def value(self, sums: npt.ArrayLike) -> Floats:
        """Mean placement of the positives, averaged over the counted classes."""
        areas, positives, _ = self._areas(sums)
        if self.average == "weighted":
            return np.asarray((areas * positives).sum(axis=-1) / positives.sum(axis=-1))
        return np.asarray(areas.mean(axis=-1))

    def gradient(self, mean: npt.ArrayLike) -> Floats:
        """Weights of the Hájek projection: both classes' placements move the area.

        Placements depend on all examples, so this is no derivative of `value`; it is what makes
        `influence` the influence function of the area.
        """
        areas, positives, negatives = self._areas(mean)
        slopes = np.stack([-areas / positives, 1 / positives, -areas / negatives, 1 / negatives])
        if self.average == "weighted":
            total = positives.sum()
            share = positives / total
            slopes *= share
            slopes[0] += (areas - (share * areas).sum()) / total
        else:
            slopes /= len(areas)
        return np.asarray(slopes.T.ravel())

    def _areas(self, sums: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
        sums = np.asarray(sums, dtype=np.float64)
        each = sums.reshape(*sums.shape[:-1], -1, 4)
        positives, placed, negatives = (each[..., at] for at in range(3))
        return (
            ratio(self.name, placed, positives, "there are no positive examples"),
            positives,
            negatives,
        )


def placements(
    positive: npt.NDArray[np.bool_], scores: Floats, weights: Floats | None = None
) -> Floats:
    """Placement of every example among the other class, shape (n,).

    One sort (Sun & Xu 2014, DOI 10.1109/LSP.2014.2337313): for a positive the share of negatives
    scored below it, for a negative the share of positives scored above it, ties counting one half.

    Parameters
    ----------
    positive : array of bool, shape (n,)
        Which examples are positive; both classes must occur.
    scores : array, shape (n,)
        Decision scores, larger meaning more positive.
    weights : array, shape (n,), optional
        Weight of every example in those shares; both classes need some.
    """
    order = np.argsort(scores)
    ranked, is_positive = scores[order], positive[order]
    first = np.concatenate([[True], ranked[1:] != ranked[:-1]])
    tie = np.cumsum(first) - 1
    starts = np.flatnonzero(first)
    ends = np.append(starts[1:], len(scores))
    positives: npt.NDArray[np.int64] | Floats
    if weights is None:
        positives = np.concatenate([[0], np.cumsum(is_positive)])
        negatives = np.arange(len(scores) + 1) - positives
    else:
        heavy = weights[order]
        positives = np.concatenate([[0.0], np.cumsum(heavy * is_positive)])
        negatives = np.concatenate([[0.0], np.cumsum(heavy * ~is_positive)])
    of_positive = (negatives[starts] + negatives[ends]) / (2 * negatives[-1])
    of_negative = 1 - (positives[starts] + positives[ends]) / (2 * positives[-1])
    placed = np.empty(len(scores))
    placed[order] = np.where(is_positive, of_positive[tie], of_negative[tie])
    return placed
