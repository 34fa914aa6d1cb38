import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hokusai_mlflow.contributions import Shapley, coalitions, exact_shapley, shares
from hokusai_mlflow.errors import InputError, UnknownName

PLAYERS = ("a", "b", "c", "d")
GAMES = st.lists(
    st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=3), min_size=16, max_size=16
).map(lambda rows: dict(zip(coalitions(PLAYERS), map(np.array, rows), strict=True)))


def game(players, worth):
    return {one: np.array([float(worth(one))]) for one in coalitions(players)}


def solve(players, worth):
    return exact_shapley(players, game(players, worth))


def test_glove_game():
    # One right glove, two left gloves: 2/3, 1/6, 1/6.
    found = solve("rlm", lambda one: "r" in one and len(one) > 1)
    assert found.values == pytest.approx((2 / 3, 1 / 6, 1 / 6), abs=1e-15)


def test_airport_game():
    # Runway costs 12, 20, 30: each stretch is shared by those who need it (Littlechild, Owen 1973).
    cost = {"a": 12, "b": 20, "c": 30}
    found = solve("abc", lambda one: -max((cost[p] for p in one), default=0))
    assert found.values == pytest.approx((-4, -4 - 4, -4 - 4 - 10), abs=1e-12)


def test_additive_game():
    worth = {"a": 1.5, "b": -2.0, "c": 0.0, "d": 7.0}
    found = solve("abcd", lambda one: sum(worth[p] for p in one))
    assert found.values == pytest.approx(tuple(worth.values()), abs=1e-12)


@pytest.mark.parametrize("size", range(1, 9))
def test_unanimity_game(size):
    players = "abcdefgh"
    needed = set(players[:size])
    found = solve(players, lambda one: needed <= one)
    expected = [1 / size if p in needed else 0.0 for p in players]
    assert found.values == pytest.approx(expected, abs=1e-12)


@given(GAMES)
def test_is_the_mean_over_orders(worth):
    found = exact_shapley(PLAYERS, worth)
    total = dict.fromkeys(PLAYERS, 0.0)
    for order in itertools.permutations(PLAYERS):
        for place, player in enumerate(order):
            before = frozenset(order[:place])
            total[player] += (worth[before | {player}] - worth[before]).mean() / math.factorial(4)
    assert found.values == pytest.approx(tuple(total.values()), abs=1e-9)


@given(GAMES)
def test_efficiency(worth):
    found = exact_shapley(PLAYERS, worth)
    assert math.fsum(found.values) == pytest.approx(found.total, abs=1e-9)
    assert found.total == pytest.approx(
        (worth[frozenset(PLAYERS)] - worth[frozenset()]).mean(), abs=1e-12
    )


@given(GAMES, st.permutations(PLAYERS))
def test_symmetry(worth, names):
    rename = dict(zip(PLAYERS, names, strict=True))
    renamed = {frozenset(rename[p] for p in one): value for one, value in worth.items()}
    before, after = exact_shapley(PLAYERS, worth), exact_shapley(PLAYERS, renamed)
    for player, value in zip(PLAYERS, before.values, strict=True):
        assert after.values[PLAYERS.index(rename[player])] == pytest.approx(value, abs=1e-9)


@given(GAMES)
def test_null_player(worth):
    worth = {one: worth[one - {"d"}] for one in worth}
    found = exact_shapley(PLAYERS, worth)
    assert found.values[3] == 0.0
    assert found.std_errors[3] == 0.0
    assert "d" not in shares(found, PLAYERS)


@given(GAMES, GAMES)
def test_additivity(one, other):
    both = exact_shapley(PLAYERS, {key: one[key] + other[key] for key in one})
    apart = np.add(exact_shapley(PLAYERS, one).values, exact_shapley(PLAYERS, other).values)
    assert both.values == pytest.approx(apart, abs=1e-8)


def test_std_errors_are_paired_and_cover():
    # A shared disturbance of each replicate cancels; what remains is the player's own noise.
    random = np.random.default_rng(5)
    hits = 0
    for _ in range(400):
        shared, own = random.normal(0, 9, 15), random.normal(0, 1, 15)
        found = exact_shapley(
            "ab",
            {one: shared + (2 + own) * ("a" in one) + 3 * ("b" in one) for one in coalitions("ab")},
        )
        assert found.std_errors[0] == pytest.approx(own.std(ddof=1) / 15**0.5)
        assert found.std_errors[1] == pytest.approx(0.0, abs=1e-12)
        hits += abs(found.values[0] - 2) < 2.145 * found.std_errors[0]
    assert 0.92 < hits / 400 < 0.98


def test_overlapping_replicates_have_larger_errors():
    random = np.random.default_rng(1)
    worth = {one: random.normal(size=10) for one in coalitions("ab")}
    plain, folds = exact_shapley("ab", worth), exact_shapley("ab", worth, test_train_ratio=0.25)
    assert np.divide(folds.std_errors, plain.std_errors) == pytest.approx(math.sqrt(3.5))


def shapley(values, errors=None, replicates=15):
    players = tuple("abcdefgh"[: len(values)])
    return Shapley(players, tuple(values), tuple(errors or [0.0] * len(values)), 1.0, replicates)


def test_shares_largest_remainder():
    assert shares(shapley([1.0, 1.0, 1.0]), "abc") == {"a": 3334, "b": 3333, "c": 3333}
    assert shares(shapley([2.0, 1.0, -5.0]), "abc") == {"a": 6667, "b": 3333}


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=8))
def test_shares_add_up(values):
    found = shares(shapley(values), "abcdefgh"[: len(values)])
    assert sum(found.values()) == (10_000 if max(values) > 0 else 0)
    assert all(value > 0 for value in found.values())
    total = sum(value for value in values if value > 0)
    for player, value in zip("abcdefgh", values, strict=False):
        assert abs(found.get(player, 0) - max(value, 0) / (total or 1) * 10_000) <= 1


def test_shares_need_to_be_above_noise_and_payable():
    found = shapley([0.10, 0.10, 0.10], [0.02, 0.06, 0.02])
    assert shares(found, "abc") == {"a": 5000, "c": 5000}
    assert shares(found, "bc") == {"c": 10_000}
    assert shares(found, []) == {}
    with pytest.raises(UnknownName, match="not a player"):
        shares(found, ["z"])


def test_bad_games():
    players = [f"p{i}" for i in range(13)]
    with pytest.raises(InputError, match="at most 12"):
        exact_shapley(players, {})
    with pytest.raises(InputError, match="named twice"):
        exact_shapley(["a", "a"], {})
    with pytest.raises(InputError, match="nobody"):
        exact_shapley([], {})
    with pytest.raises(InputError, match="missing"):
        exact_shapley("ab", {frozenset(): [0.0]})
    worth = game("a", len)
    with pytest.raises(InputError, match="replicates"):
        exact_shapley("a", {**worth, frozenset("a"): [1.0, 2.0]})
    with pytest.raises(InputError, match="finite"):
        exact_shapley("a", {**worth, frozenset("a"): [math.nan]})


def test_result_is_plain():
    found = exact_shapley("ab", {one: [len(one), len(one) + 0.5] for one in coalitions("ab")})
    assert found.to_dict()["values"] == [1.0, 1.0]
    assert repr(found) == "Shapley(a +1 ± 0, b +1 ± 0; total +2)"
    assert solve("a", len).std_errors == (None,)
    assert shares(solve("a", len), "a") == {"a": 10_000}
