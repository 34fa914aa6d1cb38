"""The budget of a sealed hold-out."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hokusai_mlflow.errors import HoldoutExhausted, InputError, LedgerConflict
from hokusai_mlflow.ledger import (
    Ledger,
    accept_look,
    active_holdout,
    looks,
    retire_holdout,
    spend_look,
)


@pytest.fixture
def ledger(tmp_path):
    with Ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        yield opened


def spend(ledger, key, *, holdout="holdout-1", model="digits", **changes):
    terms = {"alpha": 0.05, "quota": 4, "after_reward": "rotate"} | changes
    return spend_look(ledger, model=model, holdout=holdout, test_key=key, attempt=key, **terms)


def test_every_look_of_a_rotating_holdout_runs_at_its_part_of_alpha(ledger):
    spent = [spend(ledger, f"t{number}") for number in range(4)]
    assert [look.number for look in spent] == [1, 2, 3, 4]
    assert all(look.level == pytest.approx(0.05 / 4, rel=1e-15) for look in spent)
    assert looks(ledger, "digits", "holdout-1") == spent
    with pytest.raises(HoldoutExhausted, match="4 times, and its quota is 4: refresh"):
        spend(ledger, "t4")
    assert repr(spent[0]) == "Look(1 of 4 at holdout-1, level 0.0125)"
    assert spent[0].to_dict()["test_key"] == "t0"


def test_the_same_test_is_spent_once(ledger):
    first = spend(ledger, "t")
    assert spend(ledger, "t") == first
    retire_holdout(ledger, "digits", "holdout-1")
    assert spend(ledger, "t") == first, "a rerun after acceptance reads the look it spent"
    assert len(looks(ledger, "digits", "holdout-1")) == 1


@pytest.mark.parametrize(
    "changes", [{"alpha": 0.1}, {"quota": 5}, {"holdout": "holdout-2"}, {"model": "other"}]
)
def test_a_test_key_belongs_to_one_test(ledger, changes):
    spend(ledger, "t")
    with pytest.raises(LedgerConflict, match="digest of champion, candidate, policy"):
        spend(ledger, "t", **changes)


def test_acceptance_retires_a_rotating_holdout(ledger):
    spend(ledger, "t")
    assert active_holdout(ledger, "digits", 2) == "holdout-1"
    accept_look(ledger, "t")
    accept_look(ledger, "t")
    assert active_holdout(ledger, "digits", 2) == "holdout-2"
    with pytest.raises(HoldoutExhausted, match="has retired"):
        spend(ledger, "u")
    spend(ledger, "u", holdout="holdout-2")
    accept_look(ledger, "u")
    with pytest.raises(HoldoutExhausted, match="all 2 hold-outs"):
        active_holdout(ledger, "digits", 2)
    assert active_holdout(ledger, "other", 2) == "holdout-1"
    assert active_holdout(ledger, "digits", 2, attempt="t") == "holdout-1"
    assert ledger.verify() == 6


def test_accepting_what_was_not_spent_is_an_error(ledger):
    with pytest.raises(InputError, match="call spend_look before"):
        accept_look(ledger, "t")


def test_retiring_again_keeps_the_first(ledger):
    first = retire_holdout(ledger, "digits", "holdout-1", "a")
    assert retire_holdout(ledger, "digits", "holdout-1", "b") == first


def test_a_kept_holdout_pays_for_every_acceptance(ledger):
    keep = {"after_reward": "keep", "tiers": 3}
    levels = []
    for number in range(4):
        look = spend(ledger, f"t{number}", **keep)
        levels.append((look.rewards, look.level))
        if number in {0, 2}:
            accept_look(ledger, f"t{number}")
    expected = [(j, 0.05 * 2 ** -(j + 1) / math.comb(4, j + 1) / 3**j) for j in (0, 1, 1, 2)]
    assert levels == [(j, pytest.approx(level, rel=1e-12)) for j, level in expected]


def test_the_terms_of_a_kept_holdout_are_fixed_by_its_first_look(ledger):
    spend(ledger, "t", after_reward="keep")
    for changes in ({"quota": 3}, {"alpha": 0.1}, {"tiers": 2}, {"after_reward": "rotate"}):
        with pytest.raises(InputError, match="once it has been looked at"):
            spend(ledger, "u", **{"after_reward": "keep"} | changes)
    spend(ledger, "u", after_reward="keep")


def test_a_smaller_quota_counts_at_once(ledger):
    spend(ledger, "t0", quota=10)
    spend(ledger, "t1", quota=10)
    with pytest.raises(HoldoutExhausted, match="its quota is 2"):
        spend(ledger, "t2", quota=2)
    assert active_holdout(ledger, "digits", 2, quota=2) == "holdout-2"
    assert active_holdout(ledger, "digits", 2) == "holdout-1"


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(quotas=st.lists(st.integers(1, 12), min_size=1, max_size=14))
def test_whatever_the_quota_becomes_no_more_than_alpha_is_spent(ledger, quotas):
    model = f"m{len(ledger.entries())}"
    for number, quota in enumerate(quotas):
        try:
            spend(ledger, f"{model}/{number}", model=model, quota=quota)
        except HoldoutExhausted:
            continue
    spent = looks(ledger, model, "holdout-1")
    assert sum(look.level for look in spent) <= 0.05 * (1 + 1e-12)
