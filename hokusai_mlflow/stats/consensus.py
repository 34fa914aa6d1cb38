"""Whether a rater follows what the others say of the same answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from hokusai_mlflow.metrics.inputs import Floats

Codes = npt.NDArray[np.intp]

LEAST_ITEMS = 10
"""Items below which nothing is said of a rater."""


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
    """How far one rater follows the others; None where they share too little, or nothing varies.

    Ratings are centred by rater first, so that being strict is no disagreement. Answers to one
    item depend on each other, therefore the jackknife leaves out items (Efron & Stein 1981,
    DOI 10.1214/aos/1176345462), on ranks that stay.

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
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return _jackknifed(x - x.mean(), y - y.mean(), items[shared])


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
