"""Pieces that the circuits are put together from; each says what it requires and why it suffices.

Dense factors stand on side A: wires on side B cost a proof a point of the second group.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from hokusai_mlflow.verification.zk.field import R
from hokusai_mlflow.verification.zk.poseidon import ARITY, parameters, permute, rounds
from hokusai_mlflow.verification.zk.r1cs import ONE, Builder, Linear, times, total

Bits = Sequence[int]
"""Boolean wires, the least significant first."""


def boolean(builder: Builder, value: int, name: str) -> int:
    """A wire that is 0 or 1: w·(w − 1) = 0."""
    wire = builder.wire(value)
    builder.require({wire: 1}, {wire: 1, ONE: -1}, {}, name)
    return wire


def bits(builder: Builder, value: int, size: int, name: str) -> list[int]:
    """Boolean wires of a number in 0 … 2^size − 1; a value outside has no witness."""
    return [boolean(builder, value >> place & 1, name) for place in range(size)]


def number(of: Bits) -> dict[int, int]:
    """Σ 2^k bit_k, which determines the bits while there are at most 253 of them."""
    return {wire: 1 << place for place, wire in enumerate(of)}


def is_zero(builder: Builder, of: Linear, name: str) -> int:
    """A wire e that is 1 where x = 0 and 0 elsewhere.

    i·x = 1 − e and e·x = 0: were x ≠ 0, the second makes e = 0 (and the first has i = 1/x); were
    x = 0, the first makes e = 1. Only i is free then, and nothing else uses it.
    """
    value = builder.value(of)
    inverse = builder.wire(pow(value, -1, R) if value else 0)
    equal = builder.wire(0 if value else 1)
    builder.require({inverse: 1}, of, {ONE: 1, equal: -1}, name)
    builder.require({equal: 1}, of, {}, name)
    return equal


def require_at_most(
    builder: Builder, of: Bits, bound: int, name: str, *, when: Linear | None = None
) -> None:
    """Require that bits make a number ≤ bound, a constant, wherever the boolean `when` is 1.

    The number exceeds the bound exactly if at some zero of the bound it has a one, and has ones at
    all ones of the bound above. Going down from the top, p is the product of `when` and of the
    bits at the bound's ones so far; below each of these, p · (sum of the bits at the zeros that
    follow) must be 0. The sum is a sum of booleans, far below r, so that it is 0 only if all are.
    """
    if bound >= (1 << len(of)) - 1:
        return
    if bound < 0:
        raise ValueError("a bound is not negative")
    above: Linear = {ONE: 1} if when is None else when
    zeros: list[int] = []

    def close() -> None:
        if zeros:
            builder.require(above, dict.fromkeys(zeros, 1), {}, name)
            zeros.clear()

    for place in range(len(of) - 1, -1, -1):
        if bound >> place & 1:
            close()
            if (bound & ((1 << place) - 1)) == (1 << place) - 1:
                return
            above = {builder.product(above, {of[place]: 1}, name): 1}
        else:
            zeros.append(of[place])
    close()


def choose(builder: Builder, choice: int, one: Linear, zero: Linear, name: str) -> dict[int, int]:
    """`one` where the boolean wire is 1, `zero` where it is 0: zero + choice·(one − zero)."""
    moved = builder.product(total(one, times(-1, zero)), {choice: 1}, name)
    return total(zero, {moved: 1})


Row = tuple[tuple[int, int], ...]


@cache
def _template() -> tuple[tuple[Row, Row, Row], ...]:
    """Constraints of one Poseidon call on its own wires: 0 one, 1 … 16 inputs, then in order.

    Each S-box has four wires x, x², x⁴, x⁵; the first is a copy, which keeps the linear layers
    from being written three times. The last wire is the hash.
    """
    width = ARITY + 1
    _, matrix = parameters(width)
    state: list[dict[int, int]] = [{}] + [{wire: 1} for wire in range(1, width)]
    found: list[tuple[Row, Row, Row]] = []
    wires = width

    def add(a: Linear, b: Linear) -> int:
        nonlocal wires
        found.append((tuple(a.items()), tuple(b.items()), ((wires, 1),)))
        wires += 1
        return wires - 1

    for constants, boxes in rounds(width):
        state = [total(now, {ONE: c}) for now, c in zip(state, constants, strict=True)]
        for at in range(boxes):
            x = add(state[at], {ONE: 1})
            square = add({x: 1}, {x: 1})
            fourth = add({square: 1}, {square: 1})
            state[at] = {add({fourth: 1}, {x: 1}): 1}
        mixed = []
        for row in matrix:
            now: dict[int, int] = {}
            for factor, part in zip(row, state, strict=True):
                for wire, coefficient in part.items():
                    now[wire] = (now.get(wire, 0) + factor * coefficient) % R
            mixed.append(now)
        state = mixed
    add(state[0], {ONE: 1})
    return tuple(found)


def poseidon(builder: Builder, inputs: Sequence[Linear], name: str) -> int:
    """A wire that is Poseidon of up to 16 linear combinations, the rest zeros."""
    padded = [*inputs, *([{}] * (ARITY - len(inputs)))]
    if len(padded) > ARITY:
        raise ValueError(f"expected at most {ARITY} inputs, found {len(inputs)}")
    wires = [builder.copy(of, name) for of in padded]
    values = builder.values
    before = len(values)

    def power(x: int) -> int:
        square = x * x % R
        fourth = square * square % R
        fifth = fourth * x % R
        values.extend((x, square, fourth, fifth))
        return fifth

    values.append(permute([0, *(values[wire] for wire in wires)], power)[0])
    if builder.record:
        place = [ONE, *wires, *range(before, len(values))]
        for row in _template():
            a, b, c = ({place[wire]: factor for wire, factor in side} for side in row)
            builder.require(a, b, c, name)
    return len(values) - 1
