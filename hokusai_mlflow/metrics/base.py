"""One abstraction for every metric: statistics per example, a value of their sums, its gradient."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError, MetricUndefined
from hokusai_mlflow.metrics.inputs import Floats, Targets, as_weights

Direction = Literal["higher", "lower"]
Scale = Literal["absolute", "log_ratio"]
Output = Literal["label", "score", "scores", "value", "text", "loglik"]
Paired = Literal["hits", "loss", "linearised"]
Test = Literal["tango", "delong", "t+hall"]


@dataclass(frozen=True)
class Metric(ABC):
    """A score of a model that is a smooth function of sums over examples.

    A metric of one's own is a frozen dataclass derived from this one; its fields are its options.
    `value` must not change when all sums are multiplied by one factor, so that sums, means and
    sums over groups all serve.

    Attributes
    ----------
    name : str
        Name in the registry.
    direction : {"higher", "lower"}
        Which way is better.
    scale : {"absolute", "log_ratio"}
        Unit of an improvement: difference of values, or ln(baseline / candidate).
    output : {"label", "score", "scores", "value", "text", "loglik"}
        What the model gives: a class; a decision score of the positive class; a probability per
        class, shape (n, K), in the sorted order of the classes; a number; a string; or the
        log-likelihood of a text, as its negative sum or token by token, in nats.
    paired : {"hits", "loss", "linearised"}
        How an example's score enters the paired sums.
    test : {"tango", "delong", "t+hall"}
        Which test compares two models on independent examples.
    needs_classes : bool
        Whether it is defined by class, so that every class needs examples.
    by_people : bool
        Whether people give the scores, so that their agreement bears on what they are worth.
    mergeable : bool
        Whether statistics of parts of the data may be added up.
    needs_targets : bool
        Whether there is something to compare the output with; else targets may be None.
    """

    name: ClassVar[str]
    direction: ClassVar[Direction] = "higher"
    scale: ClassVar[Scale] = "absolute"
    output: ClassVar[Output]
    paired: ClassVar[Paired] = "linearised"
    test: ClassVar[Test] = "t+hall"
    needs_classes: ClassVar[bool] = False
    by_people: ClassVar[bool] = False
    mergeable: ClassVar[bool] = True
    needs_targets: ClassVar[bool] = True

    @abstractmethod
    def statistics(self, targets: Targets, output: npt.ArrayLike) -> Floats:
        """Statistics of every example, shape (n, k).

        Raises
        ------
        InputError
            When targets or output are malformed.
        """

    @abstractmethod
    def value(self, sums: npt.ArrayLike) -> Floats:
        """Value of the metric from sums (or means) of the statistics, shape (..., k) -> (...).

        Raises
        ------
        MetricUndefined
            When the metric has no value there.
        """

    @abstractmethod
    def gradient(self, mean: npt.ArrayLike) -> Floats:
        """Derivative of `value` by the mean statistics, shape (k,) -> (k,)."""

    def require_comparable(  # noqa: B027 - most metrics ask for nothing
        self, targets: Targets, baseline: npt.ArrayLike, candidate: npt.ArrayLike
    ) -> None:
        """Check that two models' outputs are of one kind, beyond what `statistics` checks of each.

        Raises
        ------
        InputError
            When their difference would mean nothing.
        """

    def weighted(self, targets: Targets, output: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
        """Statistics where example i counts `weights[i]` times, shape (n, k).

        Parameters
        ----------
        targets, output : array-like, shape (n,)
            As in `statistics`.
        weights : array-like, shape (n,)
            Weight of every example: finite, not negative, not all 0.

        Raises
        ------
        InputError
            When targets, output or weights are malformed.
        """
        statistics = self.statistics(targets, output)
        return statistics * as_weights(weights, len(statistics))[:, None]

    def bind(self, targets: Targets) -> Self:
        """The same metric with what depends on all targets (classes, origin) fixed.

        Statistics of parts of the data may be added only when they come from one bound metric.
        """
        return self

    def score(
        self,
        targets: Targets,
        output: npt.ArrayLike,
        *,
        weights: npt.ArrayLike | None = None,
    ) -> float:
        """Value of the metric for one model.

        Parameters
        ----------
        targets, output : array-like, shape (n,)
            What is true and what the model says.
        weights : array-like, shape (n,), optional
            Weight of every example; all count alike when not given.

        Raises
        ------
        InputError
            When they are malformed; `MetricUndefined` when there is no value.
        """
        if weights is None:
            statistics = self.statistics(targets, output)
        else:
            statistics = self.weighted(targets, output, weights)
        return float(self.value(statistics.sum(axis=0)))

    def utility(self, value: float) -> float:
        """The value in units of improvement: candidate minus baseline is positive when better.

        Raises
        ------
        MetricUndefined
            When a loss is 0, whose logarithm does not exist.
        """
        if self.scale == "log_ratio":
            if value <= 0:
                raise MetricUndefined(
                    f"{self.name}: an improvement is a ratio of losses, and one model's loss is "
                    f"{value:g}; check for targets leaking into features, or use another metric"
                )
            logarithm = math.log(value)
            return -logarithm if self.direction == "lower" else logarithm
        return -value if self.direction == "lower" else value

    def influence(self, statistics: Floats) -> Floats:
        """Influence ψ of every example on `utility`, shape (n, k) -> (n,), with mean 0.

        The delta method: ψ_i = u'(g(m)) ∇g(m)·(s_i − m); mean ψ² / n estimates the variance.
        """
        mean = statistics.mean(axis=0)
        slope = self.gradient(mean)
        if self.scale == "log_ratio":
            slope = slope / float(self.value(mean))
        if self.direction == "lower":
            slope = -slope
        # Column by column, not a matrix product: bits then never depend on the BLAS.
        influence: Floats = np.zeros(len(statistics))
        for column, weight in zip(statistics.T, slope, strict=True):
            influence += column * weight
        centred: Floats = influence - influence.mean()
        return centred

    def options(self) -> dict[str, Any]:
        """The options that were given, JSON-safe."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in given.items()
            if value is not None
        }

    @property
    def signature(self) -> str:
        """Name and options in one line, for example ``f1(average=macro)``."""
        told = ", ".join(f"{name}={value}" for name, value in self.options().items())
        return f"{self.name}({told})" if told else self.name


def columns(*given: npt.ArrayLike) -> Floats:
    """Statistics from their columns, shape (n, k).

    Laid out column by column, so that numpy's pairwise summation keeps sums accurate.

    Raises
    ------
    InputError
        When a statistic overflowed.
    """
    stacked = np.stack([np.asarray(column, dtype=np.float64) for column in given])
    if not np.isfinite(stacked).all():
        raise InputError(
            "expected values whose squares are finite, found an overflow; rescale them"
        )
    return stacked.T


def ratio(name: str, above: Floats, below: Floats, why: str) -> Floats:
    """Quotient of the two, or `MetricUndefined` with the reason where `below` is not positive."""
    if not np.all(below > 0):
        raise MetricUndefined(f"{name} is undefined: {why}")
    return above / below
