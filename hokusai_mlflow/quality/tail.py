"""How far a column's values may honestly lie from its middle, whatever its tail.

Distances are taken from the median of the reference rows; the farthest of them, D, is known. A pack
that is published should not repeat anybody's exact value, so the median is rounded to a step of
D / 1000 to D / 100, and D, measured from there, up to such a step.

**One absurd value** lies beyond D · 20^max(1, 2.7 ξ) · √max(1, m/n), for a contribution of m rows
and n reference rows, where ξ is the shape of the tail by probability-weighted moments (Hosking &
Wallis 1987, doi:10.1080/00401706.1987.10488243), two standard errors added. Beyond f · D a tail of
shape ξ leaves f^(−1/ξ) of what it leaves beyond D, which is m/n values: 20^−2.7 = 3e-4 of them
here, for whatever ξ.

**Too many far values**: more of them lie beyond 1.5 · D than would by chance. If contributed and
reference values come from one distribution, whichever it is, the x farthest of all m + n are all
contributed ones with probability ∏ (m − i)/(m + n − i), i < x.
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
_ABSURD = 20.0
_SAFETY = 2.7
_FAR = 1.5
_DIGITS = 3
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Tail:
    """The far end of one column of numbers.

    Attributes
    ----------
    centre : float
        Median of the reference rows, rounded.
    farthest : float
        Largest distance from it, rounded up.
    shape : float
        Of the tail, two standard errors added; 0 where it is light.
    rows : int
        Reference rows with a value.
    """

    centre: float
    farthest: float
    shape: float
    rows: int

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
        distances = np.sort(np.abs(values - np.median(values)))
        if distances[-1] == 0.0:
            return None
        # Of the spread: three digits of the values may be less than they differ by.
        digits = _DIGITS - 1 - math.floor(math.log10(distances[-1]))
        centre = round(float(np.median(values)), digits)
        farthest = _up(float(np.abs(values - centre).max()), digits)
        k = max(round(_EXCEEDING * len(values)), _LEAST_EXCEEDING)
        shape = _shape(distances[-k:] - distances[-k - 1])
        return cls(centre, farthest, round(shape, 2), len(values))

    def limit(self, given: int) -> float:
        """The distance beyond which a single value of so many is absurd."""
        grown = math.sqrt(max(1.0, given / self.rows))
        return float(self.farthest * _ABSURD ** max(1.0, _SAFETY * self.shape) * grown)

    def beyond(self, values: npt.NDArray[np.float64], level: float) -> Mask:
        """Which values are absurd, or among too many far ones.

        Parameters
        ----------
        values : (m,) array
            Contributed values; missing ones are never far.
        level : float
            Chance that so many honest values would be far.
        """
        distances = np.abs(values - self.centre)
        far = distances > _FAR * self.farthest
        m, n = int(np.isfinite(values).sum()), self.rows
        first = np.arange(int(far.sum()))
        chance = float(np.exp(np.sum(np.log(m - first) - np.log(m + n - first))))
        if chance <= level:
            return np.asarray(far)
        return np.asarray(distances > self.limit(m))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)


def _shape(excess: npt.NDArray[np.float64]) -> float:
    """Shape of a generalised Pareto distribution from sorted excesses, two errors added, ≥ 0."""
    k = len(excess)
    mean = float(excess.mean())
    # a1 = E[X (1 − F(X))], estimated without bias.
    weighted = float((excess * np.arange(k - 1, -1, -1)).sum() / (k * (k - 1)))
    if mean <= 2 * weighted:
        return 0.0
    shape = 2 - mean / (mean - 2 * weighted)
    return max(shape + 2 * (1 + max(shape, 0.0)) / math.sqrt(k), 0.0)


def _up(value: float, digits: int) -> float:
    near = round(value, digits)
    return near if near >= value else round(near + 10.0**-digits, digits)
