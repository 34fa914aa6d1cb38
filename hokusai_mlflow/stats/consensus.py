"""Whether a rater follows what the others say of the same answers, or copies one of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

from hokusai_mlflow.metrics.inputs import Floats

Codes = npt.NDArray[np.intp]

LEAST_ITEMS = 10
"""Items, shared and also varied, below which nothing is said of a rater."""


@dataclass(frozen=True)
class Follows:
    """How far a rater follows the others.

    Attributes
    ----------
    correlation : float
        Spearman's, with the mean of the others' centred ratings.
    std_error : float
        Of Fisher's z of it, from a jackknife over items.
    items : int
        Items that the rater shares with others.
    """

    correlation: float
    std_error: float
    items: int

    def p_value(self, floor: float) -> float:
        """One-sided p-value of H0: the correlation is at least `floor`.

        (atanh(floor) − z) / se is compared with Student's t on items − 1 degrees of freedom.
        """
        gap = np.arctanh(floor) - np.arctanh(self.correlation)
        if self.std_error == 0:
            return 0.0 if gap > 0 else 1.0
        return float(stats.t.sf(gap / self.std_error, self.items - 1))


def follows(
    rater: int, answers: Codes, items: Codes, raters: Codes, ratings: Floats
) -> Follows | None:
    """How far one rater follows the others; None where too little is shared or varies.

    Ratings are centred by rater first, so that being strict is no disagreement. Answers to one
    item depend on each other, therefore the jackknife leaves out items (Efron & Stein 1981,
    DOI 10.1214/aos/1176345462), on ranks that stay. It is blind to chance where nearly all ratings
    are equal; so the rater and the others must leave their commonest on `LEAST_ITEMS` items each.

    Parameters
    ----------
    rater : int
        Whom.
    answers, items, raters : array of int, shape (n,)
        Of every rating: which answer, to which item, by whom.
    ratings : array, shape (n,)
        The ratings.
    """
    mine = raters == rater
    count = np.bincount(raters)
    centred = ratings - (np.bincount(raters, weights=ratings) / np.maximum(count, 1))[raters]
    most = int(answers.max()) + 1
    others = np.bincount(answers[~mine], minlength=most)
    summed = np.bincount(answers[~mine], weights=centred[~mine], minlength=most)
    shared = mine & (others[answers] > 0)
    if len(np.unique(items[shared])) < LEAST_ITEMS:
        return None
    at = answers[shared]
    x = stats.rankdata(ratings[shared])
    # Rounded, or sums in another order would break ties.
    y = stats.rankdata(np.round(summed[at] / others[at], 9))
    if min(_away(x, items[shared]), _away(y, items[shared])) < LEAST_ITEMS:
        return None
    return _jackknifed(x - x.mean(), y - y.mean(), items[shared])


def _away(ranks: Floats, items: Codes) -> int:
    """Number of items with a rating other than the commonest."""
    values, count = np.unique(ranks, return_counts=True)
    return len(np.unique(items[ranks != values[count.argmax()]]))


def _jackknifed(x: Floats, y: Floats, items: Codes) -> Follows:
    cluster = np.unique(items, return_inverse=True)[1].reshape(-1)
    columns = (np.ones(len(x)), x, y, x * x, y * y, x * y)
    parts = np.stack([np.bincount(cluster, weights=column) for column in columns])
    total = parts.sum(axis=1, keepdims=True)
    whole = float(_correlation(total)[0])
    left_out = np.arctanh(np.clip(_correlation(total - parts), -_NEAR_ONE, _NEAR_ONE))
    g = parts.shape[1]
    spread = float(((left_out - left_out.mean()) ** 2).sum())
    return Follows(
        float(np.clip(whole, -_NEAR_ONE, _NEAR_ONE)), float(np.sqrt((g - 1) / g * spread)), g
    )


_NEAR_ONE = 1 - 1e-9


def _correlation(sums: npt.NDArray[np.float64]) -> Floats:
    n, x, y, xx, yy, xy = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (xy - x * y / n) / np.sqrt((xx - x * x / n) * (yy - y * y / n))
    # Without one item nothing may vary; then nothing is followed.
    steady: Floats = np.nan_to_num(found)
    return steady


def equal_by_chance(
    pair: tuple[int, int],
    answers: Codes,
    items: Codes,
    raters: Codes,
    ratings: Floats,
    *,
    tested: int = 1,
    equal: int = 1,
) -> float | None:
    """p-value of H0: two raters whose shared ratings are all equal gave them independently.

    H0: every rating is an opinion, cut at thresholds of the rater's own; opinions are normal, and
    apart from the quality of the answer, which all see, their errors are independent. Two raters
    may thus be far more precise than the others, but then they follow the others as well as the
    others' noise lets them: if r is the part of their opinions' variance that is quality,

        c = s √(r C),

    with c the covariance of their ratings with the others', C that of others' ratings with each
    other, and s = Σ φ(threshold) · step that of their ratings with their opinions. Either r is so
    high that equal ratings are no wonder, or c is lower than it implies: the p-value is the largest
    over all r of the smaller of

    - P(two ratings are equal; r) to the power of the number of items, since ratings of one item
      need not be independent; times the number of pairs tested;
    - that of c ≥ s √(r C), by Student's t with a jackknife over items; times the number of pairs
      that are equal, which look more precise than they are.

    Parameters
    ----------
    pair : tuple of int
        The two.
    answers, items, raters : array of int, shape (n,)
        Of every rating: which answer, to which item, by whom.
    ratings : array, shape (n,)
        The ratings.
    tested, equal : int
        Number of pairs that could be equal, and that are.

    Returns
    -------
    float or None
        None where fewer than `LEAST_ITEMS` of their items were rated by two others, too.
    """
    found = _sums(pair, answers, items, raters, ratings)
    if found is None:
        return None
    sums, levels = found
    g = sums.shape[1]
    total = sums.sum(axis=1, keepdims=True)
    implied, seen = _covariances(np.hstack([total, total - sums]), levels)
    if implied[0] <= 0:
        return 1.0
    spread = np.cov(implied[1:], seen[1:]) * (g - 1) ** 2 / g
    cuts = stats.norm.ppf(np.cumsum(total[3:, 0])[:-1] / total[0, 0])

    def too_low(r: float) -> float:
        weights = np.array([np.sqrt(r), -1.0])
        gap, error = weights @ [implied[0], seen[0]], np.sqrt(max(weights @ spread @ weights, 0))
        return equal * float(stats.t.sf(gap / error, g - 1)) if error > 0 else float(equal)

    def excess(r: float) -> float:
        return float(tested * _equal(r, cuts) ** g) - too_low(r)

    if excess(0.0) >= 0 or excess(_NEAR_ONE) <= 0:
        return min(1.0, too_low(0.0 if excess(0.0) >= 0 else _NEAR_ONE))
    return min(1.0, too_low(float(optimize.brentq(excess, 0.0, _NEAR_ONE))))


def _sums(
    pair: tuple[int, int], answers: Codes, items: Codes, raters: Codes, ratings: Floats
) -> tuple[npt.NDArray[np.float64], Floats] | None:
    """By item: answers, products with and between the others' ratings, and ratings by level."""
    theirs, most = np.isin(raters, pair), int(answers.max()) + 1
    count = np.bincount(raters)
    centred = ratings - (np.bincount(raters, weights=ratings) / np.maximum(count, 1))[raters]
    at, rest = answers[~theirs], centred[~theirs]
    others = np.bincount(at, minlength=most)
    summed = np.bincount(at, weights=rest, minlength=most)
    squared = np.bincount(at, weights=rest * rest, minlength=most)
    comparable = (np.bincount(answers[theirs], minlength=most) == len(pair)) & (others >= 2)
    used = (raters == pair[0]) & comparable[answers]
    which, cluster = np.unique(items[used], return_inverse=True)
    if len(which) < LEAST_ITEMS:
        return None
    at, n = answers[used], others[answers[used]]
    levels, level = np.unique(ratings[used], return_inverse=True)
    columns = (
        np.ones(len(at)),
        centred[used] * summed[at] / n,
        (summed[at] ** 2 - squared[at]) / (n * (n - 1)),
        *np.eye(len(levels))[level.reshape(-1)].T,
    )
    return np.stack([np.bincount(cluster.reshape(-1), weights=one) for one in columns]), levels


def _covariances(sums: npt.NDArray[np.float64], levels: Floats) -> tuple[Floats, Floats]:
    """The s √C and c of `equal_by_chance`, for every column of sums."""
    below = np.cumsum(sums[3:], axis=0)[:-1] / sums[0]
    s: Floats = np.diff(levels) @ stats.norm.pdf(stats.norm.ppf(below))
    return s * np.sqrt(np.maximum(sums[2] / sums[0], 0)), sums[1] / sums[0]


_QUALITY = stats.norm.ppf((np.arange(400) + 0.5) / 400)


def _equal(r: float, cuts: Floats) -> float:
    """P that two opinions, of which quality is the part r, fall between the same cuts."""
    below = stats.norm.cdf((cuts[:, None] - np.sqrt(r) * _QUALITY) / np.sqrt(1 - r))
    between = np.diff(below, axis=0, prepend=0.0, append=1.0)
    return float((between**2).sum(axis=0).mean())
