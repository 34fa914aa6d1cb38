"""Submitters who try to be paid for nothing, and the hold-out that they submit to.

Part of the examples are coin flips: whatever a model says there, its true accuracy is one half.
Models that differ only there are equally good, so every reward for such a step is a false one,
however cleverly the step was chosen. Other examples can be learned honestly, block by block.
"""

from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from hokusai_mlflow.metrics.registry import metric

from .gating import look
from .worlds.world import Sample

COINS, BLOCK, BLOCKS = 0.14, 0.04, 8
ACCURACY = metric("accuracy")


@dataclass(frozen=True)
class Model:
    """Predictions on the coins, and how many blocks have been learned."""

    coins: np.ndarray
    blocks: int = 0


@dataclass
class Holdout:
    """Labels that nobody sees. Learned blocks are right in 90 %, others in 50 %."""

    rng: np.random.Generator
    n: int
    labels: np.ndarray = field(init=False)
    block_hits: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.labels = self.rng.random(round(COINS * self.n)) < 0.5
        size = (BLOCKS, round(BLOCK * self.n))
        self.block_hits = np.stack([self.rng.random(size) < 0.5, self.rng.random(size) < 0.9])

    def first(self) -> Model:
        """The champion that the submitters start from."""
        return Model(self.rng.random(len(self.labels)) < 0.5)

    def hits(self, model: Model) -> np.ndarray:
        """Which examples a model gets right; it is always right outside coins and blocks."""
        learned = np.arange(BLOCKS) < model.blocks
        blocks = np.where(learned[:, None], self.block_hits[1], self.block_hits[0])
        right = np.ones(self.n, dtype=bool)
        told = np.concatenate([model.coins == self.labels, blocks.ravel()])
        right[: len(told)] = told
        return right

    def counts(self, champion: Model, candidate: Model) -> tuple[int, int]:
        """Examples that only the candidate, or only the champion, gets right."""
        b, c = self.hits(champion), self.hits(candidate)
        return int((c & ~b).sum()), int((b & ~c).sum())

    def gate(self, champion: Model, candidate: Model, level: float) -> bool:
        """Whether the real gate promotes the candidate at this level."""
        ones = np.ones(self.n, dtype=int)
        b, c = (self.hits(model).astype(int) for model in (champion, candidate))
        return look(ACCURACY, Sample(ones, b, c), level=level).promoted


class Attacker(Protocol):
    """Someone who submits models and learns from the answers."""

    def propose(self, rng: np.random.Generator, champion: Model) -> Model:
        """The next submission."""
        ...

    def told(self, candidate: Model, paid: float) -> None:
        """The answer: 0 for a rejection, 1 for an acceptance, more where payments are seen."""
        ...


class Lottery:
    """Submits the champion with other guesses, again and again."""

    def propose(self, rng: np.random.Generator, champion: Model) -> Model:
        """New guesses at all coins."""
        return replace(champion, coins=rng.random(len(champion.coins)) < 0.5)

    def told(self, candidate: Model, paid: float) -> None:
        """Luck has no memory."""


@dataclass
class Booster:
    """Submits random guesses and lets those that did well outvote those that did not.

    The attack on leaderboards of Blum & Hardt (2015, arXiv:1502.04585), with the accept bit as the
    only score, or with payments where they are seen. With `honest` > 0 it first submits real
    improvements, with guesses mixed in, so that acceptances and payments tell about the guesses.
    """

    honest: int = 0
    submitted: int = 0
    votes: np.ndarray | float = 0.0

    def propose(self, rng: np.random.Generator, champion: Model) -> Model:
        """Guesses and votes in turn."""
        self.submitted += 1
        guess = rng.random(len(champion.coins)) < 0.5
        if champion.blocks < self.honest:
            return Model(guess, champion.blocks + 1)
        if self.submitted % 2 and np.any(self.votes):
            split = np.where(self.votes == 0, guess, self.votes > 0)
            return replace(champion, coins=split)
        return replace(champion, coins=guess)

    def told(self, candidate: Model, paid: float) -> None:
        """Accepted guesses are voted for by what they were paid, rejected ones against."""
        self.votes = self.votes + (paid if paid else -0.2) * (2.0 * candidate.coins - 1)
