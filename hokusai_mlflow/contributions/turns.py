"""Contributed rows against each other: whoever brings an example first is credited with it.

Rows take their turn, whole contributions or parts of them. In turn, a row is left out when an
earlier one equals it or nearly equals it (`near`). Where features repeat by nature, what makes an
example is its features and its target; numbers that are not integers are one target within a
tolerance. Only rows that are kept are compared with: of a crowd of near copies one is left, so that
no crowd is ever held against itself.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.contributions.dataset import Dataset
from hokusai_mlflow.contributions.near import Neighbours, Points, Space

Ints = npt.NDArray[np.int64]
Turn = tuple[int, Ints]
"""Position of a contribution, and of those of its rows whose turn it is to be credited."""
KNOWN, NOBODY = -1, -2
"""By whom: the champion was trained on it; no earlier row is like it."""
_BLOCK = 512


def in_turn(contributions: Sequence[Dataset]) -> list[Turn]:
    """Whole contributions, as they are listed."""
    return [(at, np.arange(len(one))) for at, one in enumerate(contributions)]


def repeated(first: int, by: int) -> str:
    """Code of a row that contribution `first` brought before contribution `by` does."""
    return "duplicate.within" if first == by else "duplicate.across"


@dataclass
class Examples:
    """Rows by the digest of their features, and who brought each.

    Parameters
    ----------
    by_target : bool
        Whether other targets make other examples.
    tolerance : float
        Within which two targets are one; 0 for classes and integers.
    """

    by_target: bool
    tolerance: float
    _held: dict[str, list[tuple[Any, int]]] = field(default_factory=dict)

    def first(self, row: str, target: Any, by: int) -> int:
        """Who brought this example first; `NOBODY` where it is new, and kept from now on."""
        held, at = self._find(row, target)
        if at is not None:
            return held[at][1]
        insort(held, (self._key(target), by))
        return NOBODY

    def has(self, row: str, target: Any) -> bool:
        """Whether an example is there."""
        return self._find(row, target)[1] is not None

    def take(self, row: str, target: Any) -> bool:
        """Remove one example that is equal; whether there was one."""
        held, at = self._find(row, target)
        if at is not None:
            del held[at]
        return at is not None

    def put(self, row: str, target: Any, by: int) -> None:
        """Keep an example, also a second time."""
        insort(self._held.setdefault(row, []), (self._key(target), by))

    def _key(self, target: Any) -> Any:
        return target if self.by_target else 0

    def _find(self, row: str, target: Any) -> tuple[list[tuple[Any, int]], int | None]:
        held, key = self._held.setdefault(row, []), self._key(target)
        reach = self.tolerance if self.by_target else 0
        at = bisect_left(held, (key - reach if reach else key, NOBODY))
        within = at < len(held) and (held[at][0] <= key + reach if reach else held[at][0] == key)
        return held, at if within else None


class Brought:
    """What was brought so far, in trees of growing size; tells whose a near row is.

    Parameters
    ----------
    space : Space
        Where distances are taken.
    radius : float
        Within which rows are near; 0: none is.
    but_equal : bool
        Whether rows with equal features are no near ones, because they were judged before.
    """

    def __init__(self, space: Space, radius: float, *, but_equal: bool) -> None:
        self._space, self._radius, self._but_equal = space, radius, but_equal
        self._chunks: list[_Chunk] = []

    def keep(self, rows: Dataset, by: int) -> None:
        """Keep rows without asking."""
        if self._radius > 0.0:
            self._keep(self._chunk(rows, np.full(len(rows), by)))

    def first(self, rows: Dataset, by: Ints) -> Ints:
        """Who brought a near row first, of every row in turn; `NOBODY`: it is new, and kept."""
        found = np.full(len(rows), NOBODY, dtype=np.int64)
        if self._radius <= 0.0:
            return found
        for start in range(0, len(rows), _BLOCK):
            block = np.arange(start, min(start + _BLOCK, len(rows)))
            found[block] = self._block(self._chunk(rows.take(block), by[block]))
        return found

    def _block(self, mine: _Chunk) -> Ints:
        found = np.full(len(mine), NOBODY, dtype=np.int64)
        for chunk in self._chunks:
            left = np.flatnonzero(found == NOBODY)
            pairs = self._pairs(mine.take(left), chunk)
            # The earliest row of each, last written.
            found[left[pairs[::-1, 0]]] = chunk.by[pairs[::-1, 1]]
        new = np.flatnonzero(found == NOBODY)
        alive = np.ones(len(new), dtype=bool)
        pairs = self._pairs(mine.take(new), mine.take(new))
        for later, earlier in pairs[pairs[:, 1] < pairs[:, 0]].tolist():
            if alive[later] and alive[earlier]:
                alive[later] = False
                found[new[later]] = mine.by[new[earlier]]
        self._keep(mine.take(new[alive]))
        return found

    def _chunk(self, rows: Dataset, by: Ints) -> _Chunk:
        labels = self._space.labels(rows.features)
        points = self._space.points(rows.features)
        none = np.zeros(len(rows), dtype=np.int64)
        return _Chunk(points, none if labels is None else labels, rows.rows, by)

    def _keep(self, chunk: _Chunk) -> None:
        if not len(chunk):
            return
        # As a counter carries: every row is in few trees over time, and there are few trees.
        while self._chunks and len(self._chunks[-1]) <= len(chunk):
            chunk = self._chunks.pop().and_(chunk)
        self._chunks.append(chunk)

    def _pairs(self, asked: _Chunk, held: _Chunk) -> Ints:
        pairs = held.neighbours(self._space).pairs(asked.points, self._radius)
        like = asked.labels[pairs[:, 0]] == held.labels[pairs[:, 1]]
        if self._but_equal:
            like &= asked.rows[pairs[:, 0]] != held.rows[pairs[:, 1]]
        pairs = pairs[like]
        return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


@dataclass
class _Chunk:
    """Rows that one tree holds."""

    points: Points
    labels: Ints
    rows: npt.NDArray[np.str_]
    by: Ints
    _tree: Neighbours | None = None

    def __len__(self) -> int:
        return len(self.by)

    def neighbours(self, space: Space) -> Neighbours:
        if self._tree is None:
            self._tree = Neighbours(space, self.points)
        return self._tree

    def take(self, at: Ints) -> _Chunk:
        return _Chunk(self.points[at], self.labels[at], self.rows[at], self.by[at])

    def and_(self, later: _Chunk) -> _Chunk:
        parts = zip(
            (self.points, self.labels, self.rows, self.by),
            (later.points, later.labels, later.rows, later.by),
            strict=True,
        )
        return _Chunk(*(np.concatenate(pair) for pair in parts))
