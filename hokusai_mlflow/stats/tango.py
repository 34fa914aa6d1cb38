"""Tango's score test and interval for the difference of two paired proportions."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hokusai_mlflow.stats.quantiles import normal_quantile, normal_tail


def tango_z(wins: int, losses: int, n: float, difference: float) -> float:
    """Score statistic of H0: p(win) − p(loss) = difference; approximately standard normal.

    Tango (1998), Statistics in Medicine 17, 891–908,
    DOI 10.1002/(SICI)1097-0258(19980430)17:8<891::AID-SIM780>3.0.CO;2-B:
    z = (w − l − nδ) / √(n (2q + δ(1 − δ))), q the maximum likelihood estimate of p(loss) under H0.
    At δ = 0 it is McNemar's.

    Parameters
    ----------
    wins, losses : int
        Examples that only the candidate, or only the baseline, gets right.
    n : float
        Examples; a fraction when a sample of them stands for all.
    difference : float
        δ in −1 … 1.
    """
    if difference < 0:
        # Exchanging the models keeps δ ≥ 0 and makes the statistic exactly antisymmetric.
        return -tango_z(losses, wins, n, -difference)
    above = wins - losses - n * difference
    variance = n * (
        2 * constrained_loss_rate(wins, losses, n, difference) + difference * (1 - difference)
    )
    if variance <= 0:
        return math.copysign(math.inf, above) if above else 0.0
    return above / math.sqrt(variance)


def constrained_loss_rate(wins: int, losses: int, n: float, difference: float) -> float:
    """Maximum likelihood p(loss) given p(win) = p(loss) + difference ≥ p(loss)."""
    linear = (2 * n - wins + losses) * difference - wins - losses
    constant = losses * difference * (1 - difference)
    root = math.sqrt(linear**2 + 8 * n * constant)
    if linear > 0:
        # The other form of the root: √ − linear would cancel.
        return 2 * constant / (linear + root)
    return (root - linear) / (4 * n)


@dataclass(frozen=True)
class Tango:
    """Tango's test of H0: p(win) − p(loss) ≤ δ and the bounds that invert it.

    Attributes
    ----------
    wins, losses : int
        Examples that only the candidate, or only the baseline, gets right.
    n : float
        Examples; a fraction when a sample of them stands for all.
    """

    wins: int
    losses: int
    n: float

    @property
    def std_error(self) -> float:
        """Standard error at Δ = 0, from the number of discordant examples alone."""
        return math.sqrt(self.wins + self.losses) / self.n

    def p_value(self, difference: float) -> float:
        """One-sided p-value of H0: Δ ≤ difference."""
        return normal_tail(tango_z(self.wins, self.losses, self.n, difference))

    def lower(self, level: float) -> float:
        """Lower confidence bound at one-sided `level`: where the p-value equals the level."""
        z = normal_quantile(level)
        low, high = -1.0, (self.wins - self.losses) / self.n
        # The statistic falls in δ; 64 halvings of an interval of length ≤ 2 reach the last bit.
        for _ in range(64):
            middle = (low + high) / 2
            if tango_z(self.wins, self.losses, self.n, middle) > z:
                low = middle
            else:
                high = middle
        return low

    def interval(self, level: float) -> tuple[float, float]:
        """Two-sided score interval that misses Δ with probability `level`, half each side."""
        exchanged = Tango(self.losses, self.wins, self.n)
        return self.lower(level / 2), -exchanged.lower(level / 2)

    def quantile(self, tail: float) -> float:
        """Normal quantile."""
        return normal_quantile(tail)
