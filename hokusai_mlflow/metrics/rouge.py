"""ROUGE: overlap of a text with its references, as rouge-score counts it."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import MetricUndefined
from hokusai_mlflow.metrics.base import Output, columns
from hokusai_mlflow.metrics.bleu import ngrams
from hokusai_mlflow.metrics.inputs import Floats, Targets
from hokusai_mlflow.metrics.mean import MeanMetric
from hokusai_mlflow.metrics.options import require_boolean
from hokusai_mlflow.metrics.subsequence import lcs_length, lcs_positions
from hokusai_mlflow.metrics.texts import as_references, as_texts, require_one_text_each

Tokens = Callable[[str], list[str]]


@dataclass(frozen=True)
class Rouge(MeanMetric):
    """Mean over texts of the F-measure of overlap with the reference, the best of several.

    Lin (2004), ROUGE: A Package for Automatic Evaluation of Summaries, aclanthology.org/W04-1013;
    tokens and counts as in rouge-score, which knows Latin letters and digits only. Statistics per
    text: F-measure (0–1), 1. A text without tokens scores 0; a reference without any has no
    overlap to speak of, and is an error where rouge-score gives 0.

    Parameters
    ----------
    use_stemmer : bool
        Whether words of more than three letters are cut to their stem (Porter) first.
    """

    output: ClassVar[Output] = "text"

    use_stemmer: bool = False

    def __post_init__(self) -> None:
        require_boolean(self.name, "use_stemmer", self.use_stemmer)

    @abstractmethod
    def prepare(self, text: str, tokens: Tokens) -> Any:
        """What is compared of a text; empty when there is nothing."""

    @abstractmethod
    def overlap(self, reference: Any, text: Any) -> float:
        """F-measure of two prepared texts that are not empty."""

    def statistics(self, targets: Targets, output: npt.ArrayLike) -> Floats:
        """F-measure and 1, shape (n, 2)."""
        references = as_references("references", targets)
        texts = as_texts("hypotheses", output)
        require_one_text_each(references, texts)
        tokens = tokeniser(stem=self.use_stemmer)
        found = np.zeros(len(texts))
        for at, (several, text) in enumerate(zip(references, texts, strict=True)):
            prepared = [self.prepare(reference, tokens) for reference in several]
            if not any(prepared):
                raise MetricUndefined(
                    f"{self.name} is undefined: the reference at position {at} has too few words "
                    f"in Latin letters or digits: {several[0]!r:.60}; drop the example, or choose "
                    "bleu with a tokeniser that fits the language"
                )
            said = self.prepare(text, tokens)
            if said:
                found[at] = max(self.overlap(known, said) for known in prepared if known)
        return columns(found, np.ones(len(found)))


@dataclass(frozen=True)
class RougeN(Rouge):
    """F-measure of common n-grams, each counted as often as it occurs in both."""

    order: ClassVar[int]

    def prepare(self, text: str, tokens: Tokens) -> Counter[tuple[str, ...]]:
        """Occurrences of every n-gram."""
        return Counter(ngrams(tokens(text), self.order))

    def overlap(self, reference: Any, text: Any) -> float:
        """F-measure of common n-grams."""
        return f_measure((reference & text).total(), reference.total(), text.total())


@dataclass(frozen=True)
class Rouge1(RougeN):
    """F-measure of common words."""

    name: ClassVar[str] = "rouge1"
    order: ClassVar[int] = 1


@dataclass(frozen=True)
class Rouge2(RougeN):
    """F-measure of common pairs of words."""

    name: ClassVar[str] = "rouge2"
    order: ClassVar[int] = 2


@dataclass(frozen=True)
class RougeL(Rouge):
    """F-measure of the longest common subsequence of words."""

    name: ClassVar[str] = "rougeL"

    def prepare(self, text: str, tokens: Tokens) -> list[str]:
        """Tokens."""
        return tokens(text)

    def overlap(self, reference: Any, text: Any) -> float:
        """F-measure of the longest common subsequence."""
        return f_measure(lcs_length(reference, text), len(reference), len(text))


@dataclass(frozen=True)
class RougeLsum(Rouge):
    """The same sentence by sentence, one sentence per line.

    For every sentence of the reference, the union of its longest common subsequences with the
    sentences of the text; no word counts more often than it occurs.
    """

    name: ClassVar[str] = "rougeLsum"

    def prepare(self, text: str, tokens: Tokens) -> list[list[str]]:
        """Tokens of every line that has some."""
        return [cut for line in text.split("\n") if (cut := tokens(line))]

    def overlap(self, reference: Any, text: Any) -> float:
        """F-measure of the union of common subsequences."""
        left = [Counter(word for line in lines for word in line) for lines in (reference, text)]
        total = [count.total() for count in left]
        hits = 0
        for line in reference:
            union = {at for other in text for at in lcs_positions(line, other)}
            for at in sorted(union):
                word = line[at]
                if all(count[word] > 0 for count in left):
                    hits += 1
                    for count in left:
                        count[word] -= 1
        return f_measure(hits, *total)


def f_measure(common: int, wanted: int, said: int) -> float:
    """Harmonic mean of common ÷ wanted and common ÷ said."""
    precision, recall = common / said, common / wanted
    return 2 * precision * recall / (precision + recall) if common else 0.0


def tokeniser(*, stem: bool) -> Tokens:
    """Cut a text into tokens as rouge-score does, stemming every word once only."""
    from rouge_score.tokenize import tokenize  # noqa: PLC0415 - loaded only for texts

    stemmer = _Stemmer() if stem else None

    def tokens(text: str) -> list[str]:
        return list(tokenize(text, stemmer))

    return tokens


class _Stemmer:
    def __init__(self) -> None:
        from nltk.stem.porter import PorterStemmer  # noqa: PLC0415 - takes two seconds

        self.stem = cache(PorterStemmer().stem)
