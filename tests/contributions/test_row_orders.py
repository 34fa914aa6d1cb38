"""Values of rows, added up: what splitting, merging and being small do not change."""

import numpy as np
import pytest
from contributions.games import by_rows
from hypothesis import given
from hypothesis import strategies as st

from hokusai_mlflow.contributions.orders import drawn, laps_of, player_order, row_order

CURVES = {
    "any row is enough": lambda n: float(n > 0),
    "every row is needed": lambda n: float(n >= 120),
    "half of the rows": lambda n: float(n > 60),
    "saturating": lambda n: 1 - np.exp(-n / 6),
    "logarithm": np.log1p,
    "s-shaped": lambda n: 1 / (1 + np.exp((50 - n) / 5)),
    "convex": lambda n: n**3.0,
}


def _spread(rows, names):
    """Rows of one contributor over so many names, and as many rows of another one after them."""
    return np.concatenate([np.arange(rows) * names // rows, np.full(rows, names)])


@pytest.mark.parametrize("blocks", [1, 8])
@pytest.mark.parametrize("names", [1, 2, 7, 60])
@pytest.mark.parametrize("curve", CURVES)
def test_where_rows_are_alike_names_earn_nothing(curve, names, blocks):
    found = by_rows(
        _spread(60, names), lambda mask: CURVES[curve](mask.sum()), pairs=6, blocks=blocks
    ).shapley
    attacker = sum(found.values[:-1]) / found.total
    error = found.std_errors[-1] / abs(found.total)
    assert abs(attacker - 0.5) <= 4 * error + 1e-9
    assert error < 0.05


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=6),
    st.integers(1, 12),
    st.integers(0, 2),
    st.integers(0, 5),
)
def test_an_order_has_every_element_once_in_few_pieces_of_one_player(sizes, blocks, whole, draw):
    players = len(sizes) + whole
    owner = np.repeat(np.arange(players), [*sizes, *[1] * whole])
    shuffled = np.random.default_rng(draw).permutation(owner[: sum(sizes)])
    owner = np.concatenate([shuffled, owner[sum(sizes) :]])
    apart = range(len(sizes), players)
    order = row_order(owner, apart, blocks, drawn("key", 0, draw))
    assert sorted(np.concatenate(order).tolist()) == list(range(len(owner)))
    assert all(len({*owner[piece].tolist()}) == 1 for piece in order)
    laps = laps_of(sizes, blocks)
    assert 1 <= laps <= max(1, blocks)
    assert len(order) <= min(blocks + laps * len(sizes), sum(sizes)) + whole


def test_every_row_is_everywhere_equally_often():
    owner, draws = np.repeat([0, 1, 2], [3, 10, 7]), 4_000
    places = np.zeros((20, 20))
    for draw in range(draws):
        order = np.concatenate(row_order(owner, (), 4, drawn("key", 0, draw)))
        places[order, np.arange(20)] += 1
    # 400 binomial counts of mean 200: five standard deviations.
    assert np.abs(places - draws / 20).max() < 5 * np.sqrt(draws / 20 * 0.95)


def test_orders_follow_from_the_key_and_nothing_else():
    owner = np.repeat([0, 1], 20)

    def laid(*key):
        return np.concatenate(row_order(owner, (), 4, drawn(*key))).tolist()

    assert laid("a", 1, 2) == laid("a", 1, 2)
    assert len({tuple(laid(*key)) for key in (("a", 1, 2), ("b", 1, 2), ("a", 2, 1))}) == 3


def test_three_rows_among_thousands_have_their_own_value():
    # Three rows of a kind that nobody else has; each of the others adds a little.
    owner = np.repeat([0, 1, 2], [3, 2_000, 1_000])

    def worth(mask):
        return 0.3 * float(mask[:3].sum() / 3) + 0.7 * float(mask[3:].mean())

    found = by_rows(owner, worth, pairs=3).shapley
    assert found.values == pytest.approx((0.3, 0.7 * 2 / 3, 0.7 / 3), abs=1e-9)


def test_what_the_owner_changed_comes_as_a_whole():
    # Rows only help under the new recipe: on average half of them are there when it comes.
    owner = np.repeat([0, 1, 2], [30, 10, 1])

    def worth(mask):
        return float(mask[-1]) * float(mask[:-1].mean())

    found = by_rows(owner, worth, pairs=20, whole=(2,)).shapley
    for value, error, expected in zip(
        found.values, found.std_errors, (0.375, 0.125, 0.5), strict=True
    ):
        assert abs(value - expected) <= 4 * error + 1e-9
    order = row_order(owner, (2,), 8, drawn("key", 0, 0))
    assert sum(40 in piece for piece in order) == 1
    assert [len(piece) for piece in player_order(owner, drawn("key", 0, 0))] != [1] * 3
