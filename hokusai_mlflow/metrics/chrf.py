"""Character n-gram F-score (chrF) from the n-gram counts of every segment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError, MetricUndefined
from hokusai_mlflow.metrics.base import Metric, Output, columns
from hokusai_mlflow.metrics.inputs import Floats, Targets
from hokusai_mlflow.metrics.options import as_positive, require_boolean
from hokusai_mlflow.metrics.texts import as_references, as_texts, require_one_text_each

Grams = tuple[Counter[str], ...]

_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_REMEMBERED = 4_096
"""References, so that they are cut once for both models."""


@dataclass(frozen=True)
class Chrf(Metric):
    """chrF of a corpus, 0–1: F-score of character n-grams, recall counting `beta` times as much.

    Popović (2015), DOI 10.18653/v1/W15-3049; with `word_order` 2 it is chrF++ (Popović 2017, DOI
    10.18653/v1/W17-4770). It equals sacrebleu's `corpus_chrf` divided by 100. Statistics per
    segment, for every order: n-grams of the text, of its reference, and common ones. Of several
    references the one with the best F-score counts.

    Precision and recall are means over the orders that both sides have n-grams of. Where sacrebleu
    gives 0 by convention there is no value here: no n-gram in common.

    Parameters
    ----------
    char_order : int
        Longest run of characters; white space is left out.
    word_order : int
        Longest run of words that count beside, 0 for none.
    beta : float
        Weight of recall against precision.
    lowercase : bool
        Whether case is ignored.
    """

    name: ClassVar[str] = "chrf"
    output: ClassVar[Output] = "text"

    char_order: int = 6
    word_order: int = 0
    beta: float = 2
    lowercase: bool = False

    def __post_init__(self) -> None:
        for option, least in (("char_order", 1), ("word_order", 0)):
            given = getattr(self, option)
            if isinstance(given, bool) or not isinstance(given, int) or given < least:
                raise InputError(
                    f"chrf: expected {option} to be a whole number of {least} or more, "
                    f"found {given!r}"
                )
        as_positive(self.name, "beta", self.beta)
        require_boolean(self.name, "lowercase", self.lowercase)

    def statistics(self, targets: Targets, output: npt.ArrayLike) -> Floats:
        """N-grams of text, of reference, and common ones by order, shape (n, 3 · orders)."""
        references = as_references("references", targets)
        hypotheses = as_texts("hypotheses", output)
        require_one_text_each(references, hypotheses)
        counted = [
            self._segment(hypothesis, several)
            for hypothesis, several in zip(hypotheses, references, strict=True)
        ]
        return columns(*np.array(counted, dtype=np.float64).T)

    def value(self, sums: npt.ArrayLike) -> Floats:
        """F-score of mean precision and mean recall."""
        _, _, precision, recall = self._means(np.asarray(sums, dtype=np.float64))
        weight = self.beta**2
        return np.asarray((1 + weight) * precision * recall / (weight * precision + recall))

    def gradient(self, mean: npt.ArrayLike) -> Floats:
        """Derivative by the mean statistics."""
        counts, orders, precision, recall = self._means(np.asarray(mean, dtype=np.float64))
        weight = self.beta**2
        both = (weight * precision + recall) ** 2
        by_precision = (1 + weight) * recall**2 / both / orders
        by_recall = (1 + weight) * weight * precision**2 / both / orders
        slope = np.zeros_like(counts)
        for at, (said, wanted, common) in enumerate(counts):
            if said > 0 and wanted > 0:
                slope[at] = (
                    -by_precision * common / said**2,
                    -by_recall * common / wanted**2,
                    by_precision / said + by_recall / wanted,
                )
        return np.asarray(slope.ravel())

    def _means(self, sums: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Counts by order, orders that count, mean precision and mean recall."""
        counts = sums.reshape(*sums.shape[:-1], -1, 3)
        said, wanted, common = np.moveaxis(counts, -1, 0)
        effective = (said > 0) & (wanted > 0)
        orders = effective.sum(axis=-1)
        if not np.all((common * effective).any(axis=-1)):
            raise MetricUndefined(
                "chrf is undefined: no text has a character in common with its reference; check "
                "that predictions and references are in one order and one language"
            )
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = [
                np.where(effective, common / below, 0.0).sum(axis=-1) / orders
                for below in (said, wanted)
            ]
        return counts, orders, shares[0], shares[1]

    def _segment(self, hypothesis: str, references: Sequence[str]) -> list[int]:
        said = self._grams(hypothesis)
        found = [
            [
                count
                for ours, theirs in zip(said, self._remembered(reference), strict=True)
                # A reference too short for an order says nothing about it.
                for count in (ours.total() if theirs else 0, theirs.total(), _common(ours, theirs))
            ]
            for reference in references
        ]
        return found[0] if len(found) == 1 else max(found, key=self._f_score)

    def _f_score(self, counts: list[int]) -> float:
        try:
            return float(self.value(counts))
        except MetricUndefined:
            return 0.0

    def _remembered(self, reference: str) -> Grams:
        return _cut(reference, self.char_order, self.word_order, self.lowercase)

    def _grams(self, text: str) -> Grams:
        return _cut.__wrapped__(text, self.char_order, self.word_order, self.lowercase)


@lru_cache(maxsize=_REMEMBERED)
def _cut(text: str, char_order: int, word_order: int, lowercase: bool) -> Grams:
    from sacrebleu.metrics.helpers import (  # noqa: PLC0415 - loaded only for texts
        extract_all_char_ngrams,
        extract_word_ngrams,
    )

    text = text.lower() if lowercase else text
    characters = extract_all_char_ngrams(text, char_order)
    words = _words(text) if word_order else []
    return (*characters, *(extract_word_ngrams(words, n + 1) for n in range(word_order)))


def _words(text: str) -> list[str]:
    """Words, with one mark of punctuation cut off their end, or else their beginning."""
    found = []
    for word in text.split():
        if len(word) > 1 and word[-1] in _PUNCTUATION:
            found += [word[:-1], word[-1]]
        elif len(word) > 1 and word[0] in _PUNCTUATION:
            found += [word[0], word[1:]]
        else:
            found.append(word)
    return found


def _common(ours: Counter[str], theirs: Counter[str]) -> int:
    # Counter's own intersection is several times slower.
    return sum(min(count, theirs[gram]) for gram, count in ours.items() if gram in theirs)
