"""Texts: sentences of a small grammar, and systems that drop or replace words.

Statistics of a finite population of sentences are computed once; examples are drawn from it with
replacement. Its sums are the truth, so no metric of texts needs a formula of its own.
"""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from hokusai_mlflow.metrics import Metric
from hokusai_mlflow.metrics.base import Output
from hokusai_mlflow.metrics.registry import metric

from .world import Sample

POPULATION = 2_000
NOUNS = [
    "river",
    "model",
    "window",
    "doctor",
    "letter",
    "garden",
    "engine",
    "child",
    "harbour",
    "report",
    "teacher",
    "valley",
]
VERBS = [
    "sees",
    "follows",
    "repairs",
    "describes",
    "leaves",
    "paints",
    "visits",
    "finds",
    "counts",
    "remembers",
]
ADJECTIVES = [
    "old",
    "quiet",
    "green",
    "careful",
    "broken",
    "early",
    "distant",
    "heavy",
    "bright",
    "small",
    "narrow",
]
PLACES = [
    "by the sea",
    "in the morning",
    "after a long winter",
    "near the station",
    "without a word",
]
VOCABULARY = [*NOUNS, *VERBS, *ADJECTIVES]

BASELINE, BETTER, WORSE = 0, 1, 2


def sentence(rng: np.random.Generator) -> str:
    """One or two clauses."""
    clauses = []
    for _ in range(rng.integers(1, 3)):
        subject, thing = (f"the {rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}" for _ in range(2))
        clauses.append(f"{subject} {rng.choice(VERBS)} {thing} {rng.choice(PLACES)}")
    return ", and ".join(clauses) + "."


def corrupted(rng: np.random.Generator, text: str, *, drop: float, swap: float) -> str:
    """A system's output: words dropped, or replaced by others."""
    words = [
        str(rng.choice(VOCABULARY)) if rng.random() < swap else word
        for word in text.split()
        if rng.random() >= drop
    ]
    return " ".join(words) or "the"


@lru_cache
def population() -> tuple[list[str], list[list[str]]]:
    """References, and outputs of the baseline, a better and a worse candidate.

    The systems share what is difficult in a sentence. The baseline drops words, the candidates
    replace them.
    """
    rng = np.random.default_rng(20_261)
    references = [sentence(rng) for _ in range(POPULATION)]
    outputs: list[list[str]] = [[], [], []]
    for reference in references:
        hard = rng.choice([0.5, 1.0, 2.0])
        outputs[BASELINE].append(corrupted(rng, reference, drop=0.10 * hard, swap=0.04 * hard))
        outputs[BETTER].append(corrupted(rng, reference, drop=0.02 * hard, swap=0.07 * hard))
        outputs[WORSE].append(corrupted(rng, reference, drop=0.06 * hard, swap=0.13 * hard))
    return references, outputs


@lru_cache
def tables(name: str) -> np.ndarray:
    """Statistics of every system on every sentence, shape (3, population, k)."""
    references, outputs = population()
    return np.stack([metric(name).statistics(references, said) for said in outputs])


@dataclass(frozen=True)
class Tabled(Metric):
    """A metric of texts whose outputs are numbers of rows in its `tables`."""

    output: ClassVar[Output] = "value"
    needs_targets: ClassVar[bool] = False

    inner: Any = field(default=None)

    def __post_init__(self) -> None:
        for name in ("name", "direction", "scale"):
            object.__setattr__(self, name, getattr(self.inner, name))

    def bind(self, targets: Any) -> "Tabled":
        """BLEU's smoothing refers to the number of segments."""
        if not hasattr(self.inner, "segments"):
            return self
        return replace(self, inner=replace(self.inner, segments=len(targets)))

    def statistics(self, targets: Any, output: Any) -> np.ndarray:
        """Rows of the tables."""
        found = tables(self.inner.name)
        return found.reshape(-1, found.shape[-1])[np.asarray(output)]

    def value(self, sums: Any) -> np.ndarray:
        """The metric's own."""
        return self.inner.value(sums)

    def gradient(self, mean: Any) -> np.ndarray:
        """The metric's own."""
        return self.inner.gradient(mean)


@dataclass(frozen=True)
class TextWorld:
    """Sentences of the population; the candidate is the better system on a share of them.

    `shift`: that share minus one half; on the others it is the worse one.
    """

    shift: float = 0.0

    def truth(self, of: Tabled) -> float:
        """Of the population's sums."""
        baseline, better, worse = tables(of.inner.name).mean(axis=1)
        candidate = worse + (self.shift + 0.5) * (better - worse)
        # An order without a match does not occur, so segments do not matter.
        bound = of.bind(range(POPULATION))
        values = [float(bound.value(mean * POPULATION)) for mean in (baseline, candidate)]
        return bound.utility(values[1]) - bound.utility(values[0])

    def draw(self, rng: np.random.Generator, n: int) -> Sample:
        """Numbers of rows; `texts` turns them into texts."""
        chosen = rng.integers(0, POPULATION, n)
        system = np.where(rng.random(n) < 0.5 + self.shift, BETTER, WORSE)
        return Sample(chosen, chosen, system * POPULATION + chosen)


def texts(sample: Sample) -> tuple[list[str], list[str], list[str]]:
    """References, and what both systems said."""
    references, outputs = population()
    said = [text for system in outputs for text in system]
    return (
        [references[i] for i in sample.targets],
        [said[i] for i in sample.baseline],
        [said[i] for i in sample.candidate],
    )
