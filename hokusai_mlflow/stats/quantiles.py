"""Tail areas and quantiles of the normal and Student distributions."""

from __future__ import annotations

import math
from statistics import NormalDist

_NORMAL = NormalDist()


def normal_tail(z: float) -> float:
    """P(Z > z) for a standard normal Z; exact limits at ±infinity."""
    return 0.5 * math.erfc(z / math.sqrt(2))


def normal_quantile(tail: float) -> float:
    """The z that a standard normal exceeds with probability `tail`, 0 < tail < 1."""
    return -_NORMAL.inv_cdf(tail)


def student_tail(t: float, df: float) -> float:
    """P(T > t) for Student's T with `df` degrees of freedom."""
    if math.isinf(t):
        return 0.0 if t > 0 else 1.0
    # Imported when used: scipy.special costs as much as the rest of the core.
    from scipy.special import stdtr  # noqa: PLC0415

    return float(stdtr(df, -t))


def student_quantile(tail: float, df: float) -> float:
    """The t that Student's T with `df` degrees of freedom exceeds with probability `tail`."""
    from scipy.special import stdtrit  # noqa: PLC0415

    return -float(stdtrit(df, tail))
