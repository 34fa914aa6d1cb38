"""What is trained: a statistical translator that puts sentences together from phrases.

Words are aligned by IBM model 1 (Brown et al. 1993, aclanthology.org/J93-2003) with a preference
for the diagonal (Dyer, Chahuneau & Smith 2013, aclanthology.org/N13-1073), in both directions.
Phrases that the alignment holds together (Koehn, Och & Marcu 2003, DOI 10.3115/1073445.1073462)
make up the table. A new message is cut into the phrases that are best known, in its own order;
words that nobody knows stay as they are.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd

TOKEN = re.compile(r"%\(\w+\)[a-z]|%[a-z]|\{[^}]*\}|\w+(?:[-'’]\w+)*|[^\w\s]")
LONGEST = 5
"""Words of a phrase."""
ROUNDS = 5
DIAGONAL = 4.0
"""How fast the weight of an alignment falls with its distance from the diagonal."""
PIECE = 2.0
"""What every further phrase costs, in nats: long phrases are safer than their parts."""

Phrase = tuple[str, ...]


class PhraseTable:
    """Translations of phrases, learnt from pairs of messages.

    After `fit`, `table_` maps every known phrase in lower case to its most frequent translation and
    the logarithm of that one's share.
    """

    def fit(self, features: pd.DataFrame, targets: Sequence[str]) -> PhraseTable:
        """Learn from messages in the first column and their translations."""
        pairs = [
            (tuple(cut(source.lower())), tuple(cut(str(target))))
            for source, target in zip(features.iloc[:, 0], targets, strict=True)
        ]
        pairs = [pair for pair in pairs if all(pair)]
        found: dict[Phrase, Counter[Phrase]] = defaultdict(Counter)
        for (source, target), links in zip(pairs, aligned(pairs), strict=True):
            for phrase, translation in phrases(source, target, links):
                found[phrase][translation] += 1
            found[source][target] += 1
        self.table_ = {}
        for phrase, translations in found.items():
            # Of equally frequent ones the first in the alphabet, whatever order rows came in.
            best, count = min(translations.items(), key=lambda one: (-one[1], one[0]))
            self.table_[phrase] = (best, math.log(count / translations.total()))
        return self

    def predict(self, features: pd.DataFrame) -> np.ndarray:
        """Translations of the messages in the first column."""
        return np.array([self.translate(source) for source in features.iloc[:, 0]], dtype=object)

    def translate(self, message: str) -> str:
        """The message as the likeliest sequence of known phrases."""
        words = cut(message)
        lower = tuple(word.lower() for word in words)
        best: list[tuple[float, list[str]]] = [(0.0, [])]
        for end in range(1, len(words) + 1):
            options = []
            # A message that is known as a whole may be longer than a phrase.
            for start in {0, *range(max(0, end - LONGEST), end)}:
                score, said = best[start]
                known = self.table_.get(lower[start:end])
                if known is not None:
                    options.append((score + known[1] - PIECE, [*said, *known[0]]))
                elif end == start + 1:
                    options.append((score - 10 * PIECE, [*said, words[start]]))
            best.append(max(options))
        return joined(best[-1][1])


def aligned(pairs: Sequence[tuple[Phrase, Phrase]]) -> Iterator[np.ndarray]:
    """Which words of every pair belong together: booleans, shape (source, target)."""
    number: dict[str, int] = defaultdict(lambda: len(number))
    sizes = [(len(source), len(target)) for source, target in pairs]
    ours = [np.repeat([number["s " + w] for w in source], len(target)) for source, target in pairs]
    theirs = [np.tile([number["t " + w] for w in target], len(source)) for source, target in pairs]
    prior = np.concatenate(
        [
            np.exp(
                -DIAGONAL * np.abs((np.arange(m) + 0.5)[:, None] / m - (np.arange(n) + 0.5) / n)
            ).ravel()
            for m, n in sizes
        ]
    )
    links = np.array([m * n for m, n in sizes])
    cells = np.concatenate([np.arange(m * n) for m, n in sizes])
    widths = np.repeat([n for _, n in sizes], links)
    # Every word of every pair by its place, on either side.
    rows = np.repeat(np.cumsum([0] + [m for m, _ in sizes])[:-1], links) + cells // widths
    columns = np.repeat(np.cumsum([0] + [n for _, n in sizes])[:-1], links) + cells % widths
    first, second = np.concatenate(ours), np.concatenate(theirs)
    both = posterior(first, second, prior, columns) * posterior(second, first, prior, rows)
    for (m, n), end in zip(sizes, np.cumsum(links), strict=True):
        weight = both[end - m * n : end].reshape(m, n)
        # A link is the best one of both its words.
        yield (weight == weight.max(axis=1, keepdims=True)) & (weight == weight.max(axis=0))


def posterior(
    given: np.ndarray, made: np.ndarray, prior: np.ndarray, place: np.ndarray
) -> np.ndarray:
    """Probability of every link, where each word in `place` is made by one of the given words."""
    kinds, kind = np.unique(given * (made.max() + 1) + made, return_inverse=True)
    share = np.ones(len(kinds))
    found = prior
    for _ in range(ROUNDS):
        weight = share[kind] * prior
        found = weight / np.bincount(place, weights=weight)[place]
        counts = np.bincount(kind, weights=found)
        totals = np.bincount(given, weights=found)
        share = counts / totals[kinds // (made.max() + 1)]
    return found


def phrases(source: Phrase, target: Phrase, links: np.ndarray) -> Iterator[tuple[Phrase, Phrase]]:
    """Runs of words that are linked with each other only."""
    for start in range(len(source)):
        for end in range(start + 1, min(start + LONGEST, len(source)) + 1):
            inside = np.flatnonzero(links[start:end].any(axis=0))
            if not len(inside):
                continue
            low, high = inside[0], inside[-1] + 1
            outside = links[:, low:high].copy()
            outside[start:end] = False
            if not outside.any():
                yield source[start:end], target[low:high]


def cut(text: str) -> list[str]:
    """Words, marks and places to be filled in."""
    return TOKEN.findall(text)


def joined(words: Iterable[str]) -> str:
    """Words as a line of text."""
    text = " ".join(words)
    text = re.sub(r" ([.,:;!?)\]…])", r"\1", text)
    return re.sub(r"([(\[]) ", r"\1", text)


def build(seed: int) -> PhraseTable:
    """An unfitted model.

    Parameters
    ----------
    seed : int
        Given by the pipeline. Counting draws nothing at random, so it is not needed here.
    """
    del seed
    return PhraseTable()
