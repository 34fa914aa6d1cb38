import json

import numpy as np
import pytest

from hokusai_mlflow.contributions.shapley import coalitions
from hokusai_mlflow.evidence import canonical
from hokusai_mlflow.novelty import RECIPE_PLAYER, REFERENCE_PLAYER
from hokusai_mlflow.valuation import (
    Valuation,
    harmful,
    measured_by_coalitions,
    valuation_of,
    without,
)

REPLICATES = 12


def _additive(worth, *, noise=0.0005):
    """Every coalition is worth the sum of its members, on paired replicates."""
    rng = np.random.default_rng(4)
    base = 0.7 + rng.normal(0, 0.05, REPLICATES)
    return {
        coalition: base + sum(worth[one] for one in coalition) + rng.normal(0, noise, REPLICATES)
        for coalition in coalitions(tuple(worth))
    }


def _value(worth, **options):
    found = measured_by_coalitions(tuple(worth), _additive(worth, **options), test_train_ratio=0.5)
    bad = harmful(found.shapley)
    return valuation_of(found, without(found, bad, 0.5) if bad else None)


def test_contributors_are_paid_in_proportion():
    found = _value({"east": 0.03, "west": 0.01})
    assert sum(found.shares.values()) == 10_000
    assert found.shares["east"] == pytest.approx(7_500, abs=200)
    assert found.contributed == 10_000
    assert found.paid_bps(400) == 400


def test_what_the_owner_changed_is_not_paid_to_contributors():
    found = _value({"east": 0.02, RECIPE_PLAYER: 0.02, REFERENCE_PLAYER: 0.04})
    assert found.shares == {"east": 10_000}
    assert found.contributed == pytest.approx(2_500, abs=200)
    assert found.paid_bps(400) == 400 * found.contributed // 10_000


def test_harm_and_noise_earn_nothing():
    found = _value({"east": 0.02, "harmful": -0.03, "noise": 0.0})
    assert found.shares == {"east": 10_000}


def test_those_who_help_are_valued_without_those_who_harm():
    # Good rows repair harm: with it they are worth 0.05, without it 0.02.
    def worth_of(one):
        good = 0.02 * ("east" in one) + 0.02 * ("west" in one)
        return good - 0.06 * ("harm" in one) + 0.06 * ({"harm", "east"} <= one)

    worth = {one: np.full(4, worth_of(one)) for one in coalitions(("east", "harm", "west"))}
    found = measured_by_coalitions(("east", "harm", "west"), worth, test_train_ratio=0.5)
    assert found.shapley.values == pytest.approx((0.05, -0.03, 0.02))
    assert harmful(found.shapley) == ("harm",)
    told = valuation_of(found, without(found, ("harm",), 0.5))
    assert told.shares == {"east": 5_000, "west": 5_000}
    assert told.shapley["values"] == pytest.approx([0.02, -0.03, 0.02])
    assert told.how["left_out"] == ["harm"]
    assert told.how["refits"] == 8 * 4
    assert told.how["share_std_errors"] == pytest.approx({"east": 0.0, "west": 0.0}, abs=1e-9)


def test_the_owners_own_harm_stays_in_the_game():
    found = measured_by_coalitions(
        ("east", RECIPE_PLAYER),
        {
            one: np.full(4, 0.03 * ("east" in one) - 0.01 * (RECIPE_PLAYER in one))
            for one in coalitions(("east", RECIPE_PLAYER))
        },
        test_train_ratio=0.5,
    )
    assert harmful(found.shapley) == ()


def test_when_nobody_helped_nothing_is_paid():
    for worth in ({"east": -0.02}, {"east": 0.0, RECIPE_PLAYER: 0.05}):
        found = _value(worth)
        assert found.shares == {}
        assert found.contributed == 0
        assert found.paid_bps(500) == 0
        assert "nobody" in repr(found)


@pytest.mark.parametrize(
    ("measured", "contributed", "paid"),
    [(101, 5_000, 50), (1, 9_999, 0), (-50, 10_000, 0), (0, 10_000, 0), (225, 10_000, 225)],
)
def test_paid_basis_points_are_rounded_down_and_never_negative(measured, contributed, paid):
    assert Valuation({}, {}, contributed).paid_bps(measured) == paid


def test_values_are_told_with_their_error():
    found = _value({"east": 0.03, "west": 0.01})
    value, error = found.value_of("west")
    assert value == pytest.approx(0.01, abs=0.001)
    assert 0 < error < 0.001
    assert found.value_of("somebody else") == (0.0, None)


def test_a_valuation_comes_back_from_the_evidence():
    found = _value({"east": 0.03, RECIPE_PLAYER: 0.01})
    assert Valuation.from_dict(json.loads(canonical(found.to_dict()))) == found
