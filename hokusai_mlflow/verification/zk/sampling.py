"""Which rows of a committed evaluation an inference proof opens, and how many.

Rows are drawn after everything is committed, from a block's randomness that nobody knew before. A
prover who drew them from a hash of the commitments instead could try commitments until the draw
spares the bad rows (541 rows then give what 459 give here against 2⁴⁰ tries).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from hashlib import sha256

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.verification.zk.field import BYTES, R
from hokusai_mlflow.verification.zk.poseidon import ARITY, poseidon

DOMAIN = b"hokusai inference rows v1"
FEATURES_DOMAIN = b"hokusai features v1"


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


def draw_rows(randomness: bytes, commitments: Sequence[int], rows: int, count: int) -> list[int]:
    """Distinct rows, uniform given randomness that came after the commitments.

    A partial Fisher–Yates shuffle, by SHA-256 in counter mode without modulo bias.

    Parameters
    ----------
    randomness : bytes
        Hash or PREVRANDAO of a block after the commitments were published.
    commitments : sequence of int
        All of them, so that one block serves every model differently.
    rows : int
        n; rows are 0 … n − 1.
    count : int
        How many.
    """
    if not 0 < count <= rows:
        raise InputError(f"expected to draw 1 to {rows} rows, found {count}")
    seed = sha256(
        DOMAIN + randomness + b"".join(value.to_bytes(BYTES, "big") for value in commitments)
    ).digest()
    counter = 0

    def below(bound: int) -> int:
        nonlocal counter
        while True:
            value = int.from_bytes(sha256(seed + counter.to_bytes(8, "big")).digest(), "big")
            counter += 1
            if value < (1 << 256) // bound * bound:
                return value % bound

    order = list(range(rows))
    for at in range(count):
        other = at + below(rows - at)
        order[at], order[other] = order[other], order[at]
    return order[:count]


def features_commitment(digests: Sequence[int]) -> int:
    """Commitment to all rows' features, from the digests of the rows, which are published.

    Outside circuits, hence SHA-256; shortened to a field element's size.
    """
    content = b"".join(digest.to_bytes(BYTES, "big") for digest in digests)
    hashed = sha256(FEATURES_DOMAIN + len(digests).to_bytes(8, "big") + content).digest()
    return int.from_bytes(hashed, "big") >> 8


def opened_digest(opened: Sequence[tuple[int, int]]) -> int:
    """The public input that stands for opened rows: Poseidon chain over (row, digest) pairs."""
    flat = [value for pair in opened for value in pair]
    if any(not 0 <= value < R for value in flat):
        raise InputError("a row's digest is not a field element")
    found = len(opened)
    for at in range(0, len(flat), ARITY - 2):
        block = flat[at : at + ARITY - 2]
        found = poseidon([found, *block, *([0] * (ARITY - 1 - len(block)))])
    return found
