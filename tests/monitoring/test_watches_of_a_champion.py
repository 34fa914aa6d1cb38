"""What is done when a watch raises an alarm, by the spec's policy."""

import numpy as np
import pytest
from pydantic import ValidationError

from hokusai_mlflow.deltaone import PairedSums
from hokusai_mlflow.metrics.registry import metric
from hokusai_mlflow.monitoring.looking import is_thin
from hokusai_mlflow.monitoring.watches import FIRST_EXAMPLES, Look, judge
from hokusai_mlflow.spec.monitor import MonitorPlan
from hokusai_mlflow.stats.drift import Drift
from hokusai_mlflow.stats.fresh import Fresh
from hokusai_mlflow.stats.paired import paired_scores

ACCURACY = metric("accuracy")


def shown(rng, n, beaten, champion):
    """Hits with these accuracies, as much alike as they can be."""
    u = rng.random(n)
    b, c = (u < beaten).astype(float), (u < champion).astype(float)
    return Look(Fresh.of(b, c), (float(c.min()), float(c.max())))


@pytest.fixture
def rng():
    return np.random.default_rng(12)


@pytest.fixture
def promotion(rng):
    return shown(rng, 4_000, 0.80, 0.85).fresh.sums


def say(looks, promotion, *, drift=(), has_beaten=True, grouped=False, **plan):
    return judge(
        MonitorPlan(**plan),
        ACCURACY,
        looks,
        promotion=promotion,
        grouped=grouped,
        has_beaten=has_beaten,
        drift=drift,
    )


def drift(low):
    return Drift("age", "number", low + 0.1, low, low + 0.2, 0.3, 0.1, 0.5, 1.0, 1_000, 500)


def test_it_holds(rng, promotion):
    said = say([shown(rng, 1_000, 0.80, 0.85) for _ in range(5)], promotion)
    assert (said.status, said.reasons) == ("ok", ())
    assert set(said.watched) == {"worse", "shrunk", "declined"}


def test_worse_than_the_beaten_model(rng, promotion):
    looks = [shown(rng, 1_000, 0.85, 0.80) for _ in range(3)]
    said = say(looks, promotion)
    assert said.status == "roll_back"
    assert "worse than the model that it beat" in said.reasons[0]
    for action, status in (("warn", "warn"), ("note", "warn"), ("ignore", "warn")):
        # The improvement has shrunk too, and that is a warning.
        assert say(looks, promotion, on_worse=action).status == status
    only = {"on_shrunk": "ignore", "on_declined": "ignore"}
    assert say(looks, promotion, on_worse="note", **only).status == "note"
    assert say(looks, promotion, on_worse="ignore", **only).reasons == ()
    assert say(looks, promotion, worse_bps=5_000.0, **only).status == "ok"


def test_an_improvement_that_shrinks_and_a_score_that_falls_are_told_apart(rng, promotion):
    shrunk = say([shown(rng, 2_000, 0.85, 0.855) for _ in range(8)], promotion)
    assert shrunk.status == "warn"
    assert [reason.split(" is ")[0] for reason in shrunk.reasons] == ["the champion's improvement"]
    both_fell = say([shown(rng, 2_000, 0.70, 0.75) for _ in range(3)], promotion)
    assert [reason.split(" is ")[0] for reason in both_fell.reasons] == ["the champion's own score"]


def test_grouped_scores_have_no_bounds(rng, promotion):
    looks = [shown(rng, 1_000, 0.85, 0.80) for _ in range(3)]
    strict, loose = say(looks, promotion), say(looks, promotion, grouped=True)
    assert loose.status == "roll_back"
    assert loose.watched["worse"].evidence != strict.watched["worse"].evidence


@pytest.mark.parametrize("largest", [3, 9])
def test_losses_of_groups_compare_models_not_batches(largest):
    """Scores are divided by the largest group of their own call: their level says nothing."""
    mse, looks = metric("mse", cap=9.0), []
    rng = np.random.default_rng(3)

    def scores(users, most):
        rows = np.repeat(np.arange(users), np.r_[most, rng.integers(1, 4, users - 1)])
        truth = rng.normal(size=len(rows))
        said = [truth + spread * rng.normal(size=len(rows)) for spread in (1.1, 1.0)]
        return paired_scores(mse, truth, *said, groups=rows.astype(str))

    before = PairedSums.of(*scores(2_000, 3))
    for _ in range(8):
        b, c = scores(60, largest)
        looks.append(Look(Fresh.of(b, c), (float(c.min()), float(c.max()))))
    options = {"promotion": before, "grouped": True, "has_beaten": True}
    said = judge(MonitorPlan(), mse, looks, **options)
    assert (said.status, set(said.watched) - {"shrunk"}) == ("ok", {"worse"})


def test_a_value_that_is_no_mean_waits_for_enough_of_every_class():
    rare = np.r_[np.ones(9, dtype=int), np.zeros(400, dtype=int)]
    assert is_thin(metric("f1"), "class", rare)
    assert not is_thin(metric("f1"), "class", np.r_[rare, 1])
    assert not is_thin(metric("f1"), "class", np.r_[rare, np.zeros(2_000, dtype=int)])
    assert not is_thin(ACCURACY, "class", rare)


def test_a_baseline_is_compared_with_its_own_first_examples(rng):
    looks = [shown(rng, FIRST_EXAMPLES // 2, 0.8, 0.8) for _ in range(2)]
    assert say(looks, None, has_beaten=False).watched == {}
    looks += [shown(rng, 1_000, 0.6, 0.6) for _ in range(3)]
    said = say(looks, None, has_beaten=False)
    assert (said.status, set(said.watched)) == ("warn", {"declined"})


def test_drift_counts_by_the_lower_end_of_its_effect(rng, promotion):
    looks = [shown(rng, 1_000, 0.80, 0.85)]
    assert say(looks, promotion, drift=[drift(0.09)]).status == "ok"
    assert say(looks, promotion, drift=[drift(0.15)]).status == "note"
    said = say(looks, promotion, drift=[drift(0.25)] * 5)
    assert said.status == "warn"
    assert said.reasons[0].startswith(
        "inputs have drifted, 5 of 5: age by 0.35 (0.25 to 0.45 of 1)"
    )
    assert said.reasons[0].endswith("and 2 more")
    assert say(looks, promotion, drift=[drift(0.25)], on_drift="ignore").status == "ok"


@pytest.mark.parametrize(
    "wrong",
    [
        {"on_declined": "roll_back"},
        {"on_drift": "roll_back"},
        {"alpha": 0.5},
        {"min_examples": 5},
        {"batches_per_year": 1},
        {"worse_bps": -1},
        {"drift": {"note": 0.3, "warn": 0.2}},
        {"dat": "fresh.csv"},
    ],
)
def test_policies_that_are_refused(wrong):
    with pytest.raises(ValidationError):
        MonitorPlan(**wrong)


def test_a_look_survives_the_ledger(rng):
    look = shown(rng, 100, 0.8, 0.9)
    assert Look.from_dict(look.to_dict()) == look
    assert PairedSums.from_dict(look.to_dict()["sums"]) == look.fresh.sums
