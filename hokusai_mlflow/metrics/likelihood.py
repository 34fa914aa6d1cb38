"""Perplexity from the log-likelihood of texts that each model gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError, MetricUndefined
from hokusai_mlflow.metrics.base import Direction, Metric, Output, Scale, columns, ratio
from hokusai_mlflow.metrics.inputs import Floats, Targets, as_numbers, require_pairs
from hokusai_mlflow.metrics.options import require_one_of
from hokusai_mlflow.metrics.texts import as_texts

Per = Literal["token", "byte"]

TOKENIZER, LOG_LIKELIHOODS = "tokenizer", "log_likelihoods"
"""Keys of what a language model says of a text."""

_REMEDY = "score both over the same tokens, or use metric_options: {per: byte}"


@dataclass(frozen=True)
class Perplexity(Metric):
    """exp(Σ negative log-likelihood / Σ tokens), in nats; lower is better.

    Targets are texts, or their token counts. The output is, per text, one of

    - ``{"tokenizer": identity, "log_likelihoods": […]}``: those of its tokens, each 0 or less, and
      what the tokens were cut by;
    - the sequence of log-likelihoods alone;
    - the negative log-likelihood of the whole text, a number ≥ 0.

    A text's log-likelihood is that of all of it: the first token counts, given whatever the model
    puts before a text, and a mark of its end does not. Statistics per text: negative
    log-likelihood, tokens (or bytes).

    Two models compare per token only over the same tokens, so their tokenisers must be one; per
    byte any two models compare. An improvement is ln(baseline / candidate): nats saved per token.

    Parameters
    ----------
    per : {"token", "byte"}
        What is divided by: tokens, or bytes of the text in UTF-8, for which targets are the texts.
    """

    name: ClassVar[str] = "perplexity"
    direction: ClassVar[Direction] = "lower"
    scale: ClassVar[Scale] = "log_ratio"
    output: ClassVar[Output] = "loglik"

    per: Per = "token"

    def __post_init__(self) -> None:
        require_one_of(self.name, "per", self.per, get_args(Per))

    def statistics(self, targets: Targets, output: npt.ArrayLike) -> Floats:
        """Negative log-likelihood and tokens (or bytes), shape (n, 2)."""
        texts = _given_texts(targets)
        if texts is None and self.per == "byte":
            raise InputError("perplexity: per: byte needs the texts as targets, found numbers")
        said = TokenLogLikelihoods.read(output)
        counts = token_counts(targets) if texts is None else np.zeros(len(texts))
        if said is not None:
            if self.per == "token":
                said.require_one_tokenizer()
            nats = said.summed(counts)
            counts = counts if texts is None else said.counts
        else:
            nats = as_numbers("log-likelihoods", output)
            require_pairs(counts, nats)
            if texts is not None and self.per == "token":
                raise InputError(
                    "perplexity: expected the log-likelihood of every token, found one number per "
                    "text, which does not say how many tokens there are; use per: byte, or give "
                    "token counts as targets"
                )
            if (nats < 0).any():
                at = int(np.flatnonzero(nats < 0)[0])
                raise InputError(
                    "log-likelihoods: expected the negative log-likelihood of a text, 0 or more "
                    f"nats, found {nats[at]:g} at position {at}; turn the sign round"
                )
        if texts is not None and self.per == "byte":
            counts = _bytes(texts)
        if not counts.all():
            at = int(np.flatnonzero(counts == 0)[0])
            raise MetricUndefined(
                f"perplexity is undefined: the text at position {at} has no {self.per}s; drop such "
                "texts"
            )
        return columns(nats, counts)

    def require_comparable(
        self, targets: Targets, baseline: npt.ArrayLike, candidate: npt.ArrayLike
    ) -> None:
        """Check that both models cut texts into the same tokens; per byte they need not."""
        if self.per == "byte":
            return
        both = [TokenLogLikelihoods.read(said) for said in (baseline, candidate)]
        if both[0] is None or both[1] is None:
            # Numbers per text go with counts that both models share.
            return
        first, second = (said.require_one_tokenizer() for said in both if said is not None)
        if first != second:
            raise InputError(
                f"perplexities per token do not compare: the baseline's tokeniser is {first}, the "
                f"candidate's {second}; {_REMEDY}"
            )
        if first is None and _given_texts(targets) is not None:
            raise InputError(
                "perplexities per token do not compare: neither model says what its tokeniser is "
                f"(tokenizer_id); {_REMEDY}"
            )
        if not np.array_equal(both[0].counts, both[1].counts):
            raise InputError(
                "perplexities per token do not compare: the models have other numbers of tokens "
                f"for the same texts; {_REMEDY}"
            )

    def value(self, sums: npt.ArrayLike) -> Floats:
        """Perplexity."""
        sums = np.asarray(sums, dtype=np.float64)
        per_token = ratio(self.name, sums[..., 0], sums[..., 1], f"there are no {self.per}s")
        with np.errstate(over="ignore"):
            found = np.exp(per_token)
        if not np.isfinite(found).all():
            raise MetricUndefined(
                f"perplexity is undefined: {np.max(per_token):.4g} nats per {self.per} overflow; "
                "are these log-likelihoods in nats, and these token counts?"
            )
        return np.asarray(found)

    def gradient(self, mean: npt.ArrayLike) -> Floats:
        """Derivative by the means of nats and tokens."""
        nats, tokens = np.asarray(mean, dtype=np.float64)
        return float(self.value(mean)) * np.array([1 / tokens, -nats / tokens**2])


@dataclass(frozen=True)
class TokenLogLikelihoods:
    """Log-likelihoods of every text's tokens, in nats, and what cut them.

    Attributes
    ----------
    texts : tuple of array-like
        One sequence per text.
    tokenizers : frozenset of (str or None)
        What cut them; None stands for a model that does not say.
    """

    texts: tuple[Any, ...]
    tokenizers: frozenset[str | None] = frozenset({None})

    @classmethod
    def read(cls, output: npt.ArrayLike) -> TokenLogLikelihoods | None:
        """From a model's output; None when it is one number per text.

        Raises
        ------
        InputError
            When an entry lacks its tokeniser or its log-likelihoods, or has more.
        """
        if isinstance(output, np.ndarray) and output.dtype != object:
            return cls(tuple(output)) if output.ndim > 1 else None
        if isinstance(output, (str, bytes)) or not isinstance(output, Iterable):
            return None
        found: list[Any] = list(output)
        if not any(isinstance(one, (Mapping, list, tuple, np.ndarray)) for one in found):
            return None
        named = frozenset(_tokenizer(one) for one in found)
        texts: Iterator[Any] = (
            one[LOG_LIKELIHOODS] if isinstance(one, Mapping) else one for one in found
        )
        return cls(tuple(texts), named)

    def require_one_tokenizer(self) -> str | None:
        """The one tokeniser of all texts; None where the model gives none.

        Raises
        ------
        InputError
            When there are several, as where every refit learns its own.
        """
        if len(self.tokenizers) > 1:
            told = ", ".join(sorted(map(str, self.tokenizers)))
            raise InputError(
                f"perplexities per token do not compare: texts were cut by {told}; {_REMEDY}"
            )
        return next(iter(self.tokenizers))

    @property
    def counts(self) -> Floats:
        """Tokens of every text, shape (n,)."""
        return np.array([len(text) for text in self.texts], dtype=np.float64)

    def summed(self, tokens: Floats) -> Floats:
        """Negative log-likelihood of every text, shape (n,).

        Parameters
        ----------
        tokens : array, shape (n,)
            How many each text must have; 0 where that is not known.

        Raises
        ------
        InputError
            When a number is missing, infinite or above 0, or there are more or fewer.
        """
        require_pairs(tokens, np.arange(len(self.texts)))
        nats = np.zeros(len(self.texts))
        for at, (of_one, count) in enumerate(zip(self.texts, tokens, strict=True)):
            if not count and isinstance(of_one, (list, tuple, np.ndarray)) and not len(of_one):
                continue
            each = as_numbers(f"log-likelihoods of text {at}", of_one)
            if count and len(each) != count:
                raise InputError(
                    f"log-likelihoods: expected {count:g} for the text at position {at}, found "
                    f"{len(each)}; the tokenisers differ, and perplexities per token then do not "
                    "compare: score both models over the same tokens"
                )
            if (each > 0).any():
                raise InputError(
                    "log-likelihoods: expected logarithms of probabilities, 0 or less, found "
                    f"{each.max():g} in the text at position {at}; turn the sign round"
                )
            nats[at] = -each.sum()
        return nats


def token_counts(given: Targets) -> Floats:
    """Tokens of every text, shape (n,), whole numbers.

    Raises
    ------
    InputError
        When a count is not a whole number of tokens.
    """
    tokens = as_numbers("token counts", given)
    wrong = (tokens < 0) | (tokens % 1 != 0)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"token counts: expected positive whole numbers, found {tokens[at]:g} at position {at}"
        )
    return tokens


def _given_texts(targets: Targets) -> list[str] | None:
    """The targets where they are texts; None where they are numbers, or nothing that is known."""
    if isinstance(targets, (str, bytes)) or not isinstance(targets, Iterable):
        return None
    if isinstance(targets, np.ndarray) and targets.dtype.kind not in "OU":
        return None
    first = next(iter(targets), None)
    return as_texts("texts", targets) if isinstance(first, str) else None


def _bytes(texts: list[str]) -> Floats:
    try:
        return np.array([len(text.encode()) for text in texts], dtype=np.float64)
    except UnicodeEncodeError as problem:
        raise InputError(f"a text cannot be written in UTF-8: {problem}") from problem


def _tokenizer(of_one: Any) -> str | None:
    if not isinstance(of_one, Mapping):
        return None
    if set(of_one) != {TOKENIZER, LOG_LIKELIHOODS} or not isinstance(of_one[TOKENIZER], str):
        raise InputError(
            f"log-likelihoods: expected {TOKENIZER} (text) and {LOG_LIKELIHOODS} of a text, found "
            f"{', '.join(sorted(map(str, of_one)))}"
        )
    return str(of_one[TOKENIZER])
