"""Boundaries that a martingale crosses once in 1/α times, however often one looks."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import gammainc, gammaln

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.inputs import Floats


def best_rho(v: float, level: float) -> float:
    """The mixture's parameter that makes a boundary tightest about intrinsic time `v`.

    Howard, Ramdas, McAuliffe & Sekhon (2021), Annals of Statistics 49, 1055–1080,
    DOI 10.1214/20-AOS1991, section 3.5, with the approximation of their software.

    Parameters
    ----------
    v : float
        Sum of squared deviations about which the boundary should be tightest.
    level : float
        One-sided level of the boundary.
    """
    if not v > 0 or not 0 < level < 0.5:
        raise InputError(f"expected v > 0 and a level between 0 and 0.5, found {v} and {level}")
    doubled = 2 * math.log(1 / (2 * level))
    return v / (doubled + math.log1p(doubled))


def log_mixture(s: npt.ArrayLike, v: npt.ArrayLike, *, rho: float, scale: float) -> Floats:
    """Logarithm of the gamma-exponential mixture m(s, v): evidence that a sum is too small.

    Let predictions X̂_i be made before X_i is seen, X_i − X̂_i ≤ `scale` always, S = Σ (E[X_i | past]
    − X_i) and V = Σ (X_i − X̂_i)². Then m(S, V) has a mean of at most 1, and P(m(S_t, V_t) ≥ 1/α for
    any t) ≤ α: no assumption on the distribution, on independence, or on when one looks and stops.
    With ξ = (X̂ − X)/scale ≥ −1, exp(λξ − ψ_E(λ)ξ²) ≤ 1 + λξ (Fan, Grama & Liu 2015, DOI
    10.1214/EJP.v20-3496); Howard et al. (2021), DOI 10.1214/20-AOS1991, theorem 4 (sub-exponential,
    one-sided) and proposition 9 (its mixture over λ).

    Parameters
    ----------
    s, v : array-like
        By how much a sum falls short, and sum of squared prediction errors; broadcast together.
    rho : float
        See `best_rho`.
    scale : float
        The most that a prediction can be exceeded by.

    Returns
    -------
    array
        Natural logarithms; ``-inf`` where the sum lies far on the other side.
    """
    c2 = scale * scale
    s_, v_ = np.asarray(s, dtype=np.float64), np.asarray(v, dtype=np.float64)
    k = rho / c2
    a = (v_ + rho) / c2
    x = np.maximum(a + s_ / scale, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (
            k * math.log(k)
            - gammaln(k)
            - math.log(gammainc(k, k))
            + gammaln(a)
            + np.log(gammainc(a, x))
            - a * np.log(x)
            + s_ / scale
            + v_ / c2
        )
    told: Floats = np.where(np.isnan(found), -np.inf, found)
    return told


def boundary(v: float, level: float, *, rho: float, scale: float) -> float:
    """The smallest sum s with ``m(s, v) ≥ 1 / level``.

    Parameters
    ----------
    v : float
        Intrinsic time.
    level : float
        Chance of ever crossing.
    rho, scale : float
        As in `log_mixture`.
    """
    wanted = math.log(1 / level)

    def miss(s: float) -> float:
        return float(log_mixture(s, v, rho=rho, scale=scale)) - wanted

    high = math.sqrt(2 * (v + rho) * wanted) + scale
    while miss(high) < 0:
        high *= 2
    return float(brentq(miss, 0.0, high, xtol=1e-10 * high, rtol=1e-12))
