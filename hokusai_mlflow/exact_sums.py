"""Exact sums and sums of products of large whole numbers, in 64-bit arithmetic."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.int64]

CHUNK = 2**14
"""Numbers that `exact_sums` takes at a time; they stay in the processor's cache."""

LIMB_BITS = 18


def exact_sums(b: Whole, c: Whole) -> tuple[int, int, int, int, int]:
    """Σb, Σc, Σb², Σc² and Σbc.

    Parameters
    ----------
    b, c : array of int64, shape (n,)
        At most `CHUNK` numbers, each below 2^53 in magnitude.
    """
    b_limbs, c_limbs = _limbs(b), _limbs(c)
    return (
        _sum(b_limbs),
        _sum(c_limbs),
        _product(b_limbs, b_limbs),
        _product(c_limbs, c_limbs),
        _product(b_limbs, c_limbs),
    )


def _limbs(whole: Whole) -> list[Whole]:
    # Σ limb · 2^(18 i), the last one signed and all within 2^18: a chunk's products of two sum to
    # less than 2^51.
    limbs: list[Whole] = []
    while len(limbs) < 2 and (np.abs(whole) >> LIMB_BITS).any():
        limbs.append(whole & (2**LIMB_BITS - 1))
        whole = whole >> LIMB_BITS
    return [*limbs, whole]


def _sum(limbs: list[Whole]) -> int:
    return sum(int(limb.sum()) << LIMB_BITS * at for at, limb in enumerate(limbs))


def _product(first: list[Whole], second: list[Whole]) -> int:
    return sum(
        int(np.dot(one, other)) << LIMB_BITS * (i + j)
        for i, one in enumerate(first)
        for j, other in enumerate(second)
    )
