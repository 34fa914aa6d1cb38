"""Longest common subsequences of two token lists, a row of the table at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def lcs_length(first: Sequence[str], second: Sequence[str]) -> int:
    """Tokens of a longest common subsequence.

    Bit-parallel (Crochemore, Iliopoulos, Pinzon & Reid 2001, Information Processing Letters 80,
    279–285, DOI 10.1016/S0020-0190(01)00182-X): a row of the table is one integer, whose zero bits
    say where the length grows.
    """
    row = _start(second)
    for row in _rows(first, second):  # noqa: B007 - the last row is what counts
        pass
    return len(second) - row.bit_count()


def lcs_positions(first: Sequence[str], second: Sequence[str]) -> list[int]:
    """Positions in `first` of the longest common subsequence that rouge-score reads out.

    There may be several; going back from the end of both lists, it skips a token of `second` only
    where that leaves more than skipping one of `first`.
    """
    rows = [_start(second), *_rows(first, second)]

    def length(until: int, column: int) -> int:
        return column - (rows[until] & ((1 << column) - 1)).bit_count()

    found = []
    at, column = len(first), len(second)
    while at and column:
        if first[at - 1] == second[column - 1]:
            at, column = at - 1, column - 1
            found.append(at)
        elif length(at, column - 1) > length(at - 1, column):
            column -= 1
        else:
            at -= 1
    return found[::-1]


def _start(second: Sequence[str]) -> int:
    return (1 << len(second)) - 1


def _rows(first: Sequence[str], second: Sequence[str]) -> Iterator[int]:
    places: dict[str, int] = {}
    for at, token in enumerate(second):
        places[token] = places.get(token, 0) | 1 << at
    row = full = _start(second)
    for token in first:
        matched = row & places.get(token, 0)
        row = ((row + matched) | (row - matched)) & full
        yield row
