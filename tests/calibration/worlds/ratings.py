"""People's ratings and preferences: items and raters both leave their mark on the difference."""

from dataclasses import dataclass

import numpy as np

from hokusai_mlflow.metrics import Metric

from .world import Sample

PER_ITEM = 5


@dataclass(frozen=True)
class RatingWorld:
    """Every item is rated by five of the raters, both models' answers by the same ones.

    Ratings are 1–5: a mean from item, rater and their liking of either model, rounded up or down
    at random so that no expectation changes. `shift` is the candidate's advantage on the 0–1 scale.
    """

    raters: int = 50
    shift: float = 0.0

    def truth(self, metric: Metric) -> float:
        """The shift."""
        if metric.name != "human_score":
            raise NotImplementedError(metric.name)
        return self.shift

    def draw(self, rng: np.random.Generator, n: int) -> Sample:
        """`n` ratings of each model."""
        item, rater = panel(rng, n // PER_ITEM, self.raters)
        shared = 3 + _bounded(rng, item, 0.7) + _bounded(rng, rater, 0.4)
        ratings = []
        for advantage in (0.0, 4 * self.shift):
            own = _bounded(rng, item, 0.3) + _bounded(rng, rater, 0.15)
            mean = shared + own + advantage + rng.uniform(-0.3, 0.3, len(item))
            ratings.append(np.floor(mean + rng.random(len(item))))
        return Sample(None, *ratings, (item, rater))


@dataclass(frozen=True)
class PreferenceWorld:
    """Pairwise judgements with ties in 20 %; some items and some raters favour one model."""

    raters: int = 50
    shift: float = 0.0

    def truth(self, metric: Metric) -> float:
        """Wins minus losses."""
        if metric.name != "preference":
            raise NotImplementedError(metric.name)
        return self.shift

    def draw(self, rng: np.random.Generator, n: int) -> Sample:
        """`n` judgements."""
        item, rater = panel(rng, n // PER_ITEM, self.raters)
        chance = 0.5 + self.shift / 1.6 + _bounded(rng, item, 0.3) + _bounded(rng, rater, 0.1)
        won = np.where(rng.random(len(item)) < chance, 1.0, 0.0)
        won[rng.random(len(item)) < 0.2] = 0.5
        return Sample(None, 1 - won, won, (item, rater))


def panel(rng: np.random.Generator, items: int, raters: int) -> tuple[np.ndarray, np.ndarray]:
    """Which item and which rater every rating is of; no rater sees an item twice."""
    item = np.repeat(np.arange(items), PER_ITEM)
    first = rng.integers(0, raters, items)
    step = rng.integers(1, raters // PER_ITEM + 1, items)
    return item, ((first[:, None] + step[:, None] * np.arange(PER_ITEM)) % raters).ravel()


def _bounded(rng: np.random.Generator, cluster: np.ndarray, half: float) -> np.ndarray:
    """An effect of every cluster, uniform around 0."""
    return rng.uniform(-half, half, int(cluster.max()) + 1)[cluster]
