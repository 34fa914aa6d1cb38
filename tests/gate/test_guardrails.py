import json
from dataclasses import replace

import numpy as np
import pytest
from gate_cases import COMPARISON, case
from hypothesis import given
from hypothesis import strategies as st

from hokusai_mlflow.errors import InputError, UnknownName
from hokusai_mlflow.evidence import canonical
from hokusai_mlflow.gate import GatePolicy, Guarded, Guardrail, compare_guarded, decide
from hokusai_mlflow.gate.guardrails import Guardrails
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.stats.holm import holm

MARGIN = 200.0


def _rail(p_value=0.001, *, error=50.0, improvement=0.0, high=100.0, name="mae", **changed):
    """A guardrail by a t test; 80 % power at Δ = 0 needs an error below about 200 / 2.5 bps."""
    comparison = replace(
        COMPARISON,
        test="t+hall",
        discordant=None,
        level=0.05,
        min_effect_bps=-MARGIN,
        p_value=p_value,
        planning_error_bps=error,
        improvement_bps=improvement,
        ci_high_bps=high,
    )
    return Guarded(name, MARGIN, comparison.n, replace(comparison, **changed))


SHORT = Guarded("f1 where sex=1", MARGIN, 12, None, "12 examples of at least 30")
SKIPPED = replace(SHORT, skipped=True)


def _judge(*rails, **policy):
    return Guardrails().evaluate(case(policy=GatePolicy(**policy), guardrails=rails))


@pytest.mark.parametrize(
    ("rails", "outcome"),
    [
        ([], "not_applicable"),
        ([SKIPPED], "not_applicable"),
        ([_rail()], "passed"),
        ([_rail(), SKIPPED], "passed"),
        ([_rail(0.05)], "passed"),
        ([_rail(0.0501)], "failed"),
        # Holm: the smallest of two must be at most 0.025, then the other at most 0.05.
        ([_rail(0.025), _rail(0.05)], "passed"),
        ([_rail(0.026), _rail(0.05)], "failed"),
        # Without the power to show equal models not inferior, nothing is said of the candidate.
        ([_rail(0.2, error=81.0)], "insufficient"),
        ([_rail(0.2, error=79.0)], "failed"),
        # Shown all the same, or shown to be worse all the same.
        ([_rail(0.01, error=500.0)], "passed"),
        ([_rail(1.0, error=500.0, improvement=-900.0, high=-201.0)], "failed"),
        ([_rail(1.0, error=500.0, improvement=-900.0, high=-199.0)], "insufficient"),
        ([SHORT], "insufficient"),
        ([_rail(), SHORT], "insufficient"),
        ([_rail(0.9), SHORT], "failed"),
        ([_rail(float("nan"))], "failed"),
    ],
)
def test_the_outcome_of_every_combination(rails, outcome):
    finding = _judge(*rails)
    assert finding.outcome == outcome
    assert bool(finding.remedy) == (outcome in ("failed", "insufficient"))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.floats(0.01, 0.2))
def test_all_pass_when_holm_rejects_all(p_values, alpha):
    rails = [_rail(p, name=f"rail-{at}") for at, p in enumerate(p_values)]
    passed = _judge(*rails, guardrail_alpha=alpha).outcome == "passed"
    assert passed == all(p <= alpha for p in holm(p_values))


def test_too_little_evidence_says_how_much_it_would_take_and_not_what_was_measured():
    short = _rail(0.2, error=400.0, improvement=-98.7)
    finding = _judge(short)
    needed = short.comparison.required_n(0.0)
    assert needed > short.n
    assert f"{needed:,} examples for mae" in finding.remedy
    decision = decide(case(guardrails=(short,)))
    assert (decision.verdict, decision.required_n) == ("hold", needed)
    assert f"{needed:,}" in decision.would_change_it
    assert "98.7" not in json.dumps(finding.to_dict())


def test_what_is_left_out_is_named():
    finding = _judge(_rail(), SKIPPED)
    assert "f1 where sex=1 not tested (12 examples" in finding.message


def test_a_guardrail_that_fails_rejects_an_improvement():
    decision = decide(case(guardrails=(_rail(0.9),)))
    assert decision.verdict == "reject"
    assert [finding.code for finding in decision.reasons] == ["guardrails"]
    assert canonical(decision.to_dict())


def _labels(n, lost, won, seed=0):
    truth = np.zeros(n, dtype=int)
    said = np.zeros((2, n), dtype=int)
    said[1, :lost] = 1
    said[0, lost : lost + won] = 1
    return truth, *said


def test_few_discordant_pairs_are_no_proof_of_little_variance():
    """60 equal answers: the largest loss that they are at odds with is about 4 %, not 0."""
    of = metric("accuracy")
    found = compare_guarded("slice", of, *_labels(60, 0, 0), margin_bps=200, level=0.05)
    assert found.p_value > 0.05
    assert not found.powered
    assert _judge(found).outcome == "insufficient"
    enough = compare_guarded(
        "slice", of, *_labels(found.required_n, 0, 0), margin_bps=200, level=0.05
    )
    assert enough.powered
    assert enough.p_value <= 0.05


@pytest.mark.parametrize(
    ("lost", "won", "outcome"),
    [(20, 20, "passed"), (80, 20, "failed"), (300, 0, "failed"), (20, 80, "passed")],
)
def test_a_loss_on_a_slice_is_seen(lost, won, outcome):
    given = [np.concatenate([one, one]) for one in _labels(2_000, lost, won)]
    where = np.arange(4_000) < 2_000
    found = compare_guarded(
        "slice", metric("accuracy"), *given, margin_bps=200, level=0.05, where=where
    )
    assert found.n == 2_000
    assert found.comparison.min_effect_bps == -200
    assert _judge(found).outcome == outcome


def test_equal_models_pass_as_often_as_the_power_says():
    rng, of = np.random.default_rng(5), metric("mae", cap=50)
    passed, powered = 0, 0
    for _ in range(200):
        truth = rng.normal(0, 1, 1_000)
        b, c = (truth + rng.normal(0, 1, 1_000) for _ in range(2))
        found = compare_guarded("mae", of, truth, b, c, margin_bps=870, level=0.05)
        powered += found.powered
        passed += found.p_value <= 0.05
    assert powered >= 100
    assert 0.72 <= passed / 200 <= 0.95


def test_a_metric_without_a_value_on_a_slice_is_not_enough_evidence():
    truth = np.repeat([0, 1], 100)
    scores = np.linspace(0, 1, 200)
    of = metric("roc_auc").bind(truth)
    found = compare_guarded(
        "auc", of, truth, scores, scores[::-1], margin_bps=100, level=0.05, where=truth == 1
    )
    assert found.comparison is None
    assert found.p_value == 1.0
    assert _judge(found).outcome == "insufficient"


@pytest.mark.parametrize(("least", "skipped"), [(0, False), (29, False), (30, True)])
def test_a_small_slice_is_not_ignored_unless_the_policy_says_so(least, skipped):
    where = np.arange(100) < 29
    found = compare_guarded(
        "slice",
        metric("accuracy"),
        *_labels(100, 1, 1),
        margin_bps=100,
        level=0.05,
        where=where,
        min_examples=least,
    )
    assert found.skipped == skipped
    assert _judge(found).outcome == ("not_applicable" if skipped else "insufficient")


def test_few_groups_are_few_units():
    found = compare_guarded(
        "slice",
        metric("accuracy"),
        *_labels(100, 1, 1),
        margin_bps=100,
        level=0.05,
        groups=np.arange(100) % 29,
    )
    assert "29 groups of at least 30" in found.why_not


def test_a_tail_of_a_few_examples_decides_nothing():
    truth = np.zeros(400)
    b, c = np.ones(400), np.full(400, 0.9)
    c[0] = 300.0
    found = compare_guarded("mae", metric("mae"), truth, b, c, margin_bps=9_000, level=0.05)
    assert "a few examples decide" in found.why_not
    assert found.p_value == 1.0


@pytest.mark.parametrize("margin", [0, -1, float("nan")])
def test_a_margin_is_above_zero(margin):
    with pytest.raises(InputError, match="a margin above 0"):
        compare_guarded("x", metric("accuracy"), *_labels(50, 1, 1), margin_bps=margin, level=0.05)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"margin_bps": 10}, "a metric, a slice, or both"),
        ({"margin_bps": 10, "options": {"cap": 1}, "slice": {"a": "b"}}, "none is named"),
        ({"metric": "mae"}, "margin_bps"),
        ({"metric": "mae", "margin_bps": 0}, "margin_bps"),
    ],
)
def test_a_guardrail_that_guards_nothing_is_refused(given, said):
    with pytest.raises(ValueError, match=said):
        Guardrail.model_validate(given)


def test_slices_are_text_whatever_yaml_reads():
    rail = Guardrail(margin_bps=10, slice={"site": 3, "sex": "f"})
    assert rail.slice == {"site": "3", "sex": "f"}
    assert rail.named("rmse") == "rmse where site=3 and sex=f"


def test_defaults_by_kind_of_model():
    assert GatePolicy.for_task("classification") == GatePolicy()
    regression = GatePolicy.for_task("regression", detectable_bps=700)
    assert (regression.min_improvement_bps, regression.detectable_bps) == (20, 700)
    for task in ("language_model", "text_generation", "human"):
        assert GatePolicy.for_task(task).min_improvement_bps >= 10
    with pytest.raises(UnknownName, match="regression"):
        GatePolicy.for_task("regressions")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"payment_tiers": [50, 100]}, "are for after_reward: keep"),
        ({"after_reward": "keep", "payment_tiers": [100, 50]}, "must ascend"),
        ({"after_reward": "keep", "payment_tiers": [50, 50]}, "must ascend"),
        ({"after_reward": "keep", "payment_tiers": [5, 50]}, "below min_improvement_bps"),
    ],
)
def test_tiers_that_make_no_sense_are_refused(given, said):
    with pytest.raises(ValueError, match=said):
        GatePolicy.model_validate(given)


def test_the_largest_tier_up_to_what_was_measured_is_paid():
    policy = GatePolicy(after_reward="keep", payment_tiers=(25, 50, 100))
    paid = [policy.tier(bps) for bps in (-3, 0, 24, 25, 99, 100, 9_999)]
    assert paid == [0, 0, 0, 25, 50, 100, 100]
    # Nothing is a size, too.
    assert policy.revealed_sizes == len(set(paid)) == 4
    assert GatePolicy().tier(123) == 123
    assert GatePolicy().revealed_sizes == 1
