import pytest

from hokusai_mlflow.contributions.effort import chosen_method, fewest_refits, most_pieces
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.spec import ValuationPlan


def _plan(**given):
    return ValuationPlan(repeats=2, folds=3, **given)


@pytest.mark.parametrize(
    ("plan", "sizes", "whole", "least"),
    [
        # Nobody and everybody, then two rounds of 2 × (8 stretches + 5 laps × 2 seams + 1 whole
        # − 1); and the same again without those who do harm.
        (_plan(), (50, 20), 1, 2 * 6 * (2 + 2 * 2 * 18)),
        (_plan(), (35, 35), 1, 2 * 6 * (2 + 2 * 2 * 12)),
        # Three rows cannot be cut into more than three pieces.
        (_plan(), (2, 1), 0, 2 * 6 * (2 + 2 * 2 * 2)),
        (_plan(method="shapley"), (9,) * 13, 0, 2 * 6 * (2 + 2 * 2 * 12)),
        (_plan(method="leave_one_out"), (50, 20), 1, 2 * 6 * 5),
        # Whoever is alone has the total, whatever the method; and of all coalitions some are
        # those without somebody.
        (_plan(), (50,), 0, 6 * 2),
        (_plan(), (), 2, 6 * 4),
    ],
)
def test_a_budget_below_the_least_is_refused_before_anything_begins(plan, sizes, whole, least):
    plan.model_copy(update={"max_refits": least}).require_affordable(sizes, whole)
    short = plan.model_copy(update={"max_refits": least - 1})
    with pytest.raises(InputError, match=rf"may take {least:,} refits at least.*is {least - 1:,}"):
        short.require_affordable(sizes, whole)


@pytest.mark.parametrize("players", [2, 3, 5, 10, 20])
def test_the_default_budget_is_enough_for_a_giant_among_some(players):
    ValuationPlan().require_affordable((100_000, *[10] * (players - 1)), 2)


@pytest.mark.parametrize(
    ("players", "budget", "found"),
    [(12, 4096 * 6, "exact"), (12, 4096 * 6 - 1, "sampled"), (13, 10**9, "sampled")],
)
def test_exact_up_to_twelve_within_the_budget(players, budget, found):
    told = {"players": players, "divisible": players, "replicates": 6, "max_refits": budget}
    assert chosen_method("shapley", **told) == found


def test_pieces_and_refits_of_many():
    sizes = [5] * 200
    assert most_pieces("rows", sizes, 0, 8) == 208
    assert most_pieces("sampled", sizes, 1, 8) == 201
    assert fewest_refits("leave_one_out", sizes, whole=0, blocks=8, replicates=4) == 4 * 202
