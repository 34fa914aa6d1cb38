"""Columns of small whole numbers: how they are packed and committed to, outside and in circuits.

A column has n live values, 0 ≤ v < 2^width, and is padded with zeros to a capacity N. Its values
are packed ⌊248 / width⌋ to a limb, the first in the lowest bits, and hashed in a chain:

    h₀ = P(column, n, width, N, salt, limb₀ … limb₁₀),  h_j = P(h_{j−1}, 15 more limbs)

with P = Poseidon of 16 elements, missing limbs 0. The commitment is the last h. It hides the
values as long as the salt is secret and uniform below r; it binds them, n, and which column they
are.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import TypeVar

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.verification.zk import gadgets
from hokusai_mlflow.verification.zk.field import R
from hokusai_mlflow.verification.zk.poseidon import ARITY
from hokusai_mlflow.verification.zk.poseidon import poseidon as hash_of
from hokusai_mlflow.verification.zk.r1cs import ONE, Builder, Linear, times, total

T = TypeVar("T")

LIMB_BITS = 248
FIRST_LIMBS = ARITY - 5
MORE_LIMBS = ARITY - 1


class Column(IntEnum):
    """What a committed column holds; the first element of its hash."""

    LABELS = 1
    CHAMPION = 2
    CANDIDATE = 3


def new_salt() -> int:
    """A salt that nobody can guess: uniform below r."""
    return secrets.randbelow(R)


def require_values(what: str, values: Sequence[int], width: int, capacity: int) -> list[int]:
    """The values as a list, checked.

    Raises
    ------
    InputError
        When there are none, more than the capacity, or one outside 0 … 2^width − 1.
    """
    found = [int(value) for value in values]
    if not 0 < len(found) <= capacity:
        raise InputError(
            f"{what}: expected 1 to {capacity:,} values, found {len(found):,}; "
            "cut them into chunks, or use a key of larger capacity"
        )
    for row, value in enumerate(found):
        if not 0 <= value < 1 << width:
            raise InputError(
                f"{what}: expected whole numbers from 0 to {(1 << width) - 1}, "
                f"found {value} in row {row}"
            )
    return found


def commit(values: Sequence[int], *, salt: int, bits: int, capacity: int, column: Column) -> int:
    """Commitment to a column.

    Parameters
    ----------
    values : sequence of int, length n
        Each 0 ≤ v < 2^bits.
    salt : int
        Secret, from `new_salt`; kept by who must open the commitment.
    bits : int
        Width of a value.
    capacity : int
        N of the circuit that will use it.
    column : Column

    Returns
    -------
    int
        Below r.

    Raises
    ------
    InputError
        When a value or the number of values does not fit.
    """
    live = require_values(column.name.lower(), values, bits, capacity)
    if not 0 <= salt < R:
        raise InputError("a salt is a number from 0 to r − 1; take one from new_salt()")
    per_limb = LIMB_BITS // bits
    padded = live + [0] * (capacity - len(live))
    limbs = [
        sum(value << bits * place for place, value in enumerate(padded[at : at + per_limb]))
        for at in range(0, capacity, per_limb)
    ]
    head = [int(column), len(live), bits, capacity, salt]
    found = 0
    for first, block in _blocks(limbs):
        inputs = [*(head if first else [found]), *block]
        found = hash_of(inputs + [0] * (ARITY - len(inputs)))
    return found


def _blocks(limbs: Sequence[T]) -> Iterator[tuple[bool, Sequence[T]]]:
    yield True, limbs[:FIRST_LIMBS]
    for at in range(FIRST_LIMBS, len(limbs), MORE_LIMBS):
        yield False, limbs[at : at + MORE_LIMBS]


def commit_rows(
    builder: Builder,
    rows: Sequence[Linear],
    *,
    live: int,
    salt: int,
    width: int,
    column: Column,
) -> int:
    """The wire of the commitment to rows, as `commit` computes it.

    Every row must already be known to lie in 0 … 2^width − 1: packing is one to one only then.
    `live` is the wire of n.
    """
    name = f"commitment to {column.name.lower()}"
    per_limb = LIMB_BITS // width
    limbs = [
        total(
            *(times(1 << width * at, row) for at, row in enumerate(rows[first : first + per_limb]))
        )
        for first in range(0, len(rows), per_limb)
    ]
    head: list[Linear] = [
        {ONE: int(column)},
        {live: 1},
        {ONE: width},
        {ONE: len(rows)},
        {builder.wire(salt): 1},
    ]
    found = 0
    for first, block in _blocks(limbs):
        inputs = [*(head if first else [{found: 1}]), *block]
        found = gadgets.poseidon(builder, inputs, name)
    return found


def mask(builder: Builder, live: int, capacity: int) -> list[int]:
    """Wires that are 1 in the first n rows and 0 in the rest, where `live` is the wire of n.

    With a₋₁ = 1 and a_N = 0 at the ends, every step a_{i−1} − a_i is required to be 0 or 1. The
    N + 1 steps add up to 1, and N + 1 < r, so that exactly one is 1: ones, then zeros. Their sum
    is n, so that 0 ≤ n ≤ N.
    """
    n = builder.values[live]
    wires = [builder.wire(1 if row < n else 0) for row in range(capacity)]
    before: Linear = {ONE: 1}
    for wire in [*wires, None]:
        now: Linear = {} if wire is None else {wire: 1}
        step = total(before, times(-1, now))
        builder.require(step, total(step, {ONE: -1}), {}, "mask")
        before = now
    builder.require(dict.fromkeys(wires, 1), {ONE: 1}, {live: 1}, "live rows")
    return wires


def require_padding(
    builder: Builder, masked: Sequence[int], rows: Sequence[Sequence[Linear]]
) -> None:
    """Require that everything in rows after the live ones is 0.

    (1 − a_i) · Σ = 0, with Σ the sum of what a row holds, which must be of numbers ≥ 0 whose sum
    is below r: it is 0 only if each is.
    """
    for wire, row in zip(masked, rows, strict=True):
        builder.require({ONE: 1, wire: -1}, total(*row), {}, "padding")
