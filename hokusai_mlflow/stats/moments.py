"""Mean and scatter of statistics, mergeable over parts of the data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.metrics.inputs import Floats


@dataclass(frozen=True, eq=False)
class Moments:
    """Count, mean and scatter of rows; `a + b` is that of both parts together.

    Merging follows Chan, Golub & LeVeque (1983), DOI 10.1080/00031305.1983.10483115, which does
    not lose digits when means are large.

    Attributes
    ----------
    n : int
        Rows.
    mean : array, shape (k,)
        Mean row.
    scatter : array, shape (k, k)
        Σ (s − mean)(s − mean)ᵀ.
    """

    n: int
    mean: Floats
    scatter: Floats

    @classmethod
    def of(cls, rows: npt.ArrayLike) -> Moments:
        """Moments of an array of rows, shape (n, k).

        Raises
        ------
        InputError
            When it is not a matrix of finite numbers.
        """
        matrix = np.asarray(rows, dtype=np.float64)
        if matrix.ndim != 2 or not np.isfinite(matrix).all():
            raise InputError(
                f"expected a matrix of finite numbers, found shape {matrix.shape}; "
                "drop rows that are not finite"
            )
        if len(matrix) == 0:
            return cls(0, np.zeros(matrix.shape[1]), np.zeros((matrix.shape[1],) * 2))
        mean = matrix.mean(axis=0)
        centred = matrix - mean
        return cls(len(matrix), mean, centred.T @ centred)

    def __add__(self, other: Moments) -> Moments:
        if self.mean.shape != other.mean.shape:
            raise InputError(
                f"expected moments of {len(self.mean)} statistics, found {len(other.mean)}; "
                "take all parts from one bound metric"
            )
        n = self.n + other.n
        if n == 0:
            return self
        step = other.mean - self.mean
        mean = self.mean + step * (other.n / n)
        scatter = self.scatter + other.scatter + np.outer(step, step) * (self.n * other.n / n)
        return Moments(n, mean, scatter)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form."""
        return {"n": self.n, "mean": self.mean.tolist(), "scatter": self.scatter.tolist()}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Moments:
        """Inverse of `to_dict`."""
        return cls(int(given["n"]), np.array(given["mean"]), np.array(given["scatter"]))

    def __repr__(self) -> str:
        return f"Moments(n={self.n}, k={len(self.mean)})"


def delta_method(metric: Metric, moments: Moments) -> tuple[float, float]:
    """Improvement and its standard error from moments of stacked statistics (baseline, candidate).

    With mean m, scatter C and v the gradient of u(g(m_c)) − u(g(m_b)): se² = vᵀCv / (n (n − 1)).

    Parameters
    ----------
    metric : Metric
        A bound, mergeable metric.
    moments : Moments
        Of rows (s_b, s_c), 2k columns.

    Returns
    -------
    improvement, std_error : float
        In native units (absolute difference or log ratio); positive means the candidate is better.

    Raises
    ------
    InputError
        When there are fewer than two rows or the metric is not a function of sums.
    """
    if not metric.mergeable:
        raise InputError(
            f"{metric.name} is not a function of sums over parts; compare all examples at once"
        )
    if moments.n < 2:
        raise InputError(f"expected at least two examples, found {moments.n}")
    half = len(moments.mean) // 2
    means = moments.mean[:half], moments.mean[half:]
    before, after = (metric.utility(float(metric.value(mean))) for mean in means)
    both = np.concatenate([-slope(metric, means[0]), slope(metric, means[1])])
    variance = float(both @ moments.scatter @ both) / (moments.n * (moments.n - 1))
    return after - before, math.sqrt(max(variance, 0.0))


def slope(metric: Metric, mean: Floats) -> Floats:
    """Derivative of the metric in units of improvement by the mean statistics, (k,) -> (k,)."""
    gradient = metric.gradient(mean)
    if metric.scale == "log_ratio":
        gradient = gradient / float(metric.value(mean))
    return -gradient if metric.direction == "lower" else gradient


def jump(metric: Metric, baseline: Floats, candidate: Floats) -> float:
    """What one right or wrong answer moves in n · utility, from both models' mean statistics."""
    return max(float(np.abs(slope(metric, mean)).max()) for mean in (baseline, candidate))
