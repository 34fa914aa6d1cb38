"""Which rows of a committed evaluation an inference proof opens, and how many.

Rows are drawn after everything is committed, from a block's randomness that nobody knew before. A
prover who drew them from a hash of the commitments instead could try commitments until the draw
spares the bad rows (541 rows then give what 459 give here against 2⁴⁰ tries).

The contract draws the same rows (`InferenceVerifier.rowsOf`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from hokusai_mlflow.errors import InputError

WORD = 32


def rows_to_draw(rows: int, *, bad_share: float, miss: float) -> int:
    """How many rows to draw so that bad predictions are caught.

    Drawing m of n rows misses all of a share s of bad ones with a chance of at most (1 − s)^m.

    Parameters
    ----------
    rows : int
        n.
    bad_share : float
        s: share of predictions that do not come from the committed model.
    miss : float
        Largest chance that none of them is drawn.

    Returns
    -------
    int
        At most n, at which every row is drawn.

    Examples
    --------
    >>> rows_to_draw(10_000, bad_share=0.01, miss=0.01)
    459
    >>> rows_to_draw(10_000, bad_share=0.05, miss=0.001)
    135
    """
    if not (0 < bad_share < 1 and 0 < miss < 1):
        raise InputError("expected a share of bad rows and a chance to miss them between 0 and 1")
    return min(rows, math.ceil(math.log(miss) / math.log1p(-bad_share)))


def draw_rows(seed: bytes, part: int, rows: int, count: int) -> list[int]:
    """Distinct rows of one part of an evaluation, uniform given a seed that nobody chose.

    A partial Fisher–Yates shuffle: step t swaps place t with t + keccak(keccak(seed, part), t)
    modulo n − t, whose bias of at most n/2²⁵⁶ nobody will ever see.

    Parameters
    ----------
    seed : bytes, length 32
    part : int
        Number of the part; each is drawn from by itself.
    rows : int
        n; rows are 0 … n − 1.
    count : int
        How many.
    """
    from eth_utils.crypto import keccak  # noqa: PLC0415

    if not 0 < count <= rows or len(seed) != WORD:
        raise InputError(
            f"expected a seed of {WORD} bytes and to draw 1 to {rows} rows, found {count}"
        )
    own = keccak(seed + part.to_bytes(WORD, "big"))
    order: dict[int, int] = {}
    found = []
    for at in range(count):
        value = int.from_bytes(keccak(own + at.to_bytes(WORD, "big")), "big")
        other = at + value % (rows - at)
        found.append(order.get(other, other))
        order[other] = order.get(at, at)
    return found


def pieces(drawn: Sequence[int], slots: int, start: int = 0) -> list[list[int]]:
    """Drawn rows in pieces of `slots`, one proof each; the last begins anew at the first row."""
    starts = range(start, len(drawn), slots)
    return [[drawn[(at + k) % len(drawn)] for k in range(slots)] for at in starts]
