"""Games with known values, for exact and sampled values alike."""

from __future__ import annotations

import numpy as np

from hokusai_mlflow.contributions.orders import drawn, player_order, row_order
from hokusai_mlflow.contributions.sampling import added, sampled_values


def airport(costs):
    """Cost of the longest runway that a coalition needs, as a loss."""
    return lambda one: -max((costs[p] for p in one), default=0.0)


def airport_values(costs):
    """Littlechild & Owen 1973 (doi:10.1287/mnsc.20.3.370): each stretch by those who need it."""
    values = {}
    last = share = 0.0
    ordered = sorted(costs, key=costs.__getitem__)
    for at, player in enumerate(ordered):
        share += (costs[player] - last) / (len(ordered) - at)
        last = costs[player]
        values[player] = -share
    return values


def glove(left, right):
    """Pairs that the members' gloves make."""
    return lambda one: float(min(len(left & one), len(right & one)))


def glove_values(left, right):
    """For one right glove and m left ones: m/(m + 1), and 1/(m(m + 1)) each."""
    assert len(right) == 1
    m = len(left)
    return {**dict.fromkeys(right, m / (m + 1)), **dict.fromkeys(left, 1 / (m * (m + 1)))}


def voting(weights, quota):
    """1 for a majority."""
    return lambda one: float(sum(weights[p] for p in one) >= quota)


def apex_values(small):
    """One with n − 1 votes, n = `small` others with one each, quota n.

    The big one decides unless it comes first or last."""
    others = 2 / (small * (small + 1))
    return {"big": 1 - small * others, **{f"s{i}": others for i in range(small)}}


def unanimity(needed):
    """1 once everybody who is needed is there."""
    return lambda one: float(needed <= one)


def by_players(players, worth, *, pairs, seed="games", replicates=40):
    """Sampled values of whole players."""
    return _sampled(players, np.arange(len(players)), worth, pairs, seed, replicates, None)


def by_rows(owner, worth_of_rows, *, pairs, blocks=8, seed="games", whole=(), replicates=40):
    """Sampled values of rows, added up by owner; `worth_of_rows` takes a mask."""
    players = tuple(str(one) for one in range(int(owner.max()) + 1))
    return _sampled(players, owner, worth_of_rows, pairs, seed, replicates, blocks, whole)


def _sampled(players, owner, worth, pairs, seed, replicates, blocks, whole=()):  # noqa: PLR0917
    def value(mask):
        if blocks is not None:
            return worth(mask)
        return worth(frozenset(players[at] for at in np.flatnonzero(mask)))

    found = [
        [
            added(
                player_order(owner, drawn(seed, r, m))
                if blocks is None
                else row_order(owner, whole, blocks, drawn(seed, r, m)),
                owner,
                len(players),
                value,
            )
            for m in range(pairs)
        ]
        for r in range(replicates)
    ]
    return sampled_values(players, np.array(found))
