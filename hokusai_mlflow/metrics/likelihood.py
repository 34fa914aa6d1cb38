"""Perplexity from the log-likelihood of texts that each model gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError, MetricUndefined
from hokusai_mlflow.metrics.base import Direction, Metric, Output, Scale, columns, ratio
from hokusai_mlflow.metrics.inputs import Floats, Targets, as_numbers, require_pairs


@dataclass(frozen=True)
class Perplexity(Metric):
    """exp(Σ negative log-likelihood / Σ tokens), in nats; lower is better.

    Targets are token counts per text; the output is, per text, its negative log-likelihood summed
    in nats (a number ≥ 0), or the log-likelihoods of its tokens (a sequence of numbers ≤ 0). Two
    models compare only over the same tokens: the counts must be those of both. Statistics per text:
    negative log-likelihood, tokens.

    An improvement is ln(baseline / candidate), which is nats per token saved.
    """

    name: ClassVar[str] = "perplexity"
    direction: ClassVar[Direction] = "lower"
    scale: ClassVar[Scale] = "log_ratio"
    output: ClassVar[Output] = "loglik"

    def statistics(self, targets: Targets, output: npt.ArrayLike) -> Floats:
        """Negative log-likelihood and tokens, shape (n, 2)."""
        tokens = token_counts(targets)
        texts = _token_by_token(output)
        if texts is not None:
            nats = _summed(texts, tokens)
        else:
            nats = as_numbers("log-likelihoods", output)
            require_pairs(tokens, nats)
            if (nats < 0).any():
                at = int(np.flatnonzero(nats < 0)[0])
                raise InputError(
                    "log-likelihoods: expected the negative log-likelihood of a text, 0 or more "
                    f"nats, found {nats[at]:g} at position {at}; turn the sign round"
                )
        return columns(nats, tokens)

    def value(self, sums: npt.ArrayLike) -> Floats:
        """Perplexity."""
        sums = np.asarray(sums, dtype=np.float64)
        per_token = ratio(self.name, sums[..., 0], sums[..., 1], "there are no tokens")
        with np.errstate(over="ignore"):
            found = np.exp(per_token)
        if not np.isfinite(found).all():
            raise MetricUndefined(
                f"perplexity is undefined: {np.max(per_token):.4g} nats per token overflow; are "
                "these log-likelihoods in nats, and these token counts?"
            )
        return np.asarray(found)

    def gradient(self, mean: npt.ArrayLike) -> Floats:
        """Derivative by the means of nats and tokens."""
        nats, tokens = np.asarray(mean, dtype=np.float64)
        return float(self.value(mean)) * np.array([1 / tokens, -nats / tokens**2])


def token_counts(given: Targets) -> Floats:
    """Tokens of every text, shape (n,), positive whole numbers.

    Raises
    ------
    InputError
        When a count is not a whole number of tokens; `MetricUndefined` when it is 0.
    """
    tokens = as_numbers("token counts", given)
    wrong = (tokens < 0) | (tokens % 1 != 0)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"token counts: expected positive whole numbers, found {tokens[at]:g} at position {at}"
        )
    if not tokens.all():
        at = int(np.flatnonzero(tokens == 0)[0])
        raise MetricUndefined(
            f"perplexity is undefined: the text at position {at} has no tokens; drop such texts"
        )
    return tokens


def _token_by_token(output: npt.ArrayLike) -> list[Any] | None:
    """The texts when each is a sequence of numbers, None when each is one number."""
    if isinstance(output, np.ndarray) and output.dtype != object:
        return list(output) if output.ndim > 1 else None
    if isinstance(output, (str, bytes)) or not isinstance(output, Iterable):
        return None
    texts = list(output)
    sequences = (list, tuple, np.ndarray)
    return texts if any(isinstance(text, sequences) for text in texts) else None


def _summed(texts: list[Any], tokens: Floats) -> Floats:
    require_pairs(tokens, np.arange(len(texts)))
    nats = np.empty(len(texts))
    for at, (of_one, count) in enumerate(zip(texts, tokens, strict=True)):
        each = as_numbers(f"log-likelihoods of text {at}", of_one)
        if len(each) != count:
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
