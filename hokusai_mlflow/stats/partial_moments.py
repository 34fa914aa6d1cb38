"""Moments up to the third order that merge over parts of the data without losing digits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement, permutations
from typing import Any

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.inputs import Floats

CHUNK = 2**13
"""Rows per pass: a chunk's columns stay in the cache, and the BLAS starts no threads for them."""


@dataclass(frozen=True)
class CoMoments:
    """Size, mean, and second and third co-moments of rows.

    Merged by Pébay, Terriberry, Kolla & Bennett (2016), Computational Statistics 31, 1305–1325,
    DOI 10.1007/s00180-015-0637-z: every sum is of centred values, so that large means cost no
    digits.

    Attributes
    ----------
    n : int
        Rows.
    mean, rest : array, shape (d,)
        Mean row, and what rounding took from it: means that nearly agree differ in the rest.
    second : array, shape (d, d)
        Σ (x − mean)ᵢ (x − mean)ⱼ.
    third : array, shape (d, d, d)
        Σ (x − mean)ᵢ (x − mean)ⱼ (x − mean)ₖ.
    """

    n: int
    mean: Floats
    rest: Floats
    second: Floats
    third: Floats

    @classmethod
    def zero(cls, d: int) -> CoMoments:
        """Of no rows with d columns."""
        return cls(0, np.zeros(d), np.zeros(d), np.zeros((d, d)), np.zeros((d, d, d)))

    @classmethod
    def of(cls, rows: Floats) -> CoMoments:
        """Of an array of finite rows, shape (n, d); fastest when its columns are contiguous."""
        n, d = rows.shape
        if n == 0:
            return cls.zero(d)
        mean = np.array([values.mean() for values in rows.T])
        columns, place = _distinct(rows)
        first, second, third = _sums(columns, [float(values.mean()) for values in columns])
        # Columns that never vary have the place of none: a last row of zeros.
        about = cls(
            n,
            mean,
            np.append(first / n, 0.0)[place],
            second[np.ix_(place, place)],
            third[np.ix_(place, place, place)],
        )
        return about._about_its_own_mean()

    def __add__(self, other: CoMoments) -> CoMoments:
        if self.mean.shape != other.mean.shape:
            raise InputError(
                f"expected moments of {len(self.mean)} columns, found {len(other.mean)}; "
                "take all parts from one metric"
            )
        if self.n == 0 or other.n == 0:
            return other if self.n == 0 else self
        n = self.n + other.n
        step = (other.mean - self.mean) + (other.rest - self.rest)
        mean, rest = _two_sum(self.mean, self.rest + step * (other.n / n))
        here, there = self._about(mean, rest), other._about(mean, rest)
        return CoMoments(n, mean, rest, here.second + there.second, here.third + there.third)

    def _about(self, point: Floats, rest: Floats) -> CoMoments:
        # Sums of products of x − point: (x − mean) + (mean − point), expanded.
        step = (self.mean - point) + (self.rest - rest)
        outer = np.outer(step, step)
        mixed = np.multiply.outer(step, self.second)
        third = self.third + mixed + mixed.transpose(1, 0, 2) + mixed.transpose(1, 2, 0)
        return CoMoments(
            self.n,
            point,
            rest,
            self.second + self.n * outer,
            third + self.n * np.multiply.outer(outer, step),
        )

    def _about_its_own_mean(self) -> CoMoments:
        # Sums about the rounded mean, less what it is off.
        n, rest = self.n, self.rest
        second = self.second - n * np.outer(rest, rest)
        mixed = np.multiply.outer(rest, second)
        mixed = mixed + mixed.transpose(1, 0, 2) + mixed.transpose(1, 2, 0)
        cubes = n * np.multiply.outer(np.outer(rest, rest), rest)
        return CoMoments(n, self.mean, rest, second, self.third - mixed - cubes)

    def mapped(self, matrix: Floats) -> CoMoments:
        """Of the rows `matrix` @ x, for a matrix of shape (e, d)."""
        return CoMoments(
            self.n,
            *_two_sum(matrix @ self.mean, matrix @ self.rest),
            matrix @ self.second @ matrix.T,
            np.einsum("ia,jb,kc,abc->ijk", matrix, matrix, matrix, self.third, optimize=True),
        )

    def along(self, slope: Floats) -> tuple[float, float]:
        """Σ and Σ of cubes of the centred projection: Σ (v·(x − mean))², Σ (v·(x − mean))³."""
        squares = float(slope @ self.second @ slope)
        return max(squares, 0.0), float(slope @ (self.third @ slope) @ slope)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form."""
        return {
            "n": self.n,
            "mean": self.mean.tolist(),
            "rest": self.rest.tolist(),
            "second": self.second.tolist(),
            "third": self.third.tolist(),
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> CoMoments:
        """Inverse of `to_dict`."""
        names = ("mean", "rest", "second", "third")
        return cls(int(given["n"]), *(np.array(given[name], dtype=np.float64) for name in names))

    def __repr__(self) -> str:
        return f"CoMoments(n={self.n}, d={len(self.mean)})"


def _two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    # Knuth's: the rounded sum and, exactly, what rounding took from it.
    total = a + b
    added = total - a
    return total, (a - (total - added)) + (b - added)


def _distinct(rows: Floats) -> tuple[list[Floats], npt.NDArray[np.intp]]:
    # Columns that are constant have no moments, and repeated ones (targets that both models
    # share) the same: only what is distinct is multiplied.
    distinct: list[Floats] = []
    place = np.full(rows.shape[1], -1)
    for at, values in enumerate(rows.T):
        if values[0] == values[-1] and (values == values[0]).all():
            continue
        for known, other in enumerate(distinct):
            if values[0] == other[0] and np.array_equal(values, other):
                place[at] = known
                break
        else:
            place[at] = len(distinct)
            distinct.append(values)
    return distinct, place


def _sums(columns: list[Floats], centre: list[float]) -> tuple[Floats, Floats, Floats]:
    # Of first, second and third order about the centre, with a last row of zeros each.
    d = len(columns)
    first, second, third = np.zeros(d), np.zeros((d + 1,) * 2), np.zeros((d + 1,) * 3)
    if not columns:
        return first, second, third
    n = len(columns[0])
    pairs = list(combinations_with_replacement(range(d), 2))
    product = np.empty(min(n, CHUNK))
    centred = np.empty((d, min(n, CHUNK)))
    for start in range(0, n, CHUNK):
        size = min(CHUNK, n - start)
        for at, values in enumerate(columns):
            np.subtract(values[start : start + size], centre[at], out=centred[at, :size])
            first[at] += centred[at, :size].sum()
        for i, j in pairs:
            np.multiply(centred[i, :size], centred[j, :size], out=product[:size])
            second[i, j] += product[:size].sum()
            for k in range(j, d):
                third[i, j, k] += np.dot(product[:size], centred[k, :size])
    for i, j in pairs:
        second[j, i] = second[i, j]
        for k in range(j, d):
            for order in permutations((i, j, k)):
                third[order] = third[i, j, k]
    return first, second, third
