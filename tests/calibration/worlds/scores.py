"""Decision scores: correlated normal scores, whose areas under the curve are known."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtr

from hokusai_mlflow.metrics import Metric

from .world import Sample

LEVELS = np.array([0.40, 0.55, 0.70, 0.85, 0.97])


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


@dataclass(frozen=True)
class ConfidenceWorld:
    """Four classes; a model names one with one of five probabilities, the rest share the rest.

    As in `LabelWorld` both models give a shared answer, or with probability ε their own one, and
    `shift` is the log odds by which the candidate's own answers lean to the truth. Finitely many
    answers, so the areas are finite sums.
    """

    own_share: float = 0.25
    shift: float = 0.0

    @property
    def prior(self) -> np.ndarray:
        """Share of each class."""
        return np.array([0.4, 0.3, 0.2, 0.1])

    @property
    def outputs(self) -> np.ndarray:
        """Every answer as a row of probabilities, shape (20, 4)."""
        rest = (1 - LEVELS)[None, :, None] / 3
        named = np.eye(4, dtype=bool)[:, None, :]
        return np.where(named, LEVELS[None, :, None], rest).reshape(-1, 4)

    @cached_property
    def answers(self) -> np.ndarray:
        """P(answer | truth), shape (4, 20): right in 75 %, and then surer."""
        sure, unsure = LEVELS / LEVELS.sum(), LEVELS[::-1] / LEVELS.sum()
        right = np.eye(4)[:, :, None] * 0.75 * sure
        wrong = (1 - np.eye(4))[:, :, None] * 0.25 / 3 * unsure
        return (right + wrong).reshape(4, -1)

    @cached_property
    def own(self) -> np.ndarray:
        """The candidate's own answers."""
        tilt = np.repeat(self.shift * np.eye(4), len(LEVELS), axis=1)
        tilted = self.answers * np.exp(tilt)
        return tilted / tilted.sum(axis=1, keepdims=True)

    def truth(self, metric: Metric) -> float:
        """Difference of the mean areas of one class against the rest."""
        if metric.name != "roc_auc":
            raise NotImplementedError(metric.name)
        mixed = (1 - self.own_share) * self.answers + self.own_share * self.own
        return self._mean_area(mixed) - self._mean_area(self.answers)

    def _mean_area(self, said: np.ndarray) -> float:
        areas = []
        for k in range(4):
            score = self.outputs[:, k]
            others = self.prior * (np.arange(4) != k)
            of_rest = others @ said / others.sum()
            above = (score[:, None] > score) + 0.5 * (score[:, None] == score)
            areas.append(said[k] @ above @ of_rest)
        return float(np.mean(areas))

    def draw(self, rng: np.random.Generator, n: int) -> Sample:
        """Classes and rows of probabilities."""
        truth = rng.choice(4, size=n, p=self.prior)
        shared, own_b = (_pick(rng, self.answers, truth) for _ in range(2))
        own_c = _pick(rng, self.own, truth)
        said_b, said_c = (
            np.where(rng.random(n) < self.own_share, own, shared) for own in (own_b, own_c)
        )
        return Sample(truth, self.outputs[said_b], self.outputs[said_c])


def _pick(rng: np.random.Generator, chances: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """One draw per row from the chances of that row."""
    below = np.cumsum(chances, axis=1)[rows] / chances.sum(axis=1)[rows, None]
    return (rng.random(len(rows))[:, None] > below).sum(axis=1)
