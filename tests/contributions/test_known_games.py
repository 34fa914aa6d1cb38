"""Exact and sampled values on games whose values are known, in closed form or from pyDVL."""

import math

import numpy as np
import pytest
from contributions.games import (
    airport,
    airport_values,
    apex_values,
    by_players,
    glove,
    glove_values,
    unanimity,
    voting,
)

from hokusai_mlflow.contributions import coalitions, exact_shapley, leave_one_out
from hokusai_mlflow.contributions.shapley import all_but_one

COSTS = {"a": 12.0, "b": 20.0, "c": 30.0, "d": 41.0, "e": 57.0, "f": 64.0}
LEFT, RIGHT = frozenset("abcd"), frozenset("r")
VOTES = {"big": 5, **{f"s{i}": 1 for i in range(6)}}
GAMES = {
    "airport": (airport(COSTS), airport_values(COSTS)),
    "glove": (glove(LEFT, RIGHT), glove_values(LEFT, RIGHT)),
    "voting": (voting(VOTES, 6), apex_values(6)),
    "unanimity": (unanimity({"a", "c"}), {"a": 0.5, "b": 0.0, "c": 0.5, "d": 0.0}),
}
# pyDVL 0.10.0 (pydvl.valuation: ShapleyValuation with DeterministicUniformSampler, on subclasses of
# its Game with these coalition values), run in an environment of its own on 26 November 2026. It is
# LGPL-3, and so no dependency of ours.
SHOES = {str(i) for i in range(3)}, {str(i) for i in range(3, 8)}
WEIGHTS = {"0": 9, "1": 7, "2": 5, "3": 4, "4": 3, "5": 2, "6": 1}


def _interacting(one):
    members = {int(name) for name in one}
    return (
        sum(math.sqrt(i + 1) for i in members) ** 0.7
        - 0.3 * ({0, 3} <= members)
        + 0.2 * ({1, 2, 4} <= members)
    )


PYDVL = {
    "airport": (
        airport(dict(zip("012345", COSTS.values(), strict=True))),
        [-2.0, -3.6, -6.1, -9.766666666666678, -17.766666666666676, -24.76666666666662],
    ),
    "shoes, 3 left and 5 right": (
        glove(*SHOES),
        [0.7202380952380955] * 3 + [0.16785714285714284] * 5,
    ),
    "voting, more than half": (
        voting(WEIGHTS, 16),
        [
            *(0.3476190476190473, 0.24761904761904743, 0.1476190476190476, 0.11428571428571424),
            *(0.08095238095238091, 0.0476190476190476, 0.014285714285714275),
        ],
    ),
    "unanimity": (unanimity({"0", "2", "5"}), [1 / 3, 0, 1 / 3, 0, 0, 1 / 3, 0]),
    "interacting": (
        _interacting,
        [
            *(0.367748256577381, 0.7759066854696889, 0.919727727131555, 0.8226603218575028),
            *(1.143633511643601, 1.1705089133407536),
        ],
    ),
}


def _exact(players, worth):
    return exact_shapley(players, {one: worth(one) for one in coalitions(players)})


@pytest.mark.parametrize("name", GAMES)
def test_exact_values_are_the_closed_form(name):
    worth, expected = GAMES[name]
    found = _exact(tuple(expected), worth)
    assert found.values == pytest.approx(tuple(expected.values()), abs=1e-12)


@pytest.mark.parametrize("name", PYDVL)
def test_exact_values_are_those_of_pydvl(name):
    worth, expected = PYDVL[name]
    players = tuple(str(i) for i in range(len(expected)))
    assert _exact(players, worth).values == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", GAMES)
def test_sampled_values_approach_the_exact_ones(name):
    worth, expected = GAMES[name]
    found = by_players(tuple(expected), worth, pairs=50).shapley
    distance = np.abs(np.array(found.values) - np.array(list(expected.values())))
    # Four standard errors, of 40 times 50 pairs; where sampling has no noise, rounding only.
    assert (distance <= 4 * np.array(found.std_errors) + 1e-9).all()
    assert max(found.std_errors) < 0.05 * abs(found.total)


@pytest.mark.parametrize("pairs", [1, 3])
@pytest.mark.parametrize("name", GAMES)
def test_sampled_values_are_efficient_from_the_first_order(name, pairs):
    worth, expected = GAMES[name]
    players = tuple(expected)
    found = by_players(players, worth, pairs=pairs).shapley
    assert math.fsum(found.values) == pytest.approx(worth(frozenset(players)), abs=1e-9)
    assert found.total == pytest.approx(worth(frozenset(players)), abs=1e-9)


def test_sampled_values_are_linear_and_leave_null_players_nothing():
    players = tuple("abcdx")
    one, other = airport({**COSTS, "x": 0.0}), glove(LEFT, frozenset("d"))
    apart = [by_players(players, game, pairs=5).shapley.values for game in (one, other)]
    both = by_players(players, lambda s: 2 * one(s) - 3 * other(s), pairs=5).shapley.values
    assert both == pytest.approx(2 * np.array(apart[0]) - 3 * np.array(apart[1]), abs=1e-9)
    assert both[-1] == 0.0


def test_antithetic_pairs_need_fewer_orders():
    # An additive game with a quadratic term is exact in every pair.
    weights = dict(zip("abcd", (1.0, 2.0, 5.0, 7.0), strict=True))

    def squared(one):
        return sum(weights[p] for p in one) ** 2

    found = by_players(tuple(weights), squared, pairs=2).shapley
    assert found.values == pytest.approx(tuple(15 * w for w in weights.values()), abs=1e-9)
    assert max(found.std_errors) == pytest.approx(0.0, abs=1e-9)


def test_leave_one_out_is_what_is_missed():
    worth = {one: voting(VOTES, 6)(one) for one in all_but_one(tuple(VOTES))}
    found = leave_one_out(tuple(VOTES), worth)
    assert found.values == (0.0,) * 7
    assert found.total == 1.0
    alone = leave_one_out("a", {frozenset(): 1.0, frozenset("a"): 4.0})
    assert alone.values == (3.0,)
    costs = {one: airport(COSTS)(one) for one in all_but_one("abcdef")}
    assert leave_one_out("abcdef", costs).values == (0.0,) * 5 + (-7.0,)
