"""Whether coordinates are points of BN254's groups, in plain integer arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.verification.zk.field import Q, R

B = 3
"""First group: y² = x³ + 3, of prime order r, so that every point on the curve is in the group."""

Quadratic = tuple[int, int]
"""c0 + c1·i with i² = −1."""


def _times(a: Quadratic, b: Quadratic) -> Quadratic:
    return (a[0] * b[0] - a[1] * b[1]) % Q, (a[0] * b[1] + a[1] * b[0]) % Q


def _inverse(a: Quadratic) -> Quadratic:
    norm = pow(a[0] * a[0] + a[1] * a[1], -1, Q)
    return a[0] * norm % Q, -a[1] * norm % Q


TWIST = _times((B, 0), _inverse((9, 1)))
"""Second group: y² = x³ + 3/(9 + i), a subgroup of order r of many times as many points."""


def on_curve(values: Sequence[int]) -> bool:
    """Whether coordinates, 2 of the first group or 4 of the second, are on the curve.

    The neutral element, written as zeros, is not: where it is allowed, ask for it first.
    """
    if any(not 0 <= value < Q for value in values):
        return False
    if len(values) == 2:
        x, y = values
        return (y * y - x * x * x - B) % Q == 0
    x2, y2 = (values[0], values[1]), (values[2], values[3])
    cube = _times(_times(x2, x2), x2)
    return _times(y2, y2) == ((cube[0] + TWIST[0]) % Q, (cube[1] + TWIST[1]) % Q)


def require_point(values: Sequence[int]) -> None:
    """Check that coordinates are a point of its group, and not the neutral one.

    Raises
    ------
    InputError
        When they are not.
    """
    if not on_curve(values):
        raise InputError("a point is not on the curve")
    if len(values) == 4 and not in_subgroup(values):
        raise InputError("a point of the second group is not in its subgroup")


def in_subgroup(values: Sequence[int]) -> bool:
    """Whether a point on the second group's curve has order r.

    Multiplies by r in Jacobian coordinates, in some 10 ms.
    """
    x, y = (values[0], values[1]), (values[2], values[3])
    found = (x, y, (1, 0))
    for bit in bin(R)[3:]:
        found = _doubled(found)
        if bit == "1":
            found = _plus(found, x, y)
    return found[2] == (0, 0)


Jacobian = tuple[Quadratic, Quadratic, Quadratic]


def _linear(*parts: tuple[int, Quadratic]) -> Quadratic:
    return (
        sum(factor * value[0] for factor, value in parts) % Q,
        sum(factor * value[1] for factor, value in parts) % Q,
    )


def _doubled(point: Jacobian) -> Jacobian:
    """EFD's dbl-2009-l."""
    x, y, z = point
    a, b = _times(x, x), _times(y, y)
    c = _times(b, b)
    d = _linear((4, _times(x, b)))
    e = _linear((3, a))
    x3 = _linear((1, _times(e, e)), (-2, d))
    y3 = _linear((1, _times(e, _linear((1, d), (-1, x3)))), (-8, c))
    return x3, y3, _linear((2, _times(y, z)))


def _plus(point: Jacobian, x2: Quadratic, y2: Quadratic) -> Jacobian:
    """EFD's madd, the second point affine; the doubling and the inverse case by themselves."""
    x1, y1, z1 = point
    if z1 == (0, 0):
        return x2, y2, (1, 0)
    zz = _times(z1, z1)
    h = _linear((1, _times(x2, zz)), (-1, x1))
    r = _linear((1, _times(_times(y2, z1), zz)), (-1, y1))
    if h == (0, 0):
        return _doubled(point) if r == (0, 0) else ((1, 0), (1, 0), (0, 0))
    hh = _times(h, h)
    hhh = _times(h, hh)
    v = _times(x1, hh)
    x3 = _linear((1, _times(r, r)), (-1, hhh), (-2, v))
    y3 = _linear((1, _times(r, _linear((1, v), (-1, x3)))), (-1, _times(y1, hhh)))
    return x3, y3, _times(z1, h)
