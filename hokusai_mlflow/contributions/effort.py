"""How many refits a way of valuing takes, and so which way is taken."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from hokusai_mlflow.contributions.sampling import FEWEST_ROUNDS
from hokusai_mlflow.contributions.shapley import MOST_PLAYERS
from hokusai_mlflow.errors import InputError

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
    return min(blocks + len(sizes), sum(sizes)) + whole


def fewest_refits(
    method: Method, sizes: Collection[int], *, whole: int, blocks: int, replicates: int
) -> int:
    """What must be affordable: all coalitions, or the rounds that tell how noisy sampling is."""
    players = len(sizes) + whole
    if method == "exact":
        return replicates * 2**players
    if method == "leave_one_out":
        return replicates * (players + 2)
    return replicates * 2 + FEWEST_ROUNDS * round_refits(
        most_pieces(method, sizes, whole, blocks), replicates
    )


def round_refits(pieces: int, replicates: int) -> int:
    """The most refits of one round: in every replicate an order and its reverse."""
    return replicates * 2 * (pieces - 1)


def require_affordable(
    asked: Asked,
    sizes: Collection[int],
    *,
    whole: int,
    blocks: int,
    replicates: int,
    max_refits: int,
) -> None:
    """Refuse before anything is changed what could not be finished; parameters as above.

    Raises
    ------
    InputError
        When the least that valuing takes is beyond the budget.
    """
    players = len(sizes) + whole
    method = chosen_method(
        asked,
        players=players,
        divisible=len(sizes),
        replicates=replicates,
        max_refits=max_refits,
    )
    # What sampling takes at least may be more than what few coalitions take.
    ways: set[Method] = (
        {method, "exact"} if method == "sampled" and players <= MOST_PLAYERS else {method}
    )
    needed = min(
        fewest_refits(way, sizes, whole=whole, blocks=blocks, replicates=replicates) for way in ways
    )
    if needed > max_refits:
        raise InputError(
            f"valuing {players} changes takes at least {needed:,} refits, and valuation.max_refits "
            f"is {max_refits:,}; raise it, lower valuation.repeats, valuation.folds or "
            "valuation.blocks, or run with fewer contributors first"
        )
