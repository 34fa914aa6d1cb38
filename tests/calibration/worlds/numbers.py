"""Numbers: correlated errors with light and heavy tails, and token log-likelihoods."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

from hokusai_mlflow.metrics import Metric

from .world import Sample

Tails = Literal["normal", "laplace", "lognormal", "t3"]

WILD_SHARE, WILD_SIZE = 0.005, 6.0
LOG_SPREAD = 0.8
"""Of the lognormal difficulty; squared errors then have a kurtosis of some thousands."""


@dataclass(frozen=True)
class ErrorWorld:
    """Errors σ·z: σ is the example's difficulty, z the two models' correlated normal errors.

    Attributes
    ----------
    tails : {"normal", "laplace", "lognormal", "t3"}
        What σ makes of the errors.
    wild : bool
        The candidate's error is six times as large on one example in two hundred, and smaller
        elsewhere: −skew is large, the case in which a t test rejects too often. Without it and
        without shift the models are exchangeable.
    shift : float
        Log factor by which the candidate's errors are smaller.
    """

    tails: Tails
    wild: bool = False
    shift: float = 0.0
    correlation: float = 0.8

    def difficulty(self, uniform: np.ndarray) -> np.ndarray:
        """Quantiles of σ."""
        if self.tails == "normal":
            return np.ones_like(uniform)
        if self.tails == "laplace":
            return np.sqrt(-2 * np.log(uniform))
        if self.tails == "lognormal":
            return np.exp(LOG_SPREAD * ndtri(uniform))
        from scipy.special import chdtri

        return np.sqrt(3 / chdtri(3, uniform))

    def truth(self, metric: Metric) -> float:
        """From closed moments; with a cap, from a fine grid of σ."""
        cap = getattr(metric, "cap", None)
        power = 1 if metric.name == "mae" else 2
        loss_b = self._expected(power, cap, 1.0)
        small = self._expected(power, cap, self._factor)
        loss_c = small
        if self.wild:
            large = self._expected(power, cap, self._factor * WILD_SIZE)
            loss_c = (1 - WILD_SHARE) * small + WILD_SHARE * large
        if metric.name == "r2":
            return (loss_b - loss_c) / self.target_variance
        logarithm = math.log(loss_b / loss_c)
        return logarithm / 2 if metric.name == "rmse" else logarithm

    @property
    def _factor(self) -> float:
        return math.exp(-self.shift)

    @cached_property
    def target_variance(self) -> float:
        """Targets explain three quarters of their variance."""
        return 4 * self._expected(2, None, 1.0)

    def _expected(self, power: int, cap: float | None, factor: float) -> float:
        if cap is not None:
            grid = (np.arange(20_000) + 0.5) / 20_000
            return float(_clipped(self.difficulty(grid) * factor, power, cap).mean())
        moments = {
            "normal": (1.0, 1.0),
            "laplace": (math.sqrt(math.pi / 2), 2.0),
            "lognormal": (math.exp(LOG_SPREAD**2 / 2), math.exp(2 * LOG_SPREAD**2)),
            "t3": (math.sqrt(6 / math.pi), 3.0),
        }[self.tails]
        of_normal = math.sqrt(2 / math.pi) if power == 1 else 1.0
        return moments[power - 1] * of_normal * factor**power

    def draw(self, rng: np.random.Generator, n: int) -> Sample:
        """Targets and predictions of `n` examples."""
        scale = self.difficulty(1 - rng.random(n))
        first, second = rng.normal(size=(2, n))
        second = self.correlation * first + math.sqrt(1 - self.correlation**2) * second
        second *= self._factor
        if self.wild:
            second = np.where(rng.random(n) < WILD_SHARE, second * WILD_SIZE, second)
        targets = rng.normal(scale=math.sqrt(self.target_variance), size=n)
        return Sample(targets, targets - scale * first, targets - scale * second)


def _clipped(scale: np.ndarray, power: int, cap: float) -> np.ndarray:
    """E min(|σz|^power, cap) for a standard normal z."""
    root = cap if power == 1 else math.sqrt(cap)
    at = root / scale
    density = np.exp(-(at**2) / 2) / math.sqrt(2 * math.pi)
    if power == 1:
        inside = 2 * scale * (1 / math.sqrt(2 * math.pi) - density)
    else:
        inside = scale**2 * (2 * ndtr(at) - 1 - 2 * at * density)
    return inside + cap * 2 * ndtr(-at)


@dataclass(frozen=True)
class TokenWorld:
    """Documents of lognormal length with summed negative log-likelihoods.

    A document's loss per token is its difficulty, 3 nats give or take 0.3 for both models; each
    model adds 0.15 of its own. `lean`: what the candidate gains on short documents, it loses on
    long ones.
    """

    lean: float = 0.0
    shift: float = 0.0

    @cached_property
    def lengths(self) -> tuple[np.ndarray, np.ndarray]:
        """Lengths in tokens and their probabilities."""
        tokens = np.arange(1, 3_001)
        edges = np.log(np.arange(1, 3_002) - 0.5)
        mass = np.diff(ndtr((edges - 4.0) / 0.8))
        return tokens, mass / mass.sum()

    @cached_property
    def pivot(self) -> float:
        """Log length at which gains and losses of `lean` cancel, per token."""
        tokens, mass = self.lengths
        return float((mass * tokens) @ np.log(tokens) / (mass @ tokens))

    def truth(self, metric: Metric) -> float:
        """ln of the ratio of perplexities: the difference of nats per token."""
        if metric.name != "perplexity":
            raise NotImplementedError(metric.name)
        return self.shift

    def draw(self, rng: np.random.Generator, n: int) -> Sample:
        """Token counts, and both models' summed negative log-likelihoods."""
        tokens, mass = self.lengths
        counts = rng.choice(tokens, size=n, p=mass)
        shared = np.clip(3 + 0.3 * rng.normal(size=n), 1.5, None)
        own_b, own_c = np.clip(0.15 * rng.normal(size=(2, n)), -0.5, 0.5)
        lean = self.lean * (np.log(counts) - self.pivot)
        return Sample(
            counts, counts * (shared + own_b), counts * (shared + own_c + lean - self.shift)
        )
