"""Paired sums from what a zero-knowledge proof counts, in integers identical to the contract's.

A *tally* is the number of rows n followed by counts over them. Tallies of disjoint rows add up, so
chunks, and a part that oracles see beside one that is proven, are added first and scored once:

``accuracy``
    [n, right by the baseline, right by the candidate, right by both]. A score is 1 or 0.
``confusion``
    [n, K³ cells]: cell (y·K + b)·K + c counts rows with target y, baseline's class b and
    candidate's class c.
``absolute_loss``, ``squared_loss``
    [n, Σb, Σc, Σb², Σc², Σbc] of losses in whole steps, at most L = cap (cap² when squared). With L
    dividing 1e9, a step is u = 1e9/L of the paired sums' unit: sums are multiplied by u and u².

**Linearised scores** (`confusion`). Precision, recall and F1 of class k are
θ_k = r·hits_k / d_k, d_k = s·predicted_k + o·actual_k, with (r, s, o) = (1, 1, 0), (1, 0, 1) and
(2, 1, 1). m classes count: the positive one, or all K for their mean. In units of 1e-9 (U = 1e9),
each division rounded down::

    A_k = r·n·U / (d_k·m)
    T_k = r·hits_k·n·U / (d_k²·m)
    Θ = (Σ_k r·hits_k·U / d_k) / m
    score(y, ŷ) = Θ + [y = ŷ]·A_y − s·T_ŷ − o·T_y      (A, T are 0 for classes that do not count)

This is θ + ψ_i, the metric plus the row's influence on it, whose mean is the metric. A class
without denominator, or with all rows, leaves the score undefined, as in `hokusai_mlflow.metrics`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from hokusai_mlflow.deltaone import SCORE_UNIT, PairedSums
from hokusai_mlflow.errors import InputError, MetricUndefined

Counted = Literal["accuracy", "confusion", "absolute_loss", "squared_loss"]
COUNTED: tuple[Counted, ...] = get_args(Counted)
"""What circuits count, in the order of the contract's enumeration."""

Score = Literal["accuracy", "precision", "recall", "f1", "loss"]
SCORES: tuple[Score, ...] = get_args(Score)
"""Scores whose sums can be proven, in the order of the contract's enumeration."""

MACRO = 65_535
"""In place of a positive class: the mean over all classes."""

MOST_CLASSES = 32
"""Of a confusion circuit; the contract's bound."""

_WEIGHTS = {"precision": (1, 1, 0), "recall": (1, 0, 1), "f1": (2, 1, 1)}
_PACKED_BITS = 253


@dataclass(frozen=True, slots=True)
class Circuit:
    """What a circuit counts, and for what sizes: what its verifying key is registered under.

    Parameters
    ----------
    counted : {"accuracy", "confusion", "absolute_loss", "squared_loss"}
    capacity : int
        Most rows of one proof.
    bits : int
        Bits of one target.
    range : int
        Number of classes; of a loss, its cap in steps.
    """

    counted: Counted
    capacity: int
    bits: int
    range: int

    @property
    def tally_length(self) -> int:
        """Numbers in a tally: rows and counts."""
        if self.counted == "accuracy":
            return 4
        return 1 + self.range**3 if self.counted == "confusion" else 6

    @property
    def count_bits(self) -> int:
        """Bits that a packed count takes."""
        return self.capacity.bit_length()

    @property
    def count_words(self) -> int:
        """Public inputs of a proof that state counts."""
        if self.counted != "confusion":
            return self.tally_length - 1
        return -(-(self.range**3) // (_PACKED_BITS // self.count_bits))

    @property
    def loss_unit(self) -> int:
        """One step of a loss in 1e-9.

        Raises
        ------
        InputError
            When the largest loss does not divide 1e9.
        """
        largest = self.range**2 if self.counted == "squared_loss" else self.range
        if largest < 1 or SCORE_UNIT % largest:
            raise InputError(
                f"the largest loss must divide 1e9 steps, found {largest}; choose a cap of "
                "10**k steps (at most 10**4 for squared losses)"
            )
        return SCORE_UNIT // largest

    def arguments(self) -> tuple[int, int, int, int]:
        """The contract's ``Circuit``."""
        return COUNTED.index(self.counted), self.capacity, self.bits, self.range

    def __repr__(self) -> str:
        return f"Circuit({self.counted}, N={self.capacity}, B={self.bits}, K={self.range})"


def unpack(circuit: Circuit, words: Sequence[int]) -> list[int]:
    """Counts of one proof from its public words.

    Parameters
    ----------
    circuit : Circuit
    words : sequence of int, length `circuit.count_words`
        Of confusion packed little-endian, as many counts to a word as fit into 253 bits.

    Returns
    -------
    list of int
        A tally without its n.
    """
    if len(words) != circuit.count_words:
        raise InputError(f"{circuit!r} states {circuit.count_words} words, found {len(words)}")
    if circuit.counted != "confusion":
        return list(words)
    bits, cells = circuit.count_bits, circuit.range**3
    each = _PACKED_BITS // bits
    counts: list[int] = []
    for word in words:
        here = min(each, cells - len(counts))
        if word >> (bits * here):
            raise InputError(f"a word of counts has more than {here} counts of {bits} bits: {word}")
        counts += [word >> (bits * k) & (1 << bits) - 1 for k in range(here)]
    return counts


def added(tallies: Sequence[Sequence[int]]) -> list[int]:
    """The tally of all rows from those of its parts."""
    return [sum(column) for column in zip(*tallies, strict=True)]


def proven_sums(
    tally: Sequence[int], circuit: Circuit, score: Score, positive: int = MACRO
) -> PairedSums:
    """Paired sums of a tally: what the contract compares an improvement's with.

    Parameters
    ----------
    tally : sequence of int
        Of all rows.
    circuit : Circuit
    score : {"accuracy", "precision", "recall", "f1", "loss"}
    positive : int
        Of precision, recall and F1: the class that is meant, or `MACRO`.

    Returns
    -------
    PairedSums

    Raises
    ------
    InputError
        When no rows have these counts.
    MetricUndefined
        When a class that counts does not occur, is never predicted, or is all there is.
    """
    if len(tally) != circuit.tally_length:
        raise InputError(f"a tally of {circuit!r} has {circuit.tally_length} numbers")
    _require_consistent(tally, circuit)
    n, *counts = tally
    if circuit.counted == "accuracy":
        b, c, both = counts
        one = SCORE_UNIT**2
        return PairedSums(n, b * SCORE_UNIT, c * SCORE_UNIT, b * one, c * one, both * one)
    if circuit.counted == "confusion":
        return _ratio_sums(n, counts, circuit.range, score, positive)
    unit = circuit.loss_unit
    b, c, bb, cc, bc = counts
    return PairedSums(n, b * unit, c * unit, bb * unit**2, cc * unit**2, bc * unit**2)


def _require_consistent(tally: Sequence[int], circuit: Circuit) -> None:
    n, *counts = tally
    if min(tally) < 0:
        raise InputError(f"counts cannot be negative, found {min(tally)}")
    if circuit.counted == "accuracy":
        b, c, both = counts
        wrong = both > min(b, c) or b + c - both > n
    elif circuit.counted == "confusion":
        wrong = sum(counts) != n
    else:
        most = SCORE_UNIT // circuit.loss_unit
        pairs = zip(counts[:2], counts[2:4], strict=True)
        wrong = any(total > n * most or squares > total * most for total, squares in pairs)
    if wrong:
        raise InputError(f"no {n} rows have these counts: {brief(counts)}")


def brief(counts: Sequence[int]) -> str:
    """Counts for a message, shortened."""
    shown = ", ".join(map(str, counts[:8]))
    return f"{shown}, …" if len(counts) > 8 else shown


def _ratio_sums(
    n: int, cells: Sequence[int], classes: int, score: Score, positive: int
) -> PairedSums:
    filled = [
        (*divmod(place // classes, classes), place % classes, count)
        for place, count in enumerate(cells)
        if count
    ]
    matrices = [[[0] * classes for _ in range(classes)] for _ in range(2)]
    for target, first, second, count in filled:
        matrices[0][target][first] += count
        matrices[1][target][second] += count
    scores = [_linearised(n, matrix, score, positive) for matrix in matrices]
    total = PairedSums(n, 0, 0, 0, 0, 0)
    for target, first, second, count in filled:
        b, c = scores[0][target][first], scores[1][target][second]
        total += PairedSums(0, count * b, count * c, count * b * b, count * c * c, count * b * c)
    return total


def _linearised(n: int, matrix: list[list[int]], score: Score, positive: int) -> list[list[int]]:
    """Score of a row by target and predicted class, in 1e-9."""
    right, said, occurred = _WEIGHTS[score]
    classes = len(matrix)
    chosen = range(classes) if positive == MACRO else (positive,)
    counted = len(chosen)
    hit, less, level = [0] * classes, [0] * classes, 0
    for k in chosen:
        predicted, actual = sum(row[k] for row in matrix), sum(matrix[k])
        below = said * predicted + occurred * actual
        if below == 0 or actual >= n:
            raise MetricUndefined(
                f"{score} of class {k} is undefined on these {n} rows: it does not occur, is never "
                "predicted, or is all there is; bring examples of every class"
            )
        hits = right * matrix[k][k]
        hit[k] = right * n * SCORE_UNIT // (below * counted)
        less[k] = hits * n * SCORE_UNIT // (below * below * counted)
        level += hits * SCORE_UNIT // below
    level //= counted
    return [
        [level + (y == p) * hit[y] - said * less[p] - occurred * less[y] for p in range(classes)]
        for y in range(classes)
    ]
