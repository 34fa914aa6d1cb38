"""Exact Shapley values of contributors, their noise, and the shares that follow.

The value of a coalition is what the model scores when its training data are the reference rows
plus the rows of the coalition's members. The Shapley value (Shapley 1953,
doi:10.1515/9781400881970-018) is the one division of the total gain that is efficient, symmetric,
additive and gives nothing to a contributor who never changes anything.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.deltaone import FINE_TOTAL, MOST_LISTED, WEIGHT_TOTAL
from hokusai_mlflow.errors import InputError, UnknownName, did_you_mean

MOST_PLAYERS = 8


@dataclass(frozen=True)
class Shapley:
    """Shapley value of each player, with its standard error.

    Attributes
    ----------
    players : tuple of str
        In the order given.
    values : tuple of float
        In the units of the game; positive means the player helps. They add up to `total`.
    std_errors : tuple of float or None
        Standard error of each value over the replicates; None with a single replicate.
    total : float
        Value of everybody together minus the value of nobody.
    replicates : int
        Number of paired evaluations of each coalition.
    """

    players: tuple[str, ...]
    values: tuple[float, ...]
    std_errors: tuple[float | None, ...]
    total: float
    replicates: int

    def to_dict(self) -> dict[str, object]:
        """Plain values, ready for JSON."""
        return {
            "players": list(self.players),
            "values": list(self.values),
            "std_errors": list(self.std_errors),
            "total": self.total,
            "replicates": self.replicates,
        }

    def __repr__(self) -> str:
        each = ", ".join(
            f"{player} {value:+.4g}" + ("" if error is None else f" ± {error:.2g}")
            for player, value, error in zip(self.players, self.values, self.std_errors, strict=True)
        )
        return f"Shapley({each}; total {self.total:+.4g})"


def coalitions(players: Sequence[str]) -> Iterator[frozenset[str]]:
    """All 2^k subsets of the players, the empty one first, smaller before larger.

    Parameters
    ----------
    players : sequence of str
        Distinct names, at most 8.

    Yields
    ------
    frozenset of str
        A coalition whose value `exact_shapley` needs.
    """
    _check_players(players)
    for size in range(len(players) + 1):
        yield from map(frozenset, itertools.combinations(players, size))


def exact_shapley(
    players: Sequence[str],
    value: Mapping[frozenset[str], npt.ArrayLike],
    *,
    test_train_ratio: float = 0.0,
) -> Shapley:
    """Shapley values from the values of all 2^k coalitions.

    Parameters
    ----------
    players : sequence of str
        Distinct names, at most 8.
    value : mapping of frozenset of str to (r,) array or float
        What each coalition is worth, larger is better, in r replicates that are paired: entry j
        of every coalition was measured on the same fold of the same repeat.
    test_train_ratio : float, default 0
        0 for independent replicates. For cross-validation folds, the size of a test fold divided
        by the reference rows it trains on: the replicates then share rows, and the variance is
        s²·(1/r + ratio) (Nadeau & Bengio 2003, doi:10.1023/A:1024068626366).

    Returns
    -------
    Shapley
        Values add up to v(all) − v(nobody) to the last rounding.
    """
    worth = {
        one: np.atleast_1d(np.asarray(value[one], dtype=np.float64))
        for one in coalitions(players)
        if one in value
    }
    if missing := [one for one in coalitions(players) if one not in worth]:
        raise InputError(
            f"the value of {len(missing)} coalition(s) is missing, for example "
            f"{sorted(missing[0])}; expected all {2 ** len(players)}"
        )
    lengths = {array.shape for array in worth.values()}
    if len(lengths) != 1 or len(next(iter(lengths))) != 1:
        raise InputError(f"expected the same number of replicates everywhere, got {lengths}")
    if not all(np.isfinite(array).all() for array in worth.values()):
        raise InputError("a coalition's value is not finite; expected finite scores everywhere")
    k = len(players)
    replicates = len(next(iter(worth.values())))
    weight = [math.factorial(s) * math.factorial(k - s - 1) / math.factorial(k) for s in range(k)]
    per_replicate = np.array(
        [
            sum(
                weight[len(one)] * (worth[one | {player}] - array)
                for one, array in worth.items()
                if player not in one
            )
            for player in players
        ]
    )
    errors: tuple[float | None, ...] = (None,) * k
    if replicates > 1:
        spread = per_replicate.var(axis=1, ddof=1)
        errors = tuple(np.sqrt(spread * (1 / replicates + test_train_ratio)).tolist())
    total = worth[frozenset(players)] - worth[frozenset()]
    return Shapley(
        players=tuple(players),
        values=tuple(per_replicate.mean(axis=1).tolist()),
        std_errors=errors,
        total=float(total.mean()),
        replicates=replicates,
    )


def shares(shapley: Shapley, payable: Sequence[str], *, level: float = 0.05) -> dict[str, int]:
    """Shares of the contributors' part, in whole units, of those whose data really helped.

    Parameters
    ----------
    shapley : Shapley
        Measured values.
    payable : sequence of str
        Players that may be paid (those that have an address).
    level : float, default 0.05
        A player is paid when its value is positive and above noise: a one-sided t test of
        H0: value ≤ 0 over the replicates rejects at this level. With a single replicate there is
        no noise estimate and being positive is enough.

    Returns
    -------
    dict of str to int
        In proportion to the values, by largest remainder (ties go to the name that sorts first);
        the numbers add up to 10 000, or to 1e12 among more people than one payment lists
        (`MOST_LISTED`), and nobody with 0 is listed. Empty when nobody qualifies.
    """
    from scipy import special  # noqa: PLC0415 - 0.1 s that only valuation needs

    known = frozenset(shapley.players)
    for name in payable:
        if name not in known:
            raise UnknownName(f"{name!r} is not a player{did_you_mean(name, shapley.players)}")
    paid = frozenset(payable)
    margin = float(special.stdtrit(max(shapley.replicates - 1, 1), 1.0 - level))
    earned = {
        player: value
        for player, value, error in zip(
            shapley.players, shapley.values, shapley.std_errors, strict=True
        )
        if player in paid and value > 0.0 and value > margin * (error or 0.0)
    }
    whole = WEIGHT_TOTAL if len(earned) <= MOST_LISTED else FINE_TOTAL
    total = sum(map(Fraction, earned.values()))
    exact = {player: whole * Fraction(value) / total for player, value in earned.items()}
    parts = {player: math.floor(part) for player, part in exact.items()}
    order = sorted(exact, key=lambda player: (parts[player] - exact[player], player))
    for player in order[: whole - sum(parts.values())] if earned else []:
        parts[player] += 1
    return {player: part for player, part in parts.items() if part > 0}


def _check_players(players: Sequence[str]) -> None:
    if not players:
        raise InputError("there is nobody to value; expected at least one contributor")
    if len(set(players)) != len(players):
        raise InputError(f"contributors are named twice in {list(players)}")
    if len(players) > MOST_PLAYERS:
        raise InputError(
            f"{len(players)} contributors would need {2 ** len(players)} refits; expected at most "
            f"{MOST_PLAYERS} for exact values. Join some of them, or wait for valuation by "
            "sampling, which a later version adds"
        )
