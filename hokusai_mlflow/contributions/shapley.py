"""Exact Shapley values and leave-one-out values of contributors, with their noise.

The value of a coalition is what the model scores when its training data are the reference rows
plus the rows of the coalition's members. The Shapley value (Shapley 1953,
doi:10.1515/9781400881970-018) is the one division of the total gain that is efficient, symmetric,
additive and gives nothing to a contributor who never changes anything. It is a value of *players*:
whoever comes under two names is two players (see `orders` for values that do not care).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError

MOST_PLAYERS = 12
"""More have more than 4 096 coalitions; their values are sampled."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Shapley:
    """Value of each player, with its standard error.

    Attributes
    ----------
    players : tuple of str
        In the order given.
    values : tuple of float
        In the units of the game; positive means the player helps. Shapley values add up to `total`,
        leave-one-out values do not.
    std_errors : tuple of float or None
        Standard error of each value over the replicates; None with a single replicate.
    total : float
        Value of everybody together minus the value of nobody.
    replicates : int
        Number of paired evaluations of each coalition.
    covariance : (k, k) array or None
        Of the values; its diagonal holds the squared standard errors. None with one replicate.
    """

    players: tuple[str, ...]
    values: tuple[float, ...]
    std_errors: tuple[float | None, ...]
    total: float
    replicates: int
    covariance: Floats | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(
        cls, players: Sequence[str], values: Floats, total: float, covariance: Floats, count: int
    ) -> Shapley:
        """From mean values and their covariance over `count` replicates."""
        errors: tuple[float | None, ...] = (None,) * len(players)
        if count > 1:
            errors = tuple(np.sqrt(np.diag(covariance)).tolist())
        kept = covariance if count > 1 else None
        return cls(tuple(players), tuple(values.tolist()), errors, total, count, kept)

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
        Distinct names, at most 12.

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
        Distinct names, at most 12.
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
    worth = _measured(value, list(coalitions(players)))
    k = len(players)
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
    return _result(players, per_replicate, worth, test_train_ratio)


def leave_one_out(
    players: Sequence[str],
    value: Mapping[frozenset[str], npt.ArrayLike],
    *,
    test_train_ratio: float = 0.0,
) -> Shapley:
    """What would be lost without each player, everybody else being there.

    The cheapest value, k + 2 coalitions, and a harsh one: of two contributors who bring the same,
    neither is missed.

    Parameters
    ----------
    players : sequence of str
        Distinct names, of any number.
    value : mapping of frozenset of str to (r,) array or float
        As for `exact_shapley`, of the coalitions that `all_but_one` lists.
    test_train_ratio : float, default 0
        As for `exact_shapley`.

    Returns
    -------
    Shapley
        Values that need not add up to the total.
    """
    worth = _measured(value, list(all_but_one(players)))
    everybody = frozenset(players)
    lost = np.array([worth[everybody] - worth[everybody - {player}] for player in players])
    return _result(players, lost, worth, test_train_ratio)


def all_but_one(players: Sequence[str]) -> Iterator[frozenset[str]]:
    """Nobody, everybody, and everybody but each: what `leave_one_out` needs, each once."""
    _check_distinct(players)
    everybody = frozenset(players)
    yield from dict.fromkeys([frozenset(), everybody, *(everybody - {one} for one in players)])


def replicate_covariance(per_replicate: Floats, test_train_ratio: float) -> Floats:
    """Covariance of the means of k values over r replicates whose training rows overlap.

    Parameters
    ----------
    per_replicate : (k, r) array
        Every value in every replicate.
    test_train_ratio : float
        See `exact_shapley`.
    """
    k, r = per_replicate.shape
    if r < 2:
        return np.zeros((k, k))
    return np.cov(per_replicate).reshape(k, k) * (1 / r + test_train_ratio)


def _result(
    players: Sequence[str],
    per_replicate: Floats,
    worth: Mapping[frozenset[str], Floats],
    ratio: float,
) -> Shapley:
    total = worth[frozenset(players)] - worth[frozenset()]
    covariance = replicate_covariance(per_replicate, ratio)
    means = per_replicate.mean(axis=1)
    return Shapley.of(players, means, float(total.mean()), covariance, len(total))


def _measured(
    value: Mapping[frozenset[str], npt.ArrayLike], wanted: Sequence[frozenset[str]]
) -> dict[frozenset[str], Floats]:
    """The values that are needed, all of them finite and of one length."""
    worth = {
        one: np.atleast_1d(np.asarray(value[one], dtype=np.float64))
        for one in wanted
        if one in value
    }
    if missing := [one for one in wanted if one not in worth]:
        raise InputError(
            f"the value of {len(missing)} coalition(s) is missing, for example "
            f"{sorted(missing[0])}; expected all {len(wanted)}"
        )
    lengths = {array.shape for array in worth.values()}
    if len(lengths) != 1 or len(next(iter(lengths))) != 1:
        raise InputError(f"expected the same number of replicates everywhere, got {lengths}")
    if not all(np.isfinite(array).all() for array in worth.values()):
        raise InputError("a coalition's value is not finite; expected finite scores everywhere")
    return worth


def _check_players(players: Sequence[str]) -> None:
    _check_distinct(players)
    if len(players) > MOST_PLAYERS:
        raise InputError(
            f"{len(players)} contributors have {2 ** len(players)} coalitions; expected at most "
            f"{MOST_PLAYERS} for exact values. Sample them instead"
        )


def _check_distinct(players: Sequence[str]) -> None:
    if not players:
        raise InputError("there is nobody to value; expected at least one contributor")
    if len(set(players)) != len(players):
        raise InputError(f"contributors are named twice in {list(players)}")
