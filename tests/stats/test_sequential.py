"""The levels of all tests that any strategy can reach add up to at most alpha."""

from itertools import product

import pytest

from hokusai_mlflow.errors import HoldoutExhausted, InputError
from hokusai_mlflow.stats import level_for_look


def test_rotate_spends_equal_parts():
    levels = [level_for_look(0.05, 20, look=look) for look in range(1, 21)]
    assert levels == [0.0025] * 20
    assert sum(levels) == pytest.approx(0.05)


@pytest.mark.parametrize("quota", [1, 2, 5, 8])
@pytest.mark.parametrize("tiers", [1, 3])
def test_keep_is_a_union_bound_over_all_transcripts(quota, tiers):
    """Every accept/reject history (with the tier of each payment) leads to one test; sum them."""
    total = 0.0
    for look in range(1, quota + 1):
        for history in product(range(tiers + 1), repeat=look - 1):
            rewards = sum(outcome > 0 for outcome in history)
            total += level_for_look(
                0.05, quota, after_reward="keep", look=look, rewards=rewards, tiers=tiers
            )
    assert total <= 0.05 * (1 + 1e-12)
    assert total == pytest.approx(0.05 * (1 - 2.0**-quota))


def test_used_up():
    with pytest.raises(HoldoutExhausted, match="look 21 of 20"):
        level_for_look(0.05, 20, look=21)
    with pytest.raises(HoldoutExhausted, match="retired"):
        level_for_look(0.05, 20, look=3, rewards=1)


@pytest.mark.parametrize(
    "change",
    [
        {"alpha": 0},
        {"alpha": 0.6},
        {"quota": 0},
        {"quota": 2.5},
        {"look": 0},
        {"rewards": -1},
        {"look": 2, "rewards": 2},
        {"tiers": 0},
        {"after_reward": "kepe"},
    ],
)
def test_bad_input(change):
    with pytest.raises(InputError):
        level_for_look(**({"alpha": 0.05, "quota": 20} | change))
