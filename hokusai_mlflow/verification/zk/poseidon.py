"""The hash function Poseidon over BN254's scalar field, with circomlib's parameters.

Nothing is copied from a table: round constants and matrix follow from the Grain LFSR of the
specification (Grassi, Khovratovich, Rechberger, Roy, Schofnegger: *Poseidon*, USENIX Security
2021, https://eprint.iacr.org/2019/458, appendix E). Circuits of this package hash 16 elements at a
time (width t = 17), and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache

from hokusai_mlflow.verification.zk.field import R

FULL_ROUNDS = 8

PARTIAL_ROUNDS = (56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68)
"""For the widths 2 … 17: 128 bits of security, rounded as circomlib does."""

ARITY = 16
"""Elements that one call hashes in our circuits."""

FIELD_BITS = 254


def _grain(width: int) -> Iterator[int]:
    """The self-shrinking bit stream that parameters are drawn from."""
    described = (
        (1, 2),  # a prime field
        (0, 4),  # the S-box x^5
        (FIELD_BITS, 12),
        (width, 12),
        (FULL_ROUNDS, 10),
        (PARTIAL_ROUNDS[width - 2], 10),
        ((1 << 30) - 1, 30),
    )
    state = [value >> bit & 1 for value, size in described for bit in range(size - 1, -1, -1)]

    def step() -> int:
        taps = state[62] ^ state[51] ^ state[38] ^ state[23] ^ state[13] ^ state[0]
        state.append(taps)
        del state[0]
        return taps

    for _ in range(160):
        step()
    while True:
        keep, bit = step(), step()
        if keep:
            yield bit


@cache
def parameters(width: int) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    """Round constants and MDS matrix of a width.

    Parameters
    ----------
    width : int
        Size of the state t, 2 to 17: one more than the elements hashed.

    Returns
    -------
    constants : tuple of int, t · rounds of them
    matrix : t rows of t ints
        A Cauchy matrix.
    """
    if not 2 <= width <= ARITY + 1:
        raise ValueError(f"expected a width of 2 to {ARITY + 1}, found {width}")
    bits = _grain(width)

    def draw() -> int:
        value = 0
        for _ in range(FIELD_BITS):
            value = value << 1 | next(bits)
        return value

    constants: list[int] = []
    while len(constants) < width * (FULL_ROUNDS + PARTIAL_ROUNDS[width - 2]):
        value = draw()
        if value < R:
            constants.append(value)
    while True:
        drawn = [draw() % R for _ in range(2 * width)]
        rows, columns = drawn[:width], drawn[width:]
        sums = [(x + y) % R for x in rows for y in columns]
        if len(set(drawn)) == 2 * width and all(sums):
            break
    matrix = tuple(tuple(pow(x + y, -1, R) for y in columns) for x in rows)
    return tuple(constants), matrix


def rounds(width: int) -> Iterator[tuple[tuple[int, ...], int]]:
    """Each round's constants, and how many S-boxes it has: the whole state's, or the first's."""
    constants, _ = parameters(width)
    half, partial = FULL_ROUNDS // 2, PARTIAL_ROUNDS[width - 2]
    for number in range(FULL_ROUNDS + partial):
        boxes = 1 if half <= number < half + partial else width
        yield constants[number * width : (number + 1) * width], boxes


def fifth_power(value: int) -> int:
    """The S-box x^5."""
    return pow(value, 5, R)


def permute(state: Sequence[int], power: Callable[[int], int] = fifth_power) -> list[int]:
    """The permutation of a whole state.

    Parameters
    ----------
    state : sequence of int
    power : callable
        Computes the S-box; circuits pass one that keeps what lies in between.
    """
    _, matrix = parameters(len(state))
    now = list(state)
    for constants, boxes in rounds(len(now)):
        now = [(value + constant) % R for value, constant in zip(now, constants, strict=True)]
        for at in range(boxes):
            now[at] = power(now[at])
        now = [
            sum(factor * value for factor, value in zip(row, now, strict=True)) % R
            for row in matrix
        ]
    return now


def poseidon(inputs: Sequence[int]) -> int:
    """Hash of 1 to 16 field elements, equal to circomlib's.

    Examples
    --------
    >>> hex(poseidon([1, 2]))
    '0x115cc0f5e7d690413df64c6b9662e9cf2a3617f2743245519e19607a4417189a'
    """
    if any(not 0 <= value < R for value in inputs):
        raise ValueError("expected field elements 0 … r − 1; reduce them first")
    return permute([0, *inputs])[0]
