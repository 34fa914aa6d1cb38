"""Metrics that are the mean of one number per example."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.metrics.base import Metric, ratio
from hokusai_mlflow.metrics.inputs import Floats


@dataclass(frozen=True)
class MeanMetric(Metric):
    """Mean of a number per example. Statistics: that number, 1."""

    def value(self, sums: npt.ArrayLike) -> Floats:
        """Sum of the numbers over their count."""
        sums = np.asarray(sums, dtype=np.float64)
        return ratio(self.name, sums[..., 0], sums[..., 1], "there are no examples")

    def gradient(self, mean: npt.ArrayLike) -> Floats:
        """Derivative by the means of the number and 1."""
        above, one = np.asarray(mean, dtype=np.float64)
        return np.array([1 / one, -above / one**2])
