import json
import math
import sys
from dataclasses import fields, replace
from importlib.metadata import EntryPoint

import numpy as np
import pytest
from gate_cases import COMPARISON, POLICY, case
from hypothesis import given
from hypothesis import strategies as st

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.evidence import canonical
from hokusai_mlflow.gate import Case, GatePolicy, decide, rules
from hokusai_mlflow.gate.raters import AgreeingRaters
from hokusai_mlflow.gate.rules import (
    RULES,
    BoundedSkew,
    CrossValidatedVeto,
    DistinctModels,
    EnoughEvidence,
    FiniteFigures,
    Significance,
)
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.stats.comparison import compare_outputs
from hokusai_mlflow.stats.crossval import corrected_t


def test_the_codes_are_stable():
    # They are in evidence documents that were signed.
    assert [rule.code for rule in rules()] == [
        "distinct-models",
        "finite-figures",
        "enough-evidence",
        "bounded-skew",
        "significance",
        "cross-validation",
        "validation-runs",
        "blocks",
        "guardrails",
        "agreement",
    ]


@pytest.mark.parametrize(("same", "outcome"), [(False, "passed"), (True, "failed")])
def test_the_same_content_is_no_candidate(same, outcome):
    finding = DistinctModels().evaluate(case(same_model=same))
    assert finding.outcome == outcome
    assert bool(finding.remedy) == same


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "figure", ["improvement_bps", "std_error_bps", "p_value", "skew", "detectable_bps"]
)
def test_a_figure_that_is_not_finite_fails_and_is_named(figure, broken):
    finding = FiniteFigures().evaluate(case(**{figure: broken}))
    assert finding.outcome == "failed"
    assert finding.figures["broken"] == [figure]
    assert figure in finding.message


def test_a_p_value_of_the_folds_that_is_not_finite_fails():
    finding = FiniteFigures().evaluate(case(crossval={"p_value": math.nan}))
    assert finding.figures["broken"] == ["crossval_p_value"]
    assert FiniteFigures().evaluate(case()).outcome == "passed"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"detectable_bps": 200.001}, "the policy wants 200"),
        ({"discordant": (20, 9)}, "29 discordant pairs of 30"),
        ({"class_counts": {"0": 4_951, "1": 49}, "needs_classes": True}, "49 examples of a class"),
        ({"class_counts": {"0": 5_000, "1": 0}, "needs_classes": True}, "0 examples of a class"),
        ({"groups": 39}, "39 groups of 40"),
        ({"groups": 2, "test": "two-way-t"}, "2 clusters in one of two ways of 3"),
    ],
)
def test_too_little_data_is_insufficient(changed, said):
    finding = EnoughEvidence().evaluate(case(**changed))
    assert finding.outcome == "insufficient"
    assert said in finding.message
    assert f"{finding.figures['required_n']:,} examples" in finding.remedy


@pytest.mark.parametrize(
    "changed",
    [
        {"detectable_bps": 200.0},
        {"discordant": (0, 30)},
        {"discordant": None},
        {"class_counts": {"0": 4_950, "1": 50}, "needs_classes": True},
        {"class_counts": {"0": 4_999, "1": 1}, "needs_classes": False},
        {"groups": 40},
        {"groups": 3, "test": "two-way-t"},
    ],
)
def test_at_the_threshold_the_data_suffice(changed):
    assert EnoughEvidence().evaluate(case(**changed)).outcome == "passed"


def test_every_shortage_is_told_at_once():
    finding = EnoughEvidence().evaluate(case(detectable_bps=300.0, discordant=(1, 1), groups=2))
    assert finding.message.count(";") == 2


def test_skew_counts_against_the_number_of_units_and_only_on_the_harmful_side():
    at = -0.10 * math.sqrt(5_000)
    assert BoundedSkew().evaluate(case(skew=at + 1e-9)).outcome == "passed"
    assert BoundedSkew().evaluate(case(skew=at - 1e-6)).outcome == "insufficient"
    assert BoundedSkew().evaluate(case(skew=-at * 10)).outcome == "passed"
    few = BoundedSkew().evaluate(case(skew=-1.0, groups=50))
    assert few.outcome == "insufficient"
    assert few.figures["tail"] == pytest.approx(1 / math.sqrt(50))


@pytest.mark.parametrize(
    ("of", "outcome"),
    [
        (metric("mse"), "insufficient"),
        (metric("mae"), "insufficient"),
        (metric("rmse", cap=9.0), "passed"),
        (metric("accuracy"), "passed"),
        (metric("r2"), "passed"),
    ],
)
def test_a_loss_without_a_cap_is_no_evidence(of, outcome):
    judged = Case.of(of, case().comparison, None, GatePolicy())
    assert BoundedSkew().evaluate(judged).outcome == outcome


@pytest.mark.parametrize(
    ("of", "outcome"),
    [
        (metric("human_score", low=1, high=5), "insufficient"),
        (metric("preference"), "insufficient"),
        (metric("mean_score"), "not_applicable"),
    ],
)
def test_ratings_without_agreement_are_no_evidence(of, outcome):
    judged = Case.of(of, case().comparison, None, GatePolicy())
    assert AgreeingRaters().evaluate(judged).outcome == outcome


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({"p_value": 0.0025}, "passed"),
        ({"p_value": 0.002500001}, "failed"),
        ({"p_value": 1.0}, "failed"),
        ({"p_value": math.nan}, "failed"),
        # A p-value that contradicts the improvement's sign is not believed.
        ({"improvement": -0.03}, "failed"),
        ({"improvement": 0.0}, "failed"),
    ],
)
def test_significance_is_at_the_level_of_the_look(changed, outcome):
    finding = Significance().evaluate(case(**changed))
    assert finding.outcome == outcome
    assert bool(finding.remedy) == (outcome == "failed")


@pytest.mark.parametrize(
    ("p_value", "powered", "outcome"),
    [
        (0.19999, True, "passed"),
        (0.19999, False, "passed"),
        (0.20, True, "failed"),
        (0.20, False, "not_applicable"),
        (1.0, True, "failed"),
        (math.nan, True, "failed"),
        (math.nan, False, "not_applicable"),
    ],
)
def test_the_folds_veto_only_when_they_could_have_found_the_improvement(p_value, powered, outcome):
    detectable = 199.0 if powered else 201.0
    crossval = {"p_value": p_value, "detectable_bps": detectable}
    assert CrossValidatedVeto().evaluate(case(crossval=crossval)).outcome == outcome


def test_winning_few_folds_is_no_veto():
    # Fold counts have no power; they are reported only.
    finding = CrossValidatedVeto().evaluate(case(crossval={"folds_won": 1}))
    assert finding.outcome == "passed"
    assert finding.figures["folds_won"] == 1


DELTA = {
    "baseline": st.floats(0, 1),
    "candidate": st.floats(0, 1),
    "improvement": st.floats(-1, 1),
    "improvement_bps": st.floats(-10_000, 10_000),
    "ci_low_bps": st.floats(-10_000, 10_000),
    "ci_high_bps": st.floats(-10_000, 10_000),
    "lower_bound_bps": st.floats(-10_000, 10_000),
    "p_value": st.floats(0, 1),
}
"""Every field of a comparison that depends on the measured improvement."""

SIZES = {
    "n": st.integers(2, 100_000),
    "groups": st.none() | st.integers(2, 100),
    "skew": st.floats(-20, 20),
    "detectable_bps": st.floats(10, 1_000),
    "planning_error_bps": st.floats(0, 1_000),
    "class_counts": st.none() | st.fixed_dictionaries({"a": st.integers(0, 100)}),
}


def test_the_property_below_covers_every_field():
    told = {*DELTA, *SIZES, "discordant", "metric", "test", "level", "min_effect_bps"}
    assert {field.name for field in fields(COMPARISON)} - told == {"std_error_bps", "weighted"}


OUTCOME = st.fixed_dictionaries(DELTA), st.integers(0, 60), st.floats(-1, 1)


@given(st.fixed_dictionaries(SIZES), st.integers(0, 60), st.tuples(*OUTCOME), st.tuples(*OUTCOME))
def test_not_enough_evidence_never_looks_at_the_improvement(sizes, pairs, one, other):
    def insufficient(delta, wins, mean):
        discordant = (min(wins, pairs), pairs - min(wins, pairs))
        given = sizes | delta | {"discordant": discordant}
        judged = case(**given, needs_classes=True, crossval={"mean": mean})
        return [
            (finding.code, finding.message, finding.figures, finding.remedy)
            for rule in RULES
            if (finding := rule.evaluate(judged)).outcome == "insufficient"
        ]

    assert insufficient(*one) == insufficient(*other)


def test_findings_of_every_rule_can_be_signed():
    for changed in ({}, {"detectable_bps": 1e6}, {"p_value": 1.0, "same_model": True}):
        decision = decide(case(**changed))
        assert json.loads(canonical(decision.to_dict())) == decision.to_dict()


@pytest.mark.parametrize(
    "given",
    [{"metric": "accuracy"}, {"metric": "f1", "average": "macro"}, {"metric": "roc_auc"}],
)
def test_two_identical_models_never_promote(given):
    options = dict(given)
    of = metric(options.pop("metric"), **options)
    rng = np.random.default_rng(3)
    targets = rng.integers(0, 2, 4_000)
    said = np.where(rng.random(4_000) < 0.9, targets, 1 - targets)
    output = said + rng.normal(0, 0.1, 4_000) if of.output == "score" else said
    folds = rng.random((10, 10))
    judged = replace(
        case(),
        comparison=compare_outputs(of, targets, output, output, level=0.0025),
        crossval=corrected_t(folds, folds, test_size=100, train_size=900),
    )
    decision = decide(judged)
    assert decision.verdict != "promote"
    assert "significance" in {finding.code for finding in decision.reasons}
    assert canonical(decision.to_dict())


def test_a_model_with_all_the_folds_equal_and_better_can_be_written_down():
    better = corrected_t(np.zeros((1, 3)), np.full((1, 3), 0.1), test_size=1, train_size=2)
    assert better.t == math.inf
    assert canonical(better.to_dict())


class _Extra:
    code = "extra"
    title = "Another requirement"

    def evaluate(self, judged):
        return Significance().evaluate(judged)


def _installed(monkeypatch, *values):
    points = [EntryPoint(f"rule{i}", value, "hokusai.rules") for i, value in enumerate(values)]
    # The package's name `rules` is the function, not the module.
    module = sys.modules["hokusai_mlflow.gate.rules"]
    monkeypatch.setattr(module, "entry_points", lambda group: points)


def test_installed_rules_come_after_the_built_in_ones(monkeypatch):
    _installed(monkeypatch, f"{__name__}:_Extra")
    assert [rule.code for rule in rules()][-1] == "extra"
    assert len(rules()) == len(RULES) + 1


def test_an_installed_rule_can_stop_a_promotion(monkeypatch):
    assert decide(case()).promoted
    _installed(monkeypatch, f"{__name__}:_Refusal")
    decision = decide(case())
    assert decision.verdict == "reject"
    assert [finding.code for finding in decision.reasons] == ["refusal"]


class _Refusal:
    code = "refusal"
    title = "Never"

    def evaluate(self, judged):
        return replace(Significance().evaluate(judged), code="refusal", outcome="failed")


def test_two_rules_of_one_code_are_an_error(monkeypatch):
    _installed(monkeypatch, f"{__name__}:_Extra", f"{__name__}:_Extra")
    with pytest.raises(InputError, match="unique; given twice: extra"):
        decide(case())


def test_a_rule_cannot_take_the_place_of_a_built_in_one(monkeypatch):
    monkeypatch.setattr(_Extra, "code", "significance")
    _installed(monkeypatch, f"{__name__}:_Extra")
    with pytest.raises(InputError, match="significance"):
        rules()


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_improvement_bps": 9},
        {"alpha": 0.0},
        {"alpha": 0.11},
        {"quota": 0},
        {"after_reward": "never"},
        {"detectable_bps": 10},
        {"min_improvement_bps": 300},
        {"cv_veto_p": 1.0},
        {"min_improvement": 20},
    ],
)
def test_a_policy_is_not_lower_than_the_floors(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        GatePolicy(**wrong)


def test_a_policy_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        POLICY.alpha = 0.5
