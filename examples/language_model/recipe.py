"""What is trained: an n-gram model of bytes, smoothed as Kneser and Ney do.

Interpolated Kneser–Ney smoothing (Chen & Goodman 1999, DOI 10.1006/csla.1999.0128) with one
discount per order, D = n₁ / (n₁ + 2 n₂). A text's bytes in UTF-8 are its tokens, so that every text
has a probability. In front of a text stand marks of its beginning, which the first byte is given; a
mark of its end is neither learnt nor scored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

ORDER = 6
START = 256
BITS = 9
"""Of one symbol: 256 bytes and the mark of the beginning. Six of them fit into 63 bits."""


class KneserNey:
    """An interpolated Kneser–Ney model of bytes.

    After `fit`, `levels_` holds for every order 1 … `ORDER` the n-grams seen, in sorted order, and
    the probability mass that each of them adds; and for its contexts the share left to the next
    lower order.
    """

    tokenizer_id = "utf-8 bytes"

    def fit(self, features: object, texts: Sequence[str]) -> KneserNey:
        """Count the n-grams of texts; `features` is not looked at."""
        del features
        symbols = [padded(text) for text in texts]
        grams = np.concatenate([windows(one, ORDER) for one in symbols])
        known, counts = np.unique(grams, return_counts=True)
        levels = []
        for order in range(ORDER, 0, -1):
            levels.append(Level(known, counts))
            # Of an order below, what counts is how many different symbols stood in front.
            known, counts = np.unique(known & ((1 << BITS * (order - 1)) - 1), return_counts=True)
        self.levels_ = levels[::-1]
        return self

    def log_likelihoods(self, texts: Iterable[str]) -> list[np.ndarray]:
        """Natural logarithm of every byte's probability given those before it."""
        texts = list(texts)
        symbols = [padded(text) for text in texts]
        if not symbols:
            return []
        logs = np.log(self.probabilities(np.concatenate([windows(s, ORDER) for s in symbols])))
        ends = np.cumsum([len(one) - (ORDER - 1) for one in symbols])
        return np.split(logs, ends[:-1])

    def probabilities(self, grams: np.ndarray) -> np.ndarray:
        """Probability of every n-gram's last symbol given the others, shape (n,)."""
        found = np.full(len(grams), 1 / 256)
        for order, level in enumerate(self.levels_, start=1):
            # A lower order is the end of a higher one.
            found = level.interpolate(grams & ((1 << BITS * order) - 1), found)
        return found

    def perplexity(self, texts: Iterable[str]) -> float:
        """The exponential of the mean negative log-likelihood of a byte."""
        return float(np.exp(-np.concatenate(self.log_likelihoods(texts)).mean()))


class Level:
    """One order: discounted shares of n-grams, and what their contexts leave to the next order."""

    def __init__(self, grams: np.ndarray, counts: np.ndarray) -> None:
        once, twice = (counts == 1).sum(), (counts == 2).sum()
        discount = once / (once + 2 * twice) if once else 0.5
        self.contexts, place, followers = np.unique(
            grams >> BITS, return_inverse=True, return_counts=True
        )
        totals = np.bincount(place, weights=counts)
        self.grams = grams
        self.shares = np.maximum(counts - discount, 0) / totals[place]
        self.left = discount * followers / totals

    def interpolate(self, grams: np.ndarray, lower: np.ndarray) -> np.ndarray:
        """Probabilities of this order from those of the one below, shape (n,)."""
        left = looked_up(self.contexts, self.left, grams >> BITS, missing=1.0)
        return looked_up(self.grams, self.shares, grams, missing=0.0) + left * lower


def looked_up(
    known: np.ndarray, values: np.ndarray, asked: np.ndarray, *, missing: float
) -> np.ndarray:
    """Values of keys in a sorted table."""
    at = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    return np.where(known[at] == asked, values[at], missing)


def padded(text: str) -> np.ndarray:
    """Bytes of a text after as many marks of the beginning as an n-gram looks back."""
    data = np.frombuffer(text.encode(), dtype=np.uint8)
    return np.concatenate([np.full(ORDER - 1, START), data]).astype(np.int64)


def windows(symbols: np.ndarray, order: int) -> np.ndarray:
    """Every run of symbols that ends at a byte, as one number each."""
    count = len(symbols) - order + 1
    found = np.zeros(count, dtype=np.int64)
    for at in range(order):
        found = (found << BITS) | symbols[at : at + count]
    return found


def build(seed: int) -> KneserNey:
    """An unfitted model.

    Parameters
    ----------
    seed : int
        Given by the pipeline. Counting draws nothing at random, so it is not needed here.
    """
    del seed
    return KneserNey()
