"""Near copies: rows that are closer to a known row than natural neighbours ever are.

Distances are Euclidean over the numeric features, centred and scaled by the pool: by the standard
deviation, or a quarter of the range where that is more (a feature that is nearly always the same
must not make a small change look large), and clipped to ±1e6. Missing values sit at the mean,
features that are constant in the pool are left out, and rows are compared only with rows that agree
in everything that is not a number (missing or empty are one, and so are Unicode's ways of writing
a letter).

**Threshold.** Let d_i be the distance of pool row i to its nearest pool row that lies elsewhere and
agrees in everything that is not a number; to the nearest at all where few rows agree. A row is a
near copy when a known row lies within

    r = min(0.005-quantile of d, median of d / 4).

An honest row comes from the same source as the pool, so its distance to the pool is distributed
like d: the first term keeps honest exclusions at 1 in 200 or fewer, whatever the distribution.
The second keeps r far below natural distances where neighbours are evenly spaced, so that usually
the rate is much smaller. Both adapt to the data: on a grid of discrete values d is the grid's step
for most rows, and r stays below it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from unicodedata import normalize

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial import cKDTree

from hokusai_mlflow.contributions.dataset import is_numeric

QUANTILE = 0.005
FRACTION_OF_MEDIAN = 0.25
_CLIP = 1e6
# A tree prunes well in few dimensions only; more of them are compared after it has proposed.
_TREE_DIMENSIONS = 8
# Enough rows to know the 0.005-quantile of d; their neighbours are sought among all rows.
_SAMPLE = 5_000
_BLOCK = 512
_ASKED, _LEAF, _NUMBERS = 256, 32, 2**23
_NO_PAIRS = np.empty((0, 2), dtype=np.int64)
# Fewer distances do not tell how far apart natural neighbours are.
_FEWEST = 20
Points = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Space:
    """Scaled coordinates in which the distance between rows is taken.

    Attributes
    ----------
    names : tuple of str
        The numeric features that vary in the pool.
    others : tuple of str
        Features that are not numbers.
    centre, scale : (p,) arrays
        Mean and scale of each numeric feature in the pool.
    axes : (p, q) array
        Orthonormal directions of largest variance, q ≤ 8, for proposing pairs.
    """

    names: tuple[str, ...]
    others: tuple[str, ...]
    centre: Points
    scale: Points
    axes: Points

    @classmethod
    def of(cls, pool: pd.DataFrame) -> Space:
        """The space in which this pool's numeric features are centred and scaled."""
        numeric = [name for name in pool.columns if is_numeric(pool[name])]
        raw = pool[numeric].to_numpy(dtype=np.float64, na_value=np.nan)
        present = ~np.isnan(raw)
        count = present.sum(axis=0)
        centre = np.where(present, raw, 0.0).sum(axis=0) / np.maximum(count, 1)
        scale = np.sqrt(
            (np.where(present, raw - centre, 0.0) ** 2).sum(axis=0) / np.maximum(count, 1)
        )
        low = np.where(present, raw, np.inf).min(axis=0)
        high = np.where(present, raw, -np.inf).max(axis=0)
        scale = np.maximum(scale, np.where(count > 0, high - low, 0.0) / 4)
        vary = scale > 1e-9 * np.maximum(np.abs(centre), 1e-300)
        names = tuple(name for name, keep in zip(numeric, vary, strict=True) if keep)
        others = tuple(name for name in pool.columns if name not in numeric)
        unrotated = cls(names, others, centre[vary], scale[vary], np.eye(int(vary.sum())))
        points = unrotated.points(pool)
        spread = np.linalg.eigh(points.T @ points)[1]
        axes = np.ascontiguousarray(spread[:, ::-1][:, :_TREE_DIMENSIONS])
        return cls(names, others, centre[vary], scale[vary], axes)

    def points(self, features: pd.DataFrame) -> Points:
        """Coordinates of rows, (n, p)."""
        raw = features[list(self.names)].to_numpy(dtype=np.float64, na_value=np.nan)
        standardised = (raw - self.centre) / self.scale
        return np.clip(np.where(np.isnan(standardised), 0.0, standardised), -_CLIP, _CLIP)

    def labels(self, features: pd.DataFrame) -> npt.NDArray[np.int64] | None:
        """One number per combination of the features that are not numbers, or None."""
        if not self.others:
            return None
        text = features[list(self.others)].astype(object)
        text = text.where(text.notna(), "").map(_spelt)
        hashed = pd.util.hash_pandas_object(text, index=False)
        return np.asarray(hashed, dtype=np.uint64).astype(np.int64)


def _spelt(cell: object) -> str:
    return normalize("NFC", str(cell))


def neighbour_distances(
    points: Points, rows: npt.NDArray[np.str_], labels: npt.NDArray[np.int64] | None = None
) -> Points:
    """Distances from rows to the nearest row that lies elsewhere and has the same label.

    Parameters
    ----------
    points : (n, p) array
        Coordinates from `Space.points`.
    rows : (n,) array of str
        Digests that tell which rows are the same.
    labels : (n,) array of int, optional
        From `Space.labels`; left aside when fewer than 20 rows have a neighbour with their own.

    Returns
    -------
    (m,) array
        Of all rows that have one, or of 5 000 rows at equal steps.
    """
    _, first = np.unique(rows, return_index=True)
    first = np.sort(first)
    if len(first) < 2 or points.shape[1] == 0:
        return np.empty(0)
    points, labels = points[first], None if labels is None else labels[first]
    chosen = np.unique(np.linspace(0, len(points) - 1, min(_SAMPLE, len(points))).astype(int))
    squares = (points**2).sum(axis=1)
    nearest = np.empty(len(chosen))
    for start in range(0, len(chosen), _BLOCK):
        block = chosen[start : start + _BLOCK]
        distance = squares[block, None] + squares[None, :] - 2.0 * (points[block] @ points.T)
        # Rounding leaves so much of 0: where only labels differ, nothing is learned of distances.
        distance[distance <= 1e-12 * np.maximum(1.0, squares[block, None])] = np.inf
        if labels is not None:
            distance[labels[block, None] != labels[None, :]] = np.inf
        nearest[start : start + _BLOCK] = distance.min(axis=1)
    found = np.sqrt(nearest[np.isfinite(nearest)])
    if labels is not None and len(found) < _FEWEST:
        return neighbour_distances(points, rows[first])
    return found


def near_radius(distances: Points) -> float:
    """The threshold r of this module; 0 when there are no natural neighbours to judge by.

    Parameters
    ----------
    distances : (m,) array
        From `neighbour_distances`.

    Returns
    -------
    float
        In scaled units.
    """
    if not len(distances):
        return 0.0
    low = float(np.quantile(distances, QUANTILE, method="lower"))
    return min(low, FRACTION_OF_MEDIAN * float(np.median(distances)))


def near_pairs(
    space: Space, left: pd.DataFrame, right: pd.DataFrame, radius: float
) -> npt.NDArray[np.int64]:
    """All pairs of rows of two frames within a distance.

    Parameters
    ----------
    space : Space
        Where distances are taken.
    left, right : data frames with n and m rows
        Rows to compare.
    radius : float
        Largest distance, in scaled units; nothing is near when it is 0.

    Returns
    -------
    (pairs, 2) array of int
        Positions in `left` and in `right`, sorted.
    """
    if radius <= 0.0 or not len(left) or not len(right):
        return _NO_PAIRS
    pairs = Neighbours(space, space.points(right)).pairs(space.points(left), radius)
    labels = space.labels(left), space.labels(right)
    if labels[0] is not None and labels[1] is not None:
        pairs = pairs[labels[0][pairs[:, 0]] == labels[1][pairs[:, 1]]]
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


class Neighbours:
    """Points in a tree, to be asked which of them lie within a distance of others.

    Parameters
    ----------
    space : Space
    points : (m, p) array
        Coordinates from `Space.points`.
    """

    def __init__(self, space: Space, points: Points) -> None:
        self._space, self._points = space, points
        self._tree = cKDTree(points @ space.axes, leafsize=_LEAF)

    def pairs(self, asked: Points, radius: float) -> npt.NDArray[np.int64]:
        """Pairs of an asked and a held point within a distance, (pairs, 2), in no order.

        Parameters
        ----------
        asked : (n, p) array
        radius : float
            Nothing is near when it is 0.
        """
        found = [_NO_PAIRS]
        # Projections never lengthen a distance, so no pair is lost; the margin is for rounding.
        low, reach = asked @ self._space.axes, radius * 1.0001
        for start in range(0, len(asked) if radius > 0.0 else 0, _ASKED):
            near = self._tree.query_ball_point(
                low[start : start + _ASKED], reach, return_sorted=False
            )
            j = np.fromiter(chain.from_iterable(near), np.int64)
            i = np.repeat(np.arange(start, start + len(near)), [len(one) for one in near])
            # So many pairs at a time that their coordinates take 64 MiB.
            for part in range(0, len(i), step := max(1, _NUMBERS // asked.shape[1])):
                pair = np.stack([i[part : part + step], j[part : part + step]], axis=1)
                apart = asked[pair[:, 0]] - self._points[pair[:, 1]]
                found.append(pair[(apart**2).sum(axis=1) <= radius**2])
        return np.concatenate(found)
