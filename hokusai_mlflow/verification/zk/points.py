"""Many points of BN254 at once: between zksnake's objects and the bytes of key files.

Key files of snarkjs hold affine coordinates in Montgomery form (x·2^256 mod q, little-endian).
arkworks, below zksnake, holds a point as X, Y, Z in the same form. zksnake's constructors check
curve and subgroup of each point, 0.2 ms each: three minutes for a key of 10 240 rows, each time it
is used. A key is checked once, when it is made or imported (`checking`); afterwards its points are
loaded by copying their words into new objects. Whether this build of zksnake lays points out that
way is tested first; where it does not, its constructors are used.
"""

from __future__ import annotations

import ctypes
import logging
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.verification.zk.field import BYTES, Q, inverses

logger = logging.getLogger(__name__)

G1_BYTES, G2_BYTES = 2 * BYTES, 4 * BYTES

MONTGOMERY = pow(2, 256, Q)
_INVERSE = pow(MONTGOMERY, -1, Q)
_HEADER = object.__basicsize__

Point = Any
"""A point of zksnake, of either group."""


@cache
def curve() -> Any:
    """BN254 as zksnake has it.

    Raises
    ------
    InputError
        When the extra `zk` is not installed.
    """
    try:
        from zksnake._algebra import ec_bn254  # noqa: PLC0415
    except ImportError as problem:
        raise InputError(
            "proofs need zksnake; install it with: pip install 'hokusai-mlflow[zk]'"
        ) from problem
    return ec_bn254


def montgomery(value: int) -> bytes:
    """A coordinate as key files hold it."""
    return (value * MONTGOMERY % Q).to_bytes(BYTES, "little")


def from_montgomery(raw: bytes) -> int:
    """A coordinate that a key file holds.

    Raises
    ------
    InputError
        When it is not reduced.
    """
    value = int.from_bytes(raw, "little")
    if value >= Q:
        raise InputError("a point's coordinate is not below q; the key file is damaged")
    return value * _INVERSE % Q


def coordinates(raw: bytes) -> tuple[int, ...]:
    """The 2 or 4 coordinates of a point in a key file: x, y, or x.c0, x.c1, y.c0, y.c1."""
    return tuple(from_montgomery(raw[at : at + BYTES]) for at in range(0, len(raw), BYTES))


def affine(point: Point) -> tuple[int, ...]:
    """Coordinates of a point; zeros for the neutral one."""
    x, y = point.x, point.y
    return (x, y) if isinstance(x, int) else (*x, *y)


def from_affine(values: Sequence[int]) -> Point:
    """A point from its 2 or 4 coordinates, checked to be on the curve and in the subgroup.

    Raises
    ------
    InputError
        When it is not.
    """
    from hokusai_mlflow.verification.zk import checking  # noqa: PLC0415

    group = curve()
    if not any(values):
        return group.g1() * 0 if len(values) == 2 else group.g2() * 0
    checking.require_point(values)
    make = group.PointG1 if len(values) == 2 else group.PointG2
    return make(*values)


def load(raw: bytes | memoryview, size: int) -> list[Point]:
    """Points of a key file that was checked when it came.

    Parameters
    ----------
    raw : bytes
        End to end, `size` bytes each: `G1_BYTES` or `G2_BYTES`.
    size : int
    """
    data = bytes(raw)
    if len(data) % size:
        raise InputError("a section of points is cut short; the key file is damaged")
    pieces = (data[at : at + size] for at in range(0, len(data), size))
    if not _layout_is_known():
        logger.warning("this build of zksnake takes points one by one; loading a key is slow")
        return [from_affine(coordinates(piece)) for piece in pieces]
    return _copied(pieces, size)


def _copied(pieces: Iterable[bytes], size: int) -> list[Point]:
    group = curve()
    neutral = group.g1() * 0 if size == G1_BYTES else group.g2() * 0
    one = montgomery(1) + bytes(size // 2 - BYTES)
    empty = bytes(size)
    place, copy = _HEADER, ctypes.memmove
    whole = size + len(one)
    found = []
    for piece in pieces:
        # A sum is always a new object; the neutral element is the one point without a Z of 1.
        point = neutral + neutral
        if piece != empty:
            copy(id(point) + place, piece + one, whole)
        found.append(point)
    return found


def _words(point: Point, size: int) -> bytes:
    return ctypes.string_at(id(point) + _HEADER, size)


@cache
def _layout_is_known() -> bool:
    """Whether points are X, Y, Z in Montgomery form, right behind the object's header."""
    if sys.implementation.name != "cpython" or sys.byteorder != "little":
        return False
    group = curve()
    for generator, size in ((group.g1(), G1_BYTES), (group.g2(), G2_BYTES)):
        room = _HEADER + size + size // 2
        if not room <= sys.getsizeof(generator) <= room + 16:
            return False
        one = montgomery(1) + bytes(size // 2 - BYTES)
        raw = b"".join(montgomery(value) for value in affine(generator))
        if _words(generator, size + size // 2) != raw + one:
            return False
        tripled = generator * 3
        raw = b"".join(montgomery(value) for value in affine(tripled))
        (again,) = _copied([raw], size)
        if again != tripled or affine(again + generator) != affine(generator * 4):
            return False
    return True


def dump(points: Sequence[Point], size: int) -> bytes:
    """Points as a key file holds them; zeros stand for the neutral one."""
    if not _layout_is_known():
        return b"".join(montgomery(value) for point in points for value in affine(point))
    half = size // 2
    words = [_words(point, size + half) for point in points]
    # Z of the second group lies in the quadratic extension: its inverse is that of its norm times
    # its conjugate.
    zs = [_elements(raw[size:]) for raw in words]
    norms = inverses([sum(part * part for part in z) % Q for z in zs], Q)
    found = []
    for raw, z, norm in zip(words, zs, norms, strict=True):
        inverse = [z[0] * norm % Q, *(-part * norm % Q for part in z[1:])]
        found.append(_scaled(raw[:half], inverse, 2) + _scaled(raw[half:size], inverse, 3))
    return b"".join(found)


def _elements(raw: bytes) -> list[int]:
    return [
        int.from_bytes(raw[at : at + BYTES], "little") * _INVERSE % Q
        for at in range(0, len(raw), BYTES)
    ]


def _scaled(raw: bytes, factor: list[int], power: int) -> bytes:
    """Coordinate over Z^power: points are Jacobian."""
    values = [int.from_bytes(raw[at : at + BYTES], "little") for at in range(0, len(raw), BYTES)]
    for _ in range(power):
        if len(values) == 1:
            values = [values[0] * factor[0] % Q]
        else:
            (a, b), (c, d) = values, factor
            values = [(a * c - b * d) % Q, (a * d + b * c) % Q]
    return b"".join(value.to_bytes(BYTES, "little") for value in values)


class FixedBase:
    """Multiples of one point, by a table of its multiples (a window of the scalar at a time).

    Parameters
    ----------
    base : Point
    window : int
        Bits per window: 2^window · ⌈254 / window⌉ points are kept.
    """

    def __init__(self, base: Point, window: int) -> None:
        self.window = window
        self.neutral = base * 0
        self.rows = []
        start = base
        for _ in range(-(-254 // window)):
            row = [self.neutral]
            for _ in range((1 << window) - 1):
                row.append(row[-1] + start)
            self.rows.append(row)
            start = row[-1] + start

    def times(self, scalar: int) -> Point:
        """The base times a scalar 0 ≤ s < r."""
        found, window, low = self.neutral, self.window, (1 << self.window) - 1
        for row in self.rows:
            if not scalar:
                break
            digit = scalar & low
            if digit:
                found = found + row[digit]
            scalar >>= window
        return found


def combine(points: Sequence[Point], scalars: Sequence[int]) -> Point:
    """Σ s_i·P_i, leaving out zeros; `points` must not be empty."""
    group = curve()
    kept = [(point, scalar) for point, scalar in zip(points, scalars, strict=True) if scalar]
    if not kept:
        return points[0] * 0
    some, factors = zip(*kept, strict=True)
    if isinstance(some[0], group.PointG1):
        return group.multiscalar_mul_g1(list(some), list(factors))
    return group.multiscalar_mul_g2(list(some), list(factors))
