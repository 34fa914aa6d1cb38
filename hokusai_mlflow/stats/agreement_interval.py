"""How sure an agreement is: an interval for Krippendorff's α."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.metrics.inputs import as_ids, as_numbers
from hokusai_mlflow.stats.agreement import Measurement, pairable_values, unit_parts

DRAWS = 2_000


def alpha_interval(
    units: npt.ArrayLike,
    raters: npt.ArrayLike,
    ratings: npt.ArrayLike,
    *,
    clusters: npt.ArrayLike | None = None,
    measurement: Measurement = "ordinal",
    coverage: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of α, whole units being drawn.

    Hayes & Krippendorff (2007), DOI 10.1080/19312450709336664, draw units because ratings of one
    unit depend on each other; so do units of one cluster, such as two answers to one question.
    Raters stay the ones they are. Mid-ranks are those of all ratings, so that a draw is sums over
    clusters and the interval a matrix product.

    Parameters
    ----------
    units, raters, ratings, measurement
        As in `krippendorff`; ordinal or interval.
    clusters : array-like, shape (n,), optional
        What every rating's unit belongs to; the unit itself by default.
    coverage : float
        Of the two-sided interval.
    draws, seed : int
        Bootstrap samples, and their seed: the same ratings give the same interval.

    Returns
    -------
    low, high : float

    Raises
    ------
    InputError, MetricUndefined
        As `krippendorff`.
    """
    unit, rater = as_ids("units", units), as_ids("raters", raters)
    rated = as_numbers("ratings", ratings)
    codes, value, kept = pairable_values(unit, rater, rated, measurement)
    named = unit if clusters is None else as_ids("clusters", clusters)
    cluster = np.unique(named[kept], return_inverse=True)[1].reshape(-1)
    observed, first = unit_parts(codes, value)
    count = int(cluster.max()) + 1
    sums = np.stack(
        [
            np.bincount(cluster[first], weights=observed, minlength=count),
            np.bincount(cluster).astype(np.float64),
            np.bincount(cluster, weights=value),
            np.bincount(cluster, weights=value**2),
        ]
    )
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws)
    within, n, total, squares = (drawn @ sums.T).T
    expected = 2 * n * (squares - total**2 / n) / (n - 1)
    # A draw in which nothing varies shows no agreement.
    with np.errstate(divide="ignore", invalid="ignore"):
        alphas = np.where(expected > 1e-12 * n, 1 - within / expected, 0.0)
    tail = (1 - coverage) / 2
    low, high = np.quantile(alphas, [tail, 1 - tail])
    return float(low), float(high)
