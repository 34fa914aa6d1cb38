"""Moments up to the third order that merge over parts of the data without losing digits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement, permutations
from typing import Any

import numpy as np

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
        total = cls.zero(rows.shape[1])
        for start in range(0, len(rows), CHUNK):
            total += cls._of_chunk(rows[start : start + CHUNK])
        return total

    @classmethod
    def _of_chunk(cls, rows: Floats) -> CoMoments:
        n, d = rows.shape
        mean, rest = np.empty(d), np.empty(d)
        second, third = np.zeros((d, d)), np.zeros((d, d, d))
        centred: list[Floats] = []
        # Columns that are constant have no moments, and repeated ones (targets that both models
        # share) the same: only what is distinct is multiplied.
        where: list[list[int]] = []
        for column, values in enumerate(rows.T):
            mean[column] = values.mean()
            moved = values - mean[column]
            rest[column] = moved.mean()
            if not moved.any():
                continue
            moved -= rest[column]
            for known, columns in zip(centred, where, strict=True):
                if known[0] == moved[0] and np.array_equal(known, moved):
                    columns.append(column)
                    break
            else:
                centred.append(moved)
                where.append([column])
        place = np.full(d, -1)
        for position, columns in enumerate(where):
            place[columns] = position
        distinct2, distinct3 = _products(centred)
        varying = np.flatnonzero(place >= 0)
        at = place[varying]
        second[np.ix_(varying, varying)] = distinct2[np.ix_(at, at)]
        third[np.ix_(varying, varying, varying)] = distinct3[np.ix_(at, at, at)]
        return cls(n, mean, rest, second, third)

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


def _products(columns: list[Floats]) -> tuple[Floats, Floats]:
    d = len(columns)
    second, third = np.zeros((d, d)), np.zeros((d, d, d))
    if not columns:
        return second, third
    product = np.empty_like(columns[0])
    for i, j in combinations_with_replacement(range(d), 2):
        np.multiply(columns[i], columns[j], out=product)
        second[i, j] = second[j, i] = product.sum()
        for k in range(j, d):
            moment = np.dot(product, columns[k])
            for at in set(permutations((i, j, k))):
                third[at] = moment
    return second, third
