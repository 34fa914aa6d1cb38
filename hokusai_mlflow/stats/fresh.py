"""Sums of a batch of fresh labels, and what earlier examples promise of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.deltaone import SCORE_UNIT, PairedKind, PairedSums
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.inputs import Floats
from hokusai_mlflow.stats.quantiles import normal_quantile

BPS = 1e4

FOLD: dict[str, float] = {"linear": 0.0, "log_ratio": 1.0, "half_log_ratio": 2.0}
"""By what the logarithm of a ratio of losses is divided; 0 where improvements are differences."""


@dataclass(frozen=True)
class Fresh:
    """One batch of fresh labels: sums of both models' scores, and how far scores can differ.

    Attributes
    ----------
    sums : PairedSums
        As in `stats.paired`; of a watch on the score alone, b is a constant.
    low, high : float
        Smallest and largest c − b of an example.
    """

    sums: PairedSums
    low: float
    high: float

    @classmethod
    def of(cls, b: npt.ArrayLike, c: npt.ArrayLike) -> Fresh:
        """From two arrays of scores on the same examples, shape (n,).

        Raises
        ------
        InputError
            When there is none, or a score is not finite.
        """
        first, second = np.asarray(b, dtype=np.float64), np.asarray(c, dtype=np.float64)
        sums = PairedSums.of(first, second)
        if not sums.n:
            raise InputError("expected at least one fresh example, found none")
        moved = second - first
        return cls(sums, float(moved.min()), float(moved.max()))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {"sums": self.sums.to_dict(), "low": self.low, "high": self.high}


def against(level: float, sums: PairedSums, low: float, high: float) -> Fresh:
    """The champion's scores against a constant one, for a watch on the score alone.

    Parameters
    ----------
    level : float
        The constant, in units of the scores.
    sums : PairedSums
        The champion's scores are `c`.
    low, high : float
        Smallest and largest c.
    """
    b = round(level * SCORE_UNIT)
    n, c, cc = sums.n, sums.c, sums.cc
    return Fresh(PairedSums(n, n * b, c, n * b * b, cc, b * c), low - level, high - level)


def moments(sums: PairedSums) -> Floats:
    """n, Σb, Σc, Σb², Σc², Σbc in units of the scores."""
    unit = float(SCORE_UNIT)
    return np.array(
        [
            float(sums.n),
            sums.b / unit,
            sums.c / unit,
            sums.bb / unit**2,
            sums.cc / unit**2,
            sums.bc / unit**2,
        ]
    )


def promised(kind: PairedKind, sums: PairedSums, level: float) -> float:
    """One-sided lower confidence bound of an improvement, in basis points.

    Parameters
    ----------
    kind : PairedKind
    sums : PairedSums
        From examples that came before.
    level : float
        Chance that the true improvement is less, for many examples: normal, with the delta
        method's variance Σ(b_i/Σb − c_i/Σc)² for losses.
    """
    n, b, c, bb, cc, bc = moments(sums)
    fold = FOLD[kind]
    if not fold:
        at = (c - b) / n
        variance = ((bb + cc - 2 * bc) / n - at * at) / n
    else:
        at = math.log(b / c) / fold
        variance = (bb / (b * b) + cc / (c * c) - 2 * bc / (b * c)) / (fold * fold)
    return float(BPS * (at - normal_quantile(level) * math.sqrt(max(variance, 0.0))))


def least_score(kind: PairedKind, sums: PairedSums, level: float) -> float:
    """The candidate's mean score at the unfavourable end of chance: below it, or above for losses.

    Parameters
    ----------
    kind : PairedKind
    sums : PairedSums
        From examples that came before.
    level : float
        Chance that the true mean is still less favourable, for many examples.
    """
    n, _, c, _, cc, _ = moments(sums)
    reach = normal_quantile(level) * math.sqrt(max(cc / n - (c / n) ** 2, 0.0) / n)
    return float(c / n - reach if kind == "linear" else min(c / n + reach, 1.0))
