"""Whose data an improvement is due to, and what part of it is paid for.

The players of the game are whoever changed something between champion and candidate: every
contributor with new rows, and the owner where the recipe or the reference rows changed. The
owner's part of the improvement is not paid to contributors: it lowers the paid basis points.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hokusai_mlflow.contributions.effort import Method
from hokusai_mlflow.contributions.sampling import sampled_values
from hokusai_mlflow.contributions.shapley import Shapley, exact_shapley, leave_one_out
from hokusai_mlflow.contributions.shares import share_errors, shares
from hokusai_mlflow.deltaone import WEIGHT_TOTAL
from hokusai_mlflow.novelty import RECIPE_PLAYER, REFERENCE_PLAYER

OWNERS = (RECIPE_PLAYER, REFERENCE_PLAYER)
MOST_NAMED = 8
MOST_WORTH_TOLD = 256
"""Coalitions whose worth evidence lists; of more it would be the longest part."""


@dataclass(frozen=True, repr=False)
class Valuation:
    """Values, shares, and the contributors' part.

    Attributes
    ----------
    shapley : mapping
        `Shapley.to_dict()`: values in units of the metric's improvement, with standard errors.
    shares : mapping of str to int
        Contributors' shares in units of `share_total`; empty when nobody's data helped.
    contributed : int
        Part of the improvement that is due to contributors, in 1e-4.
    worth : tuple of mapping
        Of every coalition: its ``members`` and its ``mean`` goodness over all replicates, positive
        = better. Exact values follow from these; of sampled ones nobody and everybody are told. Of
        more than 256 coalitions, none.
    how : mapping
        ``method``, ``refits`` and ``max_refits``, ``share_std_errors`` (fractions of the shares,
        by the delta method), and of sampled values ``rounds``, ``precision``, the
        ``sampling_error`` reached, and ``stopped``: ``precise`` or ``budget``. Where somebody did
        harm, ``left_out`` and ``total_without``: values and shares of the others are those of the
        game without them. Empty in evidence of a time when all values were exact.
    """

    shapley: Mapping[str, Any]
    shares: Mapping[str, int]
    contributed: int
    worth: tuple[Mapping[str, Any], ...] = ()
    how: Mapping[str, Any] = field(default_factory=dict)

    @property
    def share_total(self) -> int:
        """What the shares sum to: 10 000, and 1e12 among more people than one payment lists."""
        return sum(self.shares.values()) or WEIGHT_TOTAL

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form, part of the evidence; ``share_total`` where it is not 10 000."""
        finer = self.share_total != WEIGHT_TOTAL
        return {
            "shapley": dict(self.shapley),
            "shares": dict(self.shares),
            "contributed": self.contributed,
            **({"share_total": self.share_total} if finer else {}),
            "worth": [dict(one) for one in self.worth],
            **({"valuation": dict(self.how)} if self.how else {}),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Valuation:
        """Inverse of `to_dict`."""
        return cls(
            stored["shapley"],
            stored["shares"],
            stored["contributed"],
            tuple(stored.get("worth", ())),
            stored.get("valuation", {}),
        )

    def value_of(self, player: str) -> tuple[float, float | None]:
        """Value of a player and its standard error; 0 for somebody who did not play."""
        names = list(self.shapley["players"])
        if player not in names:
            return 0.0, None
        at = names.index(player)
        return self.shapley["values"][at], self.shapley["std_errors"][at]

    def share_error(self, player: str) -> float | None:
        """Standard error of a player's share, as a fraction; None where it is not known."""
        found = self.how.get("share_std_errors", {}).get(player)
        return None if found is None else float(found)

    def paid_bps(self, measured_bps: int) -> int:
        """The contributors' part of the measured basis points, rounded down, never negative."""
        return max(0, measured_bps) * self.contributed // WEIGHT_TOTAL

    def __repr__(self) -> str:
        whole, named = self.share_total, list(self.shares.items())[:MOST_NAMED]
        told = ", ".join(f"{name} {100 * share / whole:.1f} %" for name, share in named)
        told += (
            f" and {len(self.shares) - len(named):,} more" if len(named) < len(self.shares) else ""
        )
        return f"Valuation({told or 'nobody'}; {self.contributed / 100:.1f} % of the improvement)"


@dataclass(frozen=True)
class Measured:
    """Values of one game, and how they were found.

    Attributes
    ----------
    shapley : Shapley
        The values.
    how : mapping
        As in `Valuation.how`, without the shares' errors.
    worth : mapping of frozenset of str to (r,) array
        What coalitions are worth; of sampled values those of nobody and of everybody.
    """

    shapley: Shapley
    how: Mapping[str, Any]
    worth: Mapping[frozenset[str], np.ndarray] = field(default_factory=dict)


def measured_by_coalitions(
    players: tuple[str, ...],
    worth: Mapping[frozenset[str], np.ndarray],
    *,
    test_train_ratio: float,
    method: Method = "exact",
) -> Measured:
    """Values of the players from those of coalitions.

    Parameters
    ----------
    players : tuple of str
        Contributors and the owner's changes.
    worth : mapping of frozenset of str to (r,) array
        Goodness of every coalition on paired replicates.
    test_train_ratio : float
        Size of a test fold divided by the reference rows it trains on.
    method : {"exact", "leave_one_out"}
        Which value.
    """
    value = leave_one_out if method == "leave_one_out" else exact_shapley
    found = value(players, worth, test_train_ratio=test_train_ratio)
    refits = sum(len(values) for values in worth.values())
    return Measured(found, {"method": method, "refits": refits}, worth)


def measured_by_orders(
    players: tuple[str, ...],
    added: np.ndarray,
    *,
    test_train_ratio: float,
    how: Mapping[str, Any],
) -> Measured:
    """Values of the players from sampled orders.

    Parameters
    ----------
    players : tuple of str
        Contributors and the owner's changes.
    added : (r, m, k) array
        What each player added; see `sampled_values`.
    test_train_ratio : float
        Size of a test fold divided by the reference rows it trains on.
    how : mapping
        Of the record, what this does not know.
    """
    found = sampled_values(players, added, test_train_ratio=test_train_ratio)
    told = {"rounds": added.shape[1], "sampling_error": found.sampling_error}
    return Measured(found.shapley, {**how, **told})


def harmful(found: Shapley) -> tuple[str, ...]:
    """Contributors with a negative value, where others have a positive one."""
    values = dict(zip(found.players, found.values, strict=True))
    bad = tuple(name for name, value in values.items() if value < 0 and name not in OWNERS)
    return bad if any(value > 0 for value in values.values()) else ()


def without(found: Measured, names: tuple[str, ...], test_train_ratio: float) -> Measured:
    """Exact values of the game without some players, from coalitions that are known already."""
    players = tuple(one for one in found.shapley.players if one not in names)
    worth = {one: values for one, values in found.worth.items() if not one & {*names}}
    again = measured_by_coalitions(players, worth, test_train_ratio=test_train_ratio)
    return Measured(again.shapley, {**again.how, "refits": 0})


def valuation_of(first: Measured, again: Measured | None = None) -> Valuation:
    """Shares that are paid for. Only values above noise count, the owner's changes' alike.

    Parameters
    ----------
    first : Measured
        Of everybody.
    again : Measured, optional
        Of those who did no harm, by themselves. Their shares follow from these values: among
        harmful rows good ones are worth more, and whoever brings both, under two names, would be
        paid for the repair of its own damage.
    """
    last = again or first
    found = last.shapley
    everybody = shares(found, found.players)
    contributors = [p for p in found.players if p not in OWNERS]
    due = sum(everybody.get(name, 0) for name in contributors)
    contributed = due * WEIGHT_TOTAL // (sum(everybody.values()) or WEIGHT_TOTAL)
    paid = shares(found, contributors) if contributed else {}
    how = {**last.how, "share_std_errors": dict(share_errors(found, list(paid)))}
    if again is not None:
        how["method"] = first.how["method"]
        how["refits"] = first.how["refits"] + again.how["refits"]
        how["left_out"] = [one for one in first.shapley.players if one not in found.players]
        how["total_without"] = found.total
    return Valuation(_told(first.shapley, found), paid, contributed, _worth(first.worth), how)


def _told(first: Shapley, last: Shapley) -> dict[str, Any]:
    """Everybody's value: of those who did harm what they did to all."""
    latest = dict(zip(last.players, zip(last.values, last.std_errors, strict=True), strict=True))
    early = zip(first.players, zip(first.values, first.std_errors, strict=True), strict=True)
    values, errors = zip(*(latest.get(name, pair) for name, pair in early), strict=True)
    return first.to_dict() | {"values": list(values), "std_errors": list(errors)}


def _worth(worth: Mapping[frozenset[str], np.ndarray]) -> tuple[Mapping[str, Any], ...]:
    if len(worth) > MOST_WORTH_TOLD:
        return ()
    return tuple(
        {"members": sorted(coalition), "mean": float(np.mean(values))}
        for coalition, values in sorted(worth.items(), key=lambda one: sorted(one[0]))
    )
