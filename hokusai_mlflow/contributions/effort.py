"""How many refits a way of valuing takes, and so which way is taken."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from hokusai_mlflow.contributions.orders import laps_of
from hokusai_mlflow.contributions.sampling import FEWEST_ROUNDS
from hokusai_mlflow.contributions.shapley import MOST_PLAYERS

Asked = Literal["rows", "shapley", "leave_one_out"]
"""What a spec can ask for."""

Method = Literal["rows", "exact", "sampled", "leave_one_out"]
"""What is done."""


def chosen_method(
    asked: Asked,
    *,
    players: int,
    divisible: int,
    replicates: int,
    max_refits: int,
) -> Method:
    """The way that is taken where another one is asked for.

    Parameters
    ----------
    asked : str
        What the spec says.
    players, divisible : int
        How many there are, and how many of them bring rows.
    replicates : int
        Folds on which everything is measured.
    max_refits : int
        The budget.

    Returns
    -------
    {"rows", "exact", "sampled", "leave_one_out"}
        Exact values for ``shapley`` where there are at most 12 players and the budget holds all
        their coalitions, and wherever nothing is divided: with a single player, whose value is the
        total by every method, or when nobody brings rows.
    """
    if players == 1 or not divisible:
        return "exact"
    if asked != "shapley":
        return asked
    exact = players <= MOST_PLAYERS and replicates * 2**players <= max_refits
    return "exact" if exact else "sampled"


def most_pieces(method: Method, sizes: Collection[int], whole: int, blocks: int) -> int:
    """The most pieces that an order can have.

    Parameters
    ----------
    method : {"rows", "sampled"}
        What is ordered.
    sizes : collection of int
        Rows of everybody who brings some.
    whole : int
        Players who come as a whole.
    blocks : int
        Stretches that rows are cut into.
    """
    if method == "sampled":
        return len(sizes) + whole
    parts = blocks + laps_of(list(sizes), blocks) * len(sizes)
    return min(parts, sum(sizes)) + whole


def fewest_refits(
    method: Method, sizes: Collection[int], *, whole: int, blocks: int, replicates: int
) -> int:
    """What valuing once takes: all coalitions, or the rounds that tell how noisy sampling is.

    Parameters
    ----------
    method : {"rows", "exact", "sampled", "leave_one_out"}
        From `chosen_method`.
    sizes, whole, blocks : collection of int, int, int
        As for `most_pieces`.
    replicates : int
        Folds on which everything is measured.
    """
    players = len(sizes) + whole
    if method == "exact":
        return replicates * 2**players
    if method == "leave_one_out":
        return replicates * (players + 2)
    pieces = most_pieces(method, sizes, whole, blocks)
    return replicates * 2 + FEWEST_ROUNDS * round_refits(pieces, replicates)


def round_refits(pieces: int, replicates: int) -> int:
    """The most refits of one round: in every replicate an order and its reverse."""
    return replicates * 2 * (pieces - 1)
