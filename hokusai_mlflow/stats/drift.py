"""How far inputs have moved: effect sizes with intervals, feature by feature.

What decides is the largest difference of probability between reference and fresh rows, which has
the same meaning for numbers (Kolmogorov–Smirnov distance) and for categories (total variation): 0.2
says that some range, or some set of values, has become 20 percentage points more or less frequent.
Its interval holds for any distribution and any number of rows. The population stability index, the
scaled Wasserstein distance and Cramér's V stand beside it, for those who know these.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import chndtr

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.inputs import Floats
from hokusai_mlflow.stats.quantiles import normal_quantile

BINS = 10
_CENTRE = (0.01, 0.99)
"""Quantiles of the reference between which the Wasserstein distance is taken."""


@dataclass(frozen=True, repr=False)
class Drift:
    """How far one feature has moved.

    Attributes
    ----------
    name : str
    kind : {"number", "category", "rows"}
        ``rows`` are all features together, told apart by a classifier.
    effect, low, high : float
        Kolmogorov–Smirnov distance, total variation, or 2 AUC − 1, from 0 to 1, and its interval.
    psi, psi_low, psi_high : float or None
        Population stability index and its interval; None for rows.
    distance : float or None
        Wasserstein distance in standard deviations of the reference, or Cramér's V, or AUC.
    n_reference, n : int
        Rows.
    """

    name: str
    kind: str
    effect: float
    low: float
    high: float
    psi: float | None
    psi_low: float | None
    psi_high: float | None
    distance: float | None
    n_reference: int
    n: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)

    def __repr__(self) -> str:
        return f"Drift({self.name}: {self.effect:.3f} [{self.low:.3f}, {self.high:.3f}])"


def number_drift(
    name: str, reference: npt.ArrayLike, fresh: npt.ArrayLike, *, level: float
) -> Drift:
    """Drift of a number, or of anything that can be ordered.

    The interval is the distance ± the two samples' Dvoretzky–Kiefer–Wolfowitz bounds with Massart's
    constant (1990, DOI 10.1214/aop/1176990746): valid for any distribution and any n. A missing
    value counts as larger than every number, so that a changed share of them is drift too.

    Parameters
    ----------
    name : str
    reference, fresh : array-like of float
        Independent rows; NaN is a missing value.
    level : float
        Chance that the interval misses the true distance.

    Raises
    ------
    InputError
        When a sample is empty.
    """
    a, b = _column(name, reference), _column(name, fresh)
    places = np.unique(np.concatenate([a, b]))
    cdf_a, cdf_b = _cdf(a, places), _cdf(b, places)
    effect = float(np.abs(cdf_a - cdf_b).max())
    reach = sum(math.sqrt(math.log(4 / level) / (2 * len(one))) for one in (a, b))
    finite = a[np.isfinite(a)]
    edges = np.unique(np.quantile(finite, np.linspace(0, 1, BINS + 1)[1:-1])) if len(finite) else a
    counts = [_binned(one, edges) for one in (a, b)]
    return Drift(
        name,
        "number",
        effect,
        max(effect - reach, 0.0),
        min(effect + reach, 1.0),
        *stability(*counts, level=level),
        _wasserstein(finite, places, np.abs(cdf_a - cdf_b)),
        len(a),
        len(b),
    )


def category_drift(
    name: str, reference: Sequence[str], fresh: Sequence[str], *, level: float
) -> Drift:
    """Drift of a category; what is missing is a category too.

    The interval is the total variation ± each sample's own: with K categories it is below
    √((K − 1)/4n) + √(ln(1/δ)/2n), by Cauchy–Schwarz for its mean and McDiarmid (1989, DOI
    10.1017/CBO9781107359949.008) for what is above; valid for any n.

    Parameters
    ----------
    name : str
    reference, fresh : sequence of str
        Independent rows.
    level : float
        Chance that the interval misses the true total variation.

    Raises
    ------
    InputError
        When a sample is empty.
    """
    if not len(reference) or not len(fresh):
        raise InputError(f"{name}: expected rows on both sides, found none on one")
    values, codes = np.unique(np.concatenate([reference, fresh]), return_inverse=True)
    kinds, m = len(values), len(reference)
    counts = [
        np.bincount(part, minlength=kinds).astype(np.float64) for part in (codes[:m], codes[m:])
    ]
    shares = [one / one.sum() for one in counts]
    effect = 0.5 * float(np.abs(shares[0] - shares[1]).sum())
    reach = sum(
        math.sqrt((kinds - 1) / (4 * n)) + math.sqrt(math.log(2 / level) / (2 * n))
        for n in (m, len(fresh))
    )
    return Drift(
        name,
        "category",
        effect,
        max(effect - reach, 0.0),
        min(effect + reach, 1.0),
        *stability(*counts, level=level),
        cramers_v(*counts),
        m,
        len(fresh),
    )


def stability(reference: Floats, fresh: Floats, *, level: float) -> tuple[float, float, float]:
    """Population stability index Σ (q − p) ln(q/p) of two samples' counts, with an interval.

    Half an example is added to every bin, so that empty ones stay finite. With N = mn/(m + n),
    N · PSI is about noncentral χ² with bins − 1 degrees of freedom and noncentrality N · PSI of the
    populations; the interval inverts that (Yurdakul & Naranjo 2020, DOI 10.21314/JRMV.2020.227, for
    the central case). It tells noise, about (bins − 1)/N, from movement.

    Parameters
    ----------
    reference, fresh : array, shape (bins,)
        Counts.
    level : float
        Chance that the interval misses, approximately.

    Returns
    -------
    psi, low, high : float
    """
    m, n = float(reference.sum()), float(fresh.sum())
    p, q = ((one + 0.5) / (total + 0.5 * len(one)) for one, total in ((reference, m), (fresh, n)))
    psi = float(((q - p) * np.log(q / p)).sum())
    if len(reference) < 2:
        return 0.0, 0.0, 0.0
    size, freedom = m * n / (m + n), len(reference) - 1
    ends = [_noncentrality(size * psi, freedom, tail) / size for tail in (level / 2, 1 - level / 2)]
    return psi, min(ends[0], psi), max(ends[1], psi)


def cramers_v(reference: Floats, fresh: Floats) -> float:
    """Cramér's V of sample by category, 0 … 1: √(χ²/n) as there are two samples."""
    table = np.stack([reference, fresh])
    table = table[:, table.sum(axis=0) > 0]
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    return float(math.sqrt(((table - expected) ** 2 / expected).sum() / table.sum()))


def rows_drift(
    scores_reference: npt.ArrayLike, scores_fresh: npt.ArrayLike, *, level: float
) -> Drift:
    """Drift of all features together: how well a classifier tells fresh rows from the reference.

    The classifier two-sample test of Lopez-Paz & Oquab (2017, arXiv:1610.06545) with the area under
    the ROC curve A in place of accuracy, as an effect size: 2A − 1. The interval is DeLong's (1988,
    DOI 10.2307/2531595) of one curve, on out-of-fold scores.

    Parameters
    ----------
    scores_reference, scores_fresh : array-like of float
        Each row's score, by a classifier that was not trained on it; fresh rows should have more.
    level : float
        Chance that the interval misses, for many rows.

    Raises
    ------
    InputError
        When a sample has fewer than two rows.
    """
    a, b = (np.sort(np.asarray(one, dtype=np.float64)) for one in (scores_reference, scores_fresh))
    if min(len(a), len(b)) < 2:
        raise InputError("expected at least two rows on both sides")
    placed_b = (np.searchsorted(a, b, "left") + np.searchsorted(a, b, "right")) / (2 * len(a))
    placed_a = 1 - (np.searchsorted(b, a, "left") + np.searchsorted(b, a, "right")) / (2 * len(b))
    area = float(placed_b.mean())
    # A perfect separation has no spread: one row more on the wrong side is allowed for.
    variance = placed_b.var(ddof=1) / len(b) + placed_a.var(ddof=1) / len(a)
    error = math.sqrt(max(float(variance), 1 / (len(a) * len(b))))
    reach = 2 * normal_quantile(level / 2) * error
    effect = max(2 * area - 1, 0.0)
    return Drift(
        "all features",
        "rows",
        effect,
        min(max(2 * area - 1 - reach, 0.0), effect),
        max(min(2 * area - 1 + reach, 1.0), effect),
        None,
        None,
        None,
        area,
        len(a),
        len(b),
    )


def _column(name: str, given: npt.ArrayLike) -> Floats:
    """Sorted, with missing values last."""
    column = np.asarray(given, dtype=np.float64)
    if column.ndim != 1 or not len(column):
        raise InputError(f"{name}: expected one value per row, found shape {column.shape}")
    return np.sort(np.where(np.isnan(column), np.inf, column))


def _cdf(values: Floats, places: Floats) -> Floats:
    found: Floats = np.searchsorted(values, places, "right") / len(values)
    return found


def _binned(values: Floats, edges: Floats) -> Floats:
    """Counts between edges, and of what is missing."""
    missing = np.isinf(values) & (values > 0)
    counts = np.bincount(
        np.searchsorted(edges, values[~missing], "left"), minlength=len(edges) + 1
    ).astype(np.float64)
    return np.append(counts, float(missing.sum()))


def _wasserstein(finite: Floats, places: Floats, gap: Floats) -> float | None:
    """∫ |F − G| within the middle of the reference, in its standard deviations."""
    spread = float(finite.std()) if len(finite) else 0.0
    if not spread:
        return None
    low, high = np.quantile(finite, _CENTRE)
    at = np.clip(places[np.isfinite(places)], low, high)
    return float((np.diff(at) * gap[: len(at) - 1]).sum() / spread)


def _noncentrality(seen: float, freedom: int, tail: float) -> float:
    """The noncentrality under which a χ² as large as `seen` has this upper probability."""

    def miss(noncentrality: float) -> float:
        return 1.0 - float(chndtr(seen, freedom, noncentrality)) - tail

    if seen <= 0 or miss(1e-9) > 0:
        return 0.0
    high = 4 * seen + 100.0
    while miss(high) < 0:
        high *= 2
    return float(brentq(miss, 1e-9, high, xtol=1e-6))
