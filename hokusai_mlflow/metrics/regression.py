"""Squared and absolute error, and the coefficient of determination."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import MetricUndefined
from hokusai_mlflow.metrics.base import Direction, Metric, Output, Paired, Scale, columns
from hokusai_mlflow.metrics.inputs import Floats, Targets, as_numbers, require_pairs
from hokusai_mlflow.metrics.mean import MeanMetric
from hokusai_mlflow.metrics.options import as_positive


@dataclass(frozen=True)
class MeanLoss(MeanMetric):
    """Mean of a loss per example. Statistics: loss (clipped at the cap), 1.

    Parameters
    ----------
    cap : float, optional
        Loss at which one example is clipped, in units of the loss (squared for mse and rmse).
        With a cap, value and test are of the clipped loss; paid losses must have one, because one
        wild prediction in a thousand otherwise decides any test.
    """

    direction: ClassVar[Direction] = "lower"
    scale: ClassVar[Scale] = "log_ratio"
    output: ClassVar[Output] = "value"
    paired: ClassVar[Paired] = "loss"

    cap: float | None = None

    def __post_init__(self) -> None:
        if self.cap is None:
            return
        object.__setattr__(self, "cap", as_positive(self.name, "cap", self.cap))

    def loss(self, error: Floats) -> Floats:
        """Loss of every example from target minus prediction, before clipping."""
        with np.errstate(over="ignore"):
            return error**2

    def statistics(self, targets: Targets, output: npt.ArrayLike) -> Floats:
        """Loss and 1, shape (n, 2)."""
        truth, said = as_numbers("targets", targets), as_numbers("predictions", output)
        require_pairs(truth, said)
        with np.errstate(over="ignore"):
            loss = self.loss(truth - said)
        if self.cap is not None:
            loss = np.minimum(loss, self.cap)
        return columns(loss, np.ones(len(loss)))


@dataclass(frozen=True)
class MeanSquaredError(MeanLoss):
    """Mean squared error; `cap` clips the squared error of an example."""

    name: ClassVar[str] = "mse"


@dataclass(frozen=True)
class RootMeanSquaredError(MeanLoss):
    """Root of the mean squared error; `cap` clips the squared error of an example."""

    name: ClassVar[str] = "rmse"

    def value(self, sums: npt.ArrayLike) -> Floats:
        """Root of the mean squared error."""
        return np.sqrt(super().value(sums))

    def gradient(self, mean: npt.ArrayLike) -> Floats:
        """Derivative by the means of squared error and 1."""
        root = float(self.value(mean))
        if root == 0:
            raise MetricUndefined("rmse has no derivative at 0: every prediction is exact")
        return super().gradient(mean) / (2 * root)


@dataclass(frozen=True)
class MeanAbsoluteError(MeanLoss):
    """Mean absolute error; `cap` clips the absolute error of an example."""

    name: ClassVar[str] = "mae"

    def loss(self, error: Floats) -> Floats:
        """Absolute error."""
        return np.abs(error)


@dataclass(frozen=True)
class R2(Metric):
    """Coefficient of determination, 1 − Σ(y − ŷ)² / Σ(y − ȳ)².

    Statistics per example: squared error, y − origin, (y − origin)², 1.

    Parameters
    ----------
    origin : float, optional
        What targets are measured from, to keep digits when their mean is large; it does not change
        the value. The mean of the targets when not given.
    """

    name: ClassVar[str] = "r2"
    output: ClassVar[Output] = "value"

    origin: float | None = None

    def bind(self, targets: Targets) -> Self:
        """The same metric with its origin fixed."""
        if self.origin is not None:
            return self
        truth = as_numbers("targets", targets)
        with np.errstate(over="ignore"):
            origin = float(truth.mean())
        return replace(self, origin=origin if math.isfinite(origin) else 0.0)

    def statistics(self, targets: Targets, output: npt.ArrayLike) -> Floats:
        """Squared error, centred target, its square and 1, shape (n, 4)."""
        origin = self.bind(targets).origin
        assert origin is not None
        truth, said = as_numbers("targets", targets), as_numbers("predictions", output)
        require_pairs(truth, said)
        with np.errstate(over="ignore"):
            centred = truth - origin
            return columns((truth - said) ** 2, centred, centred**2, np.ones(len(truth)))

    def value(self, sums: npt.ArrayLike) -> Floats:
        """1 − residual / total sum of squares."""
        sums = np.asarray(sums, dtype=np.float64)
        return np.asarray(1 - sums[..., 0] / self._total(sums))

    def gradient(self, mean: npt.ArrayLike) -> Floats:
        """Derivative by the mean statistics."""
        mean = np.asarray(mean, dtype=np.float64)
        residual, shift, _, one = mean
        total = float(self._total(mean))
        weight = residual / total**2
        return np.array(
            [-1 / total, -2 * weight * shift / one, weight, weight * (shift / one) ** 2]
        )

    def _total(self, sums: Floats) -> Floats:
        shift, squares, n = sums[..., 1], sums[..., 2], sums[..., 3]
        total = squares - shift**2 / n
        # Below rounding error of the squares the targets are one constant.
        if not np.all(total > 8 * np.finfo(float).eps * squares):
            raise MetricUndefined(
                "r2 is undefined: the targets are constant; bring targets that vary, or use mse"
            )
        return np.asarray(total)
