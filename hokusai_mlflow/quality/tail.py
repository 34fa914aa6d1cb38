"""How far a column's values may honestly lie from its middle, whatever its tail.

The distances of the reference rows from their median that exceed a threshold are fitted by a
generalised Pareto distribution, with the probability-weighted moments of Hosking & Wallis (1987,
doi:10.1080/00401706.1987.10488243). Its quantile, the shape raised by two standard errors, is where
an honest contribution as large as the one at hand ends with the wanted probability. A column of few
distinct values has no tail that could be fitted, and gets a wide multiple of what was seen instead.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

LEAST_ROWS = 30
"""Fewer values of a column say nothing about its tail."""
_EXCEEDING = 0.1
_LEAST_EXCEEDING = 20
_FEW = 20
_WIDE = 20.0
_DIGITS = 3


@dataclass(frozen=True)
class Tail:
    """The far end of one column of numbers.

    Attributes
    ----------
    centre : float
        Median.
    threshold : float
        Distance from the median beyond which the tail was fitted.
    share : float
        Share of the rows beyond it.
    scale, shape : float
        Of the generalised Pareto distribution of what exceeds the threshold; the shape with two
        standard errors added. A scale of 0: there is no tail that could be fitted.
    farthest : float
        Largest distance seen.
    """

    centre: float
    threshold: float
    share: float
    scale: float
    shape: float
    farthest: float

    @classmethod
    def of(cls, values: npt.NDArray[np.float64]) -> Tail | None:
        """The tail of a column; None where the values are too few, or all the same.

        Parameters
        ----------
        values : (n,) array
            Missing values are ignored.
        """
        values = values[np.isfinite(values)]
        if len(values) < LEAST_ROWS:
            return None
        centre = float(np.median(values))
        distances = np.sort(np.abs(values - centre))
        farthest = float(distances[-1])
        if farthest == 0.0:
            return None
        k = max(round(_EXCEEDING * len(values)), _LEAST_EXCEEDING)
        threshold, excess = float(distances[-k - 1]), distances[-k:] - distances[-k - 1]
        scale, shape = _pareto(excess)
        if len(np.unique(distances)) <= _FEW or scale <= 0:
            scale = shape = 0.0
        shares = (centre, threshold, k / len(values), scale, shape, farthest)
        return cls(*(_rounded(one) for one in shares))

    def limit(self, chance: float) -> float:
        """The distance that one honest value exceeds with at most this probability."""
        if self.scale == 0.0:
            return _WIDE * self.farthest
        ratio = self.share / chance
        grown = math.log(ratio) if self.shape == 0 else (ratio**self.shape - 1) / self.shape
        return max(self.threshold + self.scale * grown, 1.5 * self.farthest)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)


def _pareto(excess: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Scale and (raised) shape ξ of a generalised Pareto distribution, from sorted excesses."""
    k = len(excess)
    mean = float(excess.mean())
    # a1 = E[X (1 − F(X))], estimated without bias.
    weighted = float((excess * np.arange(k - 1, -1, -1)).sum() / (k * (k - 1)))
    if mean <= 2 * weighted:
        return 0.0, 0.0
    shape = 2 - mean / (mean - 2 * weighted)
    scale = 2 * mean * weighted / (mean - 2 * weighted)
    return scale, shape + 2 * (1 + max(shape, 0.0)) / math.sqrt(k)


def _rounded(value: float) -> float:
    """Few digits: a pack that is published should not repeat anybody's exact value."""
    if value == 0.0:
        return 0.0
    return round(value, _DIGITS - 1 - math.floor(math.log10(abs(value))))
