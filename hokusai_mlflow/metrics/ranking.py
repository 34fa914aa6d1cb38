"""Area under the ROC curve through placement values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import MetricUndefined
from hokusai_mlflow.metrics.base import Metric, Output, Test, columns, ratio
from hokusai_mlflow.metrics.classification import as_classes, positive_class, target_classes
from hokusai_mlflow.metrics.inputs import (
    Floats,
    Label,
    Targets,
    as_label,
    as_labels,
    as_numbers,
    class_codes,
    require_pairs,
)


@dataclass(frozen=True)
class RocAuc(Metric):
    """Chance that a positive example scores above a negative one, ties counting one half.

    Statistics per example: positive, positive·V10, negative, negative·V01, where V10 is the share
    of negatives below a positive and V01 the share of positives above a negative (DeLong, DeLong &
    Clarke-Pearson 1988, DOI 10.2307/2531595). They depend on all examples, so parts do not add up.

    Parameters
    ----------
    positive : label, optional
        The positive class; 1 when the classes are 0 and 1, or −1 and 1.
    classes : sequence of labels, optional
        The two classes; those of the targets when not given.
    """

    name: ClassVar[str] = "roc_auc"
    output: ClassVar[Output] = "score"
    test: ClassVar[Test] = "delong"
    needs_classes: ClassVar[bool] = True
    mergeable: ClassVar[bool] = False

    positive: Label | None = None
    classes: tuple[Label, ...] | None = None

    def __post_init__(self) -> None:
        if self.positive is not None:
            object.__setattr__(self, "positive", as_label("positive", self.positive))
        object.__setattr__(self, "classes", as_classes(self.classes))
        if self.classes is not None:
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
        """Class indicators and placements, shape (n, 4)."""
        bound = self.bind(targets)
        assert bound.classes is not None
        assert bound.positive is not None
        truth, scores = as_labels("targets", targets), as_numbers("scores", output)
        require_pairs(truth, scores)
        codes = class_codes("targets", truth, bound.classes)
        positive = codes == bound.classes.index(bound.positive)
        if positive.all() or not positive.any():
            raise MetricUndefined(
                f"{self.name} is undefined: every target is of one class; "
                "bring examples of both classes"
            )
        placed = placements(positive, scores)
        return columns(positive, positive * placed, ~positive, ~positive * placed)

    def value(self, sums: npt.ArrayLike) -> Floats:
        """Mean placement of the positives."""
        sums = np.asarray(sums, dtype=np.float64)
        return ratio(self.name, sums[..., 1], sums[..., 0], "there are no positive examples")

    def gradient(self, mean: npt.ArrayLike) -> Floats:
        """Weights of the Hájek projection: both classes' placements move the area."""
        positives, placed, negatives, _ = np.asarray(mean, dtype=np.float64)
        area = placed / positives
        return np.array([-area / positives, 1 / positives, -area / negatives, 1 / negatives])


def placements(positive: npt.NDArray[np.bool_], scores: Floats) -> Floats:
    """Placement of every example among the other class, shape (n,).

    One sort (Sun & Xu 2014, DOI 10.1109/LSP.2014.2337313): for a positive the share of negatives
    scored below it, for a negative the share of positives scored above it, ties counting one half.

    Parameters
    ----------
    positive : array of bool, shape (n,)
        Which examples are positive; both classes must occur.
    scores : array, shape (n,)
        Decision scores, larger meaning more positive.
    """
    order = np.argsort(scores)
    ranked, is_positive = scores[order], positive[order]
    first = np.concatenate([[True], ranked[1:] != ranked[:-1]])
    tie = np.cumsum(first) - 1
    starts = np.flatnonzero(first)
    ends = np.append(starts[1:], len(scores))
    below = np.concatenate([[0], np.cumsum(is_positive)])
    positives_total = int(below[-1])
    negatives_total = len(scores) - positives_total
    positives_before, positives_until = below[starts], below[ends]
    negatives_before, negatives_until = starts - positives_before, ends - positives_until
    of_positive = (negatives_before + negatives_until) / (2 * negatives_total)
    of_negative = 1 - (positives_before + positives_until) / (2 * positives_total)
    placed = np.empty(len(scores))
    placed[order] = np.where(is_positive, of_positive[tie], of_negative[tie])
    return placed
