"""Classes: a joint table of truth and two models' predictions, so that every truth is a sum."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import brentq

from hokusai_mlflow.metrics import Metric

from .world import Sample


@dataclass(frozen=True)
class LabelWorld:
    """Both models give a shared answer, or with probability ε their own one.

    Attributes
    ----------
    agreement : float
        Share of examples on which equal models predict the same class.
    rarest : float
        Share of the rarest class: of the positive one among two.
    classes : int
        How many.
    lean : float
        Log odds by which the candidate's own answers lean to the last class: what it gains in
        recall it loses in precision. With 0 and no shift the models are exchangeable.
    shift : float
        Log odds by which its own answers lean to the truth.
    """

    agreement: float
    rarest: float = 0.5
    classes: int = 2
    lean: float = 0.0
    shift: float = 0.0

    @cached_property
    def prior(self) -> np.ndarray:
        """Share of each class; geometric between the rarest and the commonest."""
        if self.classes == 2:
            return np.array([1 - self.rarest, self.rarest])
        rest = self.classes - 1

        def total(growth: float) -> float:
            return self.rarest * sum(growth**k for k in range(self.classes)) - 1

        growth = brentq(total, 1e-6, 1 / self.rarest ** (1 / rest) + 1)
        return self.rarest * growth ** np.arange(rest, -1, -1.0)

    @cached_property
    def answers(self) -> np.ndarray:
        """P(answer | truth): right in 85 %, of two classes 80 % of the positives."""
        if self.classes == 2:
            return np.array([[0.85, 0.15], [0.20, 0.80]])
        wrong = np.where(np.eye(self.classes, dtype=bool), 0.0, self.prior)
        return 0.85 * np.eye(self.classes) + 0.15 * wrong / wrong.sum(axis=1, keepdims=True)

    @cached_property
    def own_share(self) -> float:
        """The ε that gives the agreement."""
        twice = (self.answers**2).sum(axis=1)

        def surplus(epsilon: float) -> float:
            kept = (1 - epsilon) ** 2
            return float(self.prior @ (kept + (1 - kept) * twice)) - self.agreement

        return brentq(surplus, 0, 1)

    @cached_property
    def table(self) -> np.ndarray:
        """P(truth, baseline, candidate), shape (K, K, K)."""
        tilt = self.shift * np.eye(self.classes)
        tilt[:, -1] += self.lean
        own = self.answers * np.exp(tilt)
        own /= own.sum(axis=1, keepdims=True)
        epsilon, eye = self.own_share, np.eye(self.classes)
        said_b = (1 - epsilon) * eye[None] + epsilon * self.answers[:, None, :]
        said_c = (1 - epsilon) * eye[None] + epsilon * own[:, None, :]
        return np.einsum("t,tm,tmb,tmc->tbc", self.prior, self.answers, said_b, said_c)

    def truth(self, metric: Metric) -> float:
        """Of the metric of the table's expected statistics."""
        truth, said_b, said_c = np.indices(self.table.shape).reshape(3, -1)
        bound = metric.bind(np.arange(self.classes))
        values = [
            float(bound.value(self.table.ravel() @ bound.statistics(truth, said)))
            for said in (said_b, said_c)
        ]
        return bound.utility(values[1]) - bound.utility(values[0])

    def draw(self, rng: np.random.Generator, n: int) -> Sample:
        """Counts of the table's cells; the order of examples means nothing."""
        counts = rng.multinomial(n, self.table.ravel() / self.table.sum())
        cells = np.repeat(np.arange(counts.size), counts)
        return Sample(*np.unravel_index(cells, self.table.shape))


@dataclass(frozen=True)
class PairWorld:
    """Binary predictions that differ on a fixed share of examples, whoever is better.

    Attributes
    ----------
    disagreement : float
        That share.
    accuracy : float
        Of the baseline.
    shift : float
        Accuracy of the candidate minus that of the baseline.
    """

    disagreement: float = 0.07
    accuracy: float = 0.85
    shift: float = 0.0

    @property
    def shares(self) -> np.ndarray:
        """Of examples that only the candidate, only the baseline, both and neither get right."""
        wins, losses = (self.disagreement + np.array([1, -1]) * self.shift) / 2
        both = self.accuracy - losses
        return np.array([wins, losses, both, 1 - wins - losses - both])

    def truth(self, metric: Metric) -> float:
        """The shift, for accuracy."""
        if metric.name != "accuracy":
            raise NotImplementedError(metric.name)
        return self.shift

    def draw(self, rng: np.random.Generator, n: int) -> Sample:
        """`n` independent examples."""
        return self.sample(rng.multinomial(n, self.shares))

    def sample(self, counts: np.ndarray) -> Sample:
        """Examples in these numbers; the truth is always class 1."""
        said_c = np.repeat([1, 0, 1, 0], counts)
        said_b = np.repeat([0, 1, 1, 0], counts)
        return Sample(np.ones(len(said_b), dtype=int), said_b, said_c)


@dataclass(frozen=True)
class GroupedHits:
    """Binary predictions in groups: in each group one of the models is at home.

    Groups have 1 + Poisson(4) examples; the models disagree on 10 %, and the one at home is right
    on 90 % of these. `shift` moves the share of groups where that is the candidate.
    """

    shift: float = 0.0

    def truth(self, metric: Metric) -> float:
        """Accuracy: disagreement × advantage × surplus of groups."""
        if metric.name != "accuracy":
            raise NotImplementedError(metric.name)
        return 0.10 * 0.8 * 2 * self.shift

    def draw(self, rng: np.random.Generator, n: int) -> Sample:
        """About `n` examples in n / 5 groups."""
        sizes = 1 + rng.poisson(4, size=n // 5)
        groups = np.repeat(np.arange(len(sizes)), sizes)
        at_home = rng.random(len(sizes)) < 0.5 + self.shift
        apart = rng.random(len(groups)) < 0.10
        candidate_right = at_home[groups] == (rng.random(len(groups)) < 0.9)
        truth = rng.integers(0, 2, len(groups))
        shared = rng.random(len(groups)) < 0.85
        right_b = np.where(apart, ~candidate_right, shared)
        right_c = np.where(apart, candidate_right, shared)
        return Sample(
            truth, np.where(right_b, truth, 1 - truth), np.where(right_c, truth, 1 - truth), groups
        )
