"""Shares of a payment that follow from values, and how sure they are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from hokusai_mlflow.contributions.shapley import Floats, Shapley
from hokusai_mlflow.deltaone import FINE_TOTAL, MOST_LISTED, WEIGHT_TOTAL
from hokusai_mlflow.errors import UnknownName, did_you_mean


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


def share_errors(shapley: Shapley, paid: Sequence[str]) -> Mapping[str, float]:
    """Standard error of every paid player's share of what they get together, as a fraction.

    By the delta method: share i is φ_i/Σφ over those who are paid, with the gradient
    (δ_ij − share_i)/Σφ with respect to φ_j. That somebody is paid at all is taken as given.

    Parameters
    ----------
    shapley : Shapley
        Values with their covariance; with a single replicate there are no errors.
    paid : sequence of str
        Players with a share, whose values are positive.
    """
    if shapley.covariance is None or not paid:
        return {}
    at = [shapley.players.index(name) for name in paid]
    errors = ratio_errors(np.array(shapley.values)[at], shapley.covariance[np.ix_(at, at)])
    return dict(zip(paid, errors.tolist(), strict=True))


def ratio_errors(values: Floats, covariance: Floats) -> Floats:
    """Standard errors of values divided by their sum.

    Parameters
    ----------
    values : (k,) array
        With a positive sum.
    covariance : (k, k) array
        Of the values.
    """
    total = values.sum()
    gradient = (np.eye(len(values)) - (values / total)[:, None]) / total
    variances = np.einsum("ij,jk,ik->i", gradient, covariance, gradient)
    return np.asarray(np.sqrt(np.maximum(variances, 0.0)))
