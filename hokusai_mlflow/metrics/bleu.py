"""Corpus BLEU from the n-gram counts of every segment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import ClassVar, Literal, Self, get_args

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError, MetricUndefined
from hokusai_mlflow.metrics.base import Metric, Output, columns
from hokusai_mlflow.metrics.inputs import Floats, Targets
from hokusai_mlflow.metrics.options import as_positive, require_boolean, require_one_of
from hokusai_mlflow.metrics.texts import as_references, as_texts, require_one_text_each

Tokenize = Literal["13a", "intl", "zh", "char", "none", "ja-mecab", "ko-mecab"]
Smooth = Literal["exp", "floor", "add-k", "none"]

ORDERS = 4
HYPOTHESIS, REFERENCE = 0, 1
MATCHES = slice(2, 2 + ORDERS)
TOTALS = slice(2 + ORDERS, 2 + 2 * ORDERS)
SEGMENTS = 2 + 2 * ORDERS

DEFAULT_SMOOTHING = {"floor": 0.1, "add-k": 1.0}


@dataclass(frozen=True)
class Bleu(Metric):
    """BLEU of a corpus, 0–1: brevity penalty times the geometric mean of n-gram precisions.

    Papineni, Roukos, Ward & Zhu (2002), DOI 10.3115/1073083.1073135, with the tokenisers and the
    smoothing of sacrebleu (Post 2018, DOI 10.18653/v1/W18-6319), whose `corpus_bleu` it equals
    divided by 100. Statistics per segment: tokens of the hypothesis, tokens of the reference that
    is closest in length, matching n-grams and n-grams of the hypothesis (orders 1 to 4 each), 1.

    Where sacrebleu gives 0 by convention there is no value here: no match at all, empty hypotheses
    only, no n-gram of some order, or an order without a match that is not smoothed.

    Parameters
    ----------
    tokenize : {"13a", "intl", "zh", "char", "none", "ja-mecab", "ko-mecab"}
        Tokeniser of sacrebleu; the last two need its extras. Those that download a model are left
        out.
    lowercase : bool
        Whether case is ignored.
    smooth_method : {"exp", "floor", "add-k", "none"}
        What an order without a match counts; "add-k" counts for all orders above the first (Chen
        & Cherry 2014, DOI 10.3115/v1/W14-3346).
    smooth_value : float, optional
        Of "floor" (0.1 when not given) and "add-k" (1).
    segments : int, optional
        Segments of the corpus, which smoothing refers to, because it adds to counts and not to
        shares; those of the targets that it is bound to when not given.
    """

    name: ClassVar[str] = "bleu"
    output: ClassVar[Output] = "text"

    tokenize: Tokenize = "13a"
    lowercase: bool = False
    smooth_method: Smooth = "exp"
    smooth_value: float | None = None
    segments: int | None = None

    def __post_init__(self) -> None:
        require_one_of(self.name, "tokenize", self.tokenize, get_args(Tokenize))
        require_one_of(self.name, "smooth_method", self.smooth_method, get_args(Smooth))
        require_boolean(self.name, "lowercase", self.lowercase)
        if self.segments is not None and as_positive(self.name, "segments", self.segments) % 1:
            raise InputError(f"bleu: expected a whole number of segments, found {self.segments!r}")
        if self.smooth_value is None:
            return
        if self.smooth_method not in DEFAULT_SMOOTHING:
            raise InputError(
                f"bleu: smooth_value has no meaning with smooth_method={self.smooth_method!r}; "
                "drop one of the two"
            )
        value = as_positive(self.name, "smooth_value", self.smooth_value)
        object.__setattr__(self, "smooth_value", value)

    def bind(self, targets: Targets) -> Self:
        """The same metric with its number of segments fixed."""
        if self.segments is not None:
            return self
        return replace(self, segments=len(as_references("references", targets)))

    def statistics(self, targets: Targets, output: npt.ArrayLike) -> Floats:
        """Lengths, matches, totals and 1 of every segment, shape (n, 11)."""
        references = as_references("references", targets)
        hypotheses = as_texts("hypotheses", output)
        require_one_text_each(references, hypotheses)
        tokens = tokeniser(self.tokenize, lowercase=self.lowercase)
        counted = (
            segment(tokens(hypothesis), [tokens(reference) for reference in several])
            for hypothesis, several in zip(hypotheses, references, strict=True)
        )
        return columns(*np.array(list(counted), dtype=np.float64).T)

    def value(self, sums: npt.ArrayLike) -> Floats:
        """Brevity penalty times the geometric mean of the smoothed precisions."""
        sums = self._counts(np.asarray(sums, dtype=np.float64))
        above, below = self._precisions(sums)
        said, wanted = sums[..., HYPOTHESIS], sums[..., REFERENCE]
        penalty = np.minimum(0.0, 1 - wanted / said)
        return np.asarray(np.exp(penalty + np.log(above / below).mean(axis=-1)))

    def gradient(self, mean: npt.ArrayLike) -> Floats:
        """Derivative by the mean statistics.

        Where the lengths are equal it is the derivative towards longer hypotheses; a smoothed
        order without a match is taken to stay without.
        """
        mean = np.asarray(mean, dtype=np.float64)
        sums = self._counts(mean)
        above, below = self._precisions(sums)
        said, wanted = sums[HYPOTHESIS], sums[REFERENCE]
        slope = np.zeros(len(mean))
        if said < wanted:
            slope[HYPOTHESIS], slope[REFERENCE] = wanted / said**2, -1 / said
        slope[MATCHES] = np.where(sums[MATCHES] > 0, 1 / above, 0) / ORDERS
        slope[TOTALS] = -1 / below / ORDERS
        # All counts are scaled to the same number of segments, so more segments make them smaller.
        slope *= self._scale(mean)
        slope[SEGMENTS] = -(slope * mean)[:SEGMENTS].sum() / mean[SEGMENTS]
        return np.asarray(slope * float(self.value(mean)))

    def _scale(self, sums: Floats) -> Floats:
        if self.segments is None:
            return np.ones(sums.shape[:-1])
        return np.asarray(self.segments / sums[..., SEGMENTS])

    def _counts(self, sums: Floats) -> Floats:
        counts = sums * self._scale(sums)[..., None]
        if not np.all(counts[..., HYPOTHESIS] > 0):
            raise MetricUndefined("bleu is undefined: every hypothesis is empty")
        if not np.all(counts[..., MATCHES].any(axis=-1)):
            raise MetricUndefined(
                "bleu is undefined: no hypothesis shares a word with its reference; check that "
                "they are paired, in one language, and that the tokeniser fits it"
            )
        return counts

    def _precisions(self, counts: Floats) -> tuple[Floats, Floats]:
        """Smoothed matches and totals, whose quotients are the precisions, shape (..., 4)."""
        above, below = counts[..., MATCHES], counts[..., TOTALS]
        none = above == 0
        value = self.smooth_value
        if value is None:
            value = DEFAULT_SMOOTHING.get(self.smooth_method, 0.0)
        if self.smooth_method == "add-k":
            added = np.array([0.0, *[value] * (ORDERS - 1)])
            above, below = above + added, below + added
        elif self.smooth_method == "floor":
            above = np.where(none, value, above)
        elif self.smooth_method == "exp":
            above = np.where(none, 0.5 ** np.cumsum(none, axis=-1), above)
        if not np.all(below > 0):
            raise MetricUndefined(
                f"bleu is undefined: no hypothesis has {ORDERS} tokens, so an order has no n-gram; "
                "bring longer texts or choose rouge"
            )
        if not np.all(above > 0):
            raise MetricUndefined(
                "bleu is undefined: an order has no match and smooth_method='none'; "
                "choose smooth_method='exp', or bring more segments"
            )
        return above, below


def tokeniser(name: str, *, lowercase: bool) -> Callable[[str], list[str]]:
    """Cut a text into tokens as sacrebleu does.

    Raises
    ------
    InputError
        When the tokeniser needs a package that is not installed.
    """
    cut = _cutter(name)

    def tokens(text: str) -> list[str]:
        return cut((text.lower() if lowercase else text).rstrip()).split()

    return tokens


@cache
def _cutter(name: str) -> Callable[[str], str]:
    # One for the process: it remembers the last 65 536 texts, so that the references of two models
    # are cut once.
    from sacrebleu.metrics.bleu import BLEU  # noqa: PLC0415 - loaded only for texts

    try:
        cut: Callable[[str], str] = BLEU(tokenize=name).tokenizer
    except (ImportError, RuntimeError) as error:
        raise InputError(f"bleu: the tokeniser {name!r} needs an extra: {error}") from error
    return cut


def segment(hypothesis: list[str], references: list[list[str]]) -> list[float]:
    """Statistics of one segment; of several references the closest in length gives the length."""
    said = len(hypothesis)
    closest = min(map(len, references), key=lambda length: (abs(said - length), length))
    matches, totals = [], []
    for order in range(1, ORDERS + 1):
        known, *others = (Counter(ngrams(reference, order)) for reference in references)
        for other in others:
            known |= other
        ours = list(ngrams(hypothesis, order))
        distinct = set(ours)
        if len(distinct) == len(ours):
            found = len(distinct & known.keys())
        else:
            found = sum((Counter(ours) & known).values())
        matches.append(found)
        totals.append(len(ours))
    return [said, closest, *matches, *totals, 1]


def ngrams(tokens: list[str], order: int) -> Iterator[tuple[str, ...]]:
    """Every run of `order` tokens."""
    return zip(*(tokens[start:] for start in range(order)), strict=False)
