"""The two prime fields of BN254: r, in which circuits compute, and q, of points' coordinates."""

from __future__ import annotations

from collections.abc import Sequence

R = 21888242871839275222246405745257275088548364400416034343698204186575808495617
"""Order of the curve's groups; circuits, public inputs and exponents live modulo r."""

Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583
"""Field of the coordinates of points."""

BYTES = 32
"""Bytes of one element of either field."""

GENERATOR = 5
"""A generator of the multiplicative group modulo r; 2^28 divides r − 1."""

TWO_ADICITY = 28


def root_of_unity(order: int) -> int:
    """A primitive root of unity modulo r, the one that snarkjs and arkworks use.

    Parameters
    ----------
    order : int
        A power of two, at most 2^28.
    """
    if order & (order - 1) or not 0 < order <= 1 << TWO_ADICITY:
        raise ValueError(f"expected a power of two up to 2^{TWO_ADICITY}, found {order}")
    return pow(GENERATOR, (R - 1) // order, R)


def powers(base: int, count: int, modulus: int = R) -> list[int]:
    """1, base, base², … : `count` of them."""
    found = [1] * count
    for at in range(1, count):
        found[at] = found[at - 1] * base % modulus
    return found


def inverses(values: Sequence[int], modulus: int = R) -> list[int]:
    """Inverses of many elements for the price of one (Montgomery's trick); 0 stays 0."""
    before = []
    product = 1
    for value in values:
        before.append(product)
        if value:
            product = product * value % modulus
    inverse = pow(product, -1, modulus)
    found = [0] * len(values)
    for at in range(len(values) - 1, -1, -1):
        if values[at]:
            found[at] = inverse * before[at] % modulus
            inverse = inverse * values[at] % modulus
    return found
