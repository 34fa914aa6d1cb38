"""Values from sampled orders: what each player added, averaged, and when that is precise enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hokusai_mlflow.contributions.orders import Positions
from hokusai_mlflow.contributions.shapley import Floats, Shapley
from hokusai_mlflow.contributions.shares import ratio_errors
from hokusai_mlflow.errors import InputError

FEWEST_ROUNDS = 2
"""Pairs of orders per replicate, without which the noise of sampling is not known."""


@dataclass(frozen=True)
class Sampled:
    """Values from sampled orders.

    Attributes
    ----------
    shapley : Shapley
        Values; their errors hold the noise of sampling and of the replicates.
    sampling_error : float or None
        Largest standard error, over the players with a positive value, of a share of what these
        have together, due to sampling alone: what more orders would lessen. None where nobody has
        a positive value, and with a single round.
    """

    shapley: Shapley
    sampling_error: float | None


def added(
    order: Sequence[Positions], owner: Positions, players: int, worth: Callable[[Positions], float]
) -> Floats:
    """What each player adds along an order and along its reverse, on average.

    Parameters
    ----------
    order : sequence of (m,) array
        Elements in pieces, each of one player.
    owner : (n,) array of int
        Player of every element.
    players : int
        How many there are.
    worth : callable
        Value of a set of elements, given as a mask of shape (n,). Called for nobody, for everybody,
        and for each piece but the last in either direction.

    Returns
    -------
    (players,) array
        Adds up to worth(everybody) − worth(nobody).
    """
    found = np.zeros(players)
    whole = np.ones(len(owner), dtype=bool)
    ends = worth(~whole), worth(whole)
    for walk in (order, order[::-1]):
        here, last = ~whole, ends[0]
        for number, piece in enumerate(walk, start=1):
            here = here.copy()
            here[piece] = True
            now = ends[1] if number == len(walk) else worth(here)
            found[owner[piece[0]]] += (now - last) / 2
            last = now
    return found


def sampled_values(
    players: Sequence[str], added_: Floats, *, test_train_ratio: float = 0.0
) -> Sampled:
    """Values from what players added in pairs of orders, and their errors.

    Parameters
    ----------
    players : sequence of str
        k names.
    added_ : (r, m, k) array
        In each of r paired replicates, m pairs of orders.
    test_train_ratio : float, default 0
        As for `exact_shapley`. It enlarges the noise of the replicates, which share training rows,
        but not that of the orders, which are drawn independently: with B the covariance of the
        replicates' means and W that of the pairs within a replicate, the values' covariance is
        B/r + ratio·(B − W/m)₊.

    Returns
    -------
    Sampled
        With the noise of the values, and the part of it that is due to sampling.
    """
    if added_.ndim != 3 or added_.shape[2] != len(players) or not added_.size:
        raise InputError(
            f"expected (replicates, pairs, {len(players)}) numbers, got {added_.shape}"
        )
    if not np.isfinite(added_).all():
        raise InputError("a value is not finite; expected finite scores everywhere")
    r, m, k = added_.shape
    per_replicate = added_.mean(axis=1)
    values = per_replicate.mean(axis=0)
    within = np.zeros((k, k))
    if m > 1:
        apart = (added_ - per_replicate[:, None]).reshape(-1, k)
        within = apart.T @ apart / (r * (m - 1))
    covariance = np.zeros((k, k))
    if r > 1:
        between = np.cov(per_replicate, rowvar=False).reshape(k, k)
        covariance = between / r + test_train_ratio * _positive(between - within / m)
    error = None
    if m > 1 and (values > 0).any():
        up = values > 0
        error = float(ratio_errors(values[up], within[np.ix_(up, up)] / (r * m)).max())
    total = float(values.sum())
    return Sampled(Shapley.of(players, values, total, covariance, r), error)


def _positive(symmetric: Floats) -> Floats:
    """The nearest matrix that is a covariance: without negative eigenvalues."""
    sizes, directions = np.linalg.eigh(symmetric)
    return np.asarray((directions * np.maximum(sizes, 0.0)) @ directions.T)
