"""Decision scores: correlated normal scores, whose areas under the curve are known."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from hokusai_mlflow.metrics import Metric

from .world import Sample


@dataclass(frozen=True)
class ScoreWorld:
    """Positives score N(μ, σ²), negatives N(0, 1), the two models correlated.

    Attributes
    ----------
    correlation : float
        Of the two models' scores within a class.
    rarest : float
        Share of positives.
    spread : float
        σ of the candidate's positives; the baseline's is 1. At 1 the models are exchangeable.
    ties : bool
        Whether scores are rounded to halves.
    shift : float
        Added to the candidate's μ.
    """

    correlation: float
    rarest: float = 0.5
    spread: float = 1.0
    ties: bool = False
    shift: float = 0.0

    def truth(self, metric: Metric) -> float:
        """Difference of areas: Φ(μ / √(1 + σ²)), or a sum over rounded scores."""
        if metric.name != "roc_auc":
            raise NotImplementedError(metric.name)
        return self._area(1.5 + self.shift, self.spread) - self._area(1.5, 1.0)

    def _area(self, mean: float, spread: float) -> float:
        if not self.ties:
            return float(ndtr(mean / math.sqrt(1 + spread**2)))
        edges = np.arange(-60.25, 60.5, 0.5)
        of_positive = np.diff(ndtr((edges - mean) / spread))
        of_negative = np.diff(ndtr(edges))
        below = np.cumsum(of_negative) - of_negative / 2
        return float(of_positive @ below)

    def draw(self, rng: np.random.Generator, n: int) -> Sample:
        """Scores of `n` examples."""
        positive = rng.random(n) < self.rarest
        first, second = rng.normal(size=(2, n))
        second = self.correlation * first + math.sqrt(1 - self.correlation**2) * second
        baseline = first + 1.5 * positive
        candidate = second * np.where(positive, self.spread, 1.0) + (1.5 + self.shift) * positive
        if self.ties:
            baseline, candidate = np.round(2 * baseline) / 2, np.round(2 * candidate) / 2
        return Sample(positive.astype(int), baseline, candidate)
