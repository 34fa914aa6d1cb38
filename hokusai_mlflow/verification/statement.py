"""What is proven of a metric: labels and predictions as whole numbers, and the tally of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.deltaone import PairedSums
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics import Metric
from hokusai_mlflow.metrics.inputs import Label, as_labels, as_numbers
from hokusai_mlflow.proven_sums import MACRO, MOST_CLASSES, Circuit, Score, proven_sums

RATIOS = frozenset({"precision", "recall", "f1"})
LOSSES = frozenset({"mae", "mse", "rmse"})
PROVABLE = frozenset({"accuracy"}) | RATIOS | LOSSES
"""Metrics that have a circuit."""


@dataclass(frozen=True)
class Statement:
    """A metric as circuits count it.

    Parameters
    ----------
    circuit : Circuit
    score : {"accuracy", "precision", "recall", "f1", "loss"}
    positive : int
        Of precision, recall and F1: the number of the class that is meant, or `MACRO`.
    classes : tuple of labels
        In order of their numbers; none of a loss. Of accuracy, any other prediction gets the number
        after the last, which no label has, so that it is never right.
    origin, step : float
        Of a loss, the target that is number 0, and the distance between numbers.
    """

    circuit: Circuit
    score: Score
    positive: int = MACRO
    classes: tuple[Label, ...] = ()
    origin: float = 0.0
    step: float = 1.0

    def labels(self, targets: npt.ArrayLike) -> list[int]:
        """Targets as numbers.

        Raises
        ------
        InputError
            When one is outside the classes, or outside the range of targets.
        """
        if not self.classes:
            found = self._steps("targets", targets)
            if found.min() < 0 or found.max() >= 1 << self.circuit.bits:
                raise InputError(
                    f"targets must lie from {self.origin:g} to {self._highest:g}, the "
                    "proof.target_range that was committed to"
                )
            return [int(value) for value in found]
        numbers = self._numbers("targets", targets)
        if len(self.classes) in numbers:
            raise InputError(f"a target is none of the classes {self.classes}")
        return numbers

    def predictions(self, output: npt.ArrayLike) -> list[int]:
        """Predictions as numbers; losses that are at the cap stay there."""
        if not self.classes:
            cap, most = self.circuit.range, (1 << self.circuit.bits) - 1
            return [int(v) for v in np.clip(self._steps("predictions", output), -cap, most + cap)]
        numbers = self._numbers("predictions", output)
        if self.score != "accuracy" and len(self.classes) in numbers:
            raise InputError(f"{self.score}: a prediction is none of the classes {self.classes}")
        return numbers

    def as_counted(
        self, targets: npt.ArrayLike, *outputs: npt.ArrayLike
    ) -> tuple[npt.NDArray[Any], ...]:
        """Targets and outputs as they count: of a loss in whole steps, of classes as they are.

        What is compared on these has the improvement of the proven sums.
        """
        if self.classes:
            return tuple(map(np.asarray, (targets, *outputs)))
        numbers = (self.labels(targets), *map(self.predictions, outputs))
        return tuple(self.origin + self.step * np.array(column) for column in numbers)

    def tally(
        self, labels: Sequence[int], champion: Sequence[int], candidate: Sequence[int]
    ) -> list[int]:
        """Rows and counts, from numbers; see `hokusai_mlflow.proven_sums`."""
        y, b, c = (np.asarray(column, dtype=np.int64) for column in (labels, champion, candidate))
        n, kind = len(y), self.circuit.counted
        if kind == "accuracy":
            right_b, right_c = y == b, y == c
            return [n, *(int(found.sum()) for found in (right_b, right_c, right_b & right_c))]
        if kind == "confusion":
            k = self.circuit.range
            return [n, *np.bincount((y * k + b) * k + c, minlength=k**3).tolist()]
        power = 2 if kind == "squared_loss" else 1
        lost = [np.minimum(np.abs(y - p), self.circuit.range) ** power for p in (b, c)]
        # Squares of losses up to 1e9 leave 64 bits; Python's numbers do not.
        first, second = ([int(value) for value in losses] for losses in lost)
        pairs = ((first, first), (second, second), (first, second))
        moments = [sum(x * z for x, z in zip(*pair, strict=True)) for pair in pairs]
        return [n, sum(first), sum(second), *moments]

    def sums(self, tally: Sequence[int]) -> PairedSums:
        """Paired sums of a tally."""
        return proven_sums(tally, self.circuit, self.score, self.positive)

    def paired_sums(
        self, targets: npt.ArrayLike, champion: npt.ArrayLike, candidate: npt.ArrayLike
    ) -> PairedSums:
        """Paired sums of targets and predictions, as a proof would show them."""
        said = (self.predictions(output) for output in (champion, candidate))
        return self.sums(self.tally(self.labels(targets), *said))

    def to_dict(self) -> dict[str, Any]:
        """JSON form, part of the evidence; the inverse is `from_dict`."""
        circuit = self.circuit
        return {
            "counted": circuit.counted,
            "capacity": circuit.capacity,
            "bits": circuit.bits,
            "range": circuit.range,
            "score": self.score,
            "positive": self.positive,
            "classes": list(self.classes),
            "origin": self.origin,
            "step": self.step,
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Statement:
        """Read what `to_dict` wrote."""
        try:
            sizes = (given[name] for name in ("counted", "capacity", "bits", "range"))
            return cls(
                Circuit(*sizes),
                given["score"],
                given["positive"],
                tuple(given["classes"]),
                given["origin"],
                given["step"],
            )
        except (KeyError, TypeError) as problem:
            raise InputError(f"this is no statement of a proof: {problem!r}") from None

    @property
    def _highest(self) -> float:
        return self.origin + self.step * ((1 << self.circuit.bits) - 1)

    def _steps(self, what: str, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
        steps: npt.NDArray[np.float64] = np.rint(
            (as_numbers(what, values) - self.origin) / self.step
        )
        return steps

    def _numbers(self, what: str, values: npt.ArrayLike) -> list[int]:
        place = {label: number for number, label in enumerate(self.classes)}
        other = len(self.classes)
        return [place.get(label, other) for label in as_labels(what, values).tolist()]

    def __repr__(self) -> str:
        return f"Statement({self.score} by {self.circuit!r})"


def require_provable(name: str, options: Mapping[str, Any]) -> None:
    """Check that a metric has a circuit.

    Raises
    ------
    InputError
    """
    if name not in PROVABLE:
        raise InputError(
            f"{name} has no circuit, so its sums cannot be proven; use one of "
            f"{', '.join(sorted(PROVABLE))}, or verification: oracle"
        )
    if options.get("average") == "weighted":
        raise InputError(
            f"{name} with average: weighted has no circuit; use binary or macro, or "
            "verification: oracle"
        )


def statement_of(
    metric: Metric,
    classes: Sequence[Label],
    *,
    capacity: int,
    target_range: tuple[float, float] | None = None,
    steps: int = 10_000,
) -> Statement:
    """The statement that proves a metric.

    Parameters
    ----------
    metric : Metric
        Bound to its classes.
    classes : sequence of labels
        All that occur as targets, sorted; of a loss, none.
    capacity : int
        Most rows of one proof.
    target_range : (float, float), optional
        Of a loss, the least and the largest target.
    steps : int
        Of a loss, the steps that its cap is divided into.

    Raises
    ------
    InputError
        When there is no circuit for it.
    """
    require_provable(metric.name, {"average": getattr(metric, "average", None)})
    if metric.name in LOSSES:
        return _loss(metric, capacity, target_range, steps)
    known = tuple(getattr(metric, "classes", None) or classes)
    if metric.name == "accuracy":
        bits = max(1, len(known).bit_length())
        circuit = Circuit("accuracy", capacity, bits, 1 << bits)
        return Statement(circuit, "accuracy", classes=known)
    if len(known) > MOST_CLASSES:
        raise InputError(f"{metric.name}: at most {MOST_CLASSES} classes, found {len(known)}")
    circuit = Circuit("confusion", capacity, (len(known) - 1).bit_length(), len(known))
    average = getattr(metric, "average", "macro")
    positive = known.index(metric.positive) if average == "binary" else MACRO  # type: ignore[attr-defined]
    return Statement(circuit, metric.name, positive, known)  # type: ignore[arg-type]


def _loss(
    metric: Metric, capacity: int, target_range: tuple[float, float] | None, steps: int
) -> Statement:
    if target_range is None:
        raise InputError(
            f"a proof of {metric.name} needs proof: {{target_range: [least, largest]}}, for "
            "targets become whole numbers before they are committed to"
        )
    absolute = metric.name == "mae"
    cap: float = metric.cap  # type: ignore[attr-defined]
    step = (cap if absolute else cap**0.5) / steps
    least, largest = target_range
    bits = max(round((largest - least) / step), steps).bit_length()
    circuit = Circuit("absolute_loss" if absolute else "squared_loss", capacity, bits, steps)
    _ = circuit.loss_unit
    return Statement(circuit, "loss", origin=least, step=step)
