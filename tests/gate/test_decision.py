import itertools
import math

import pytest
from gate_cases import case
from hypothesis import given
from hypothesis import strategies as st

from hokusai_mlflow.gate import Decision, Finding, decide

PASSED, FAILED = "passed", "failed"
SHORT, APART = "insufficient", "not_applicable"


class _Says:
    """A rule that always finds the same."""

    def __init__(self, code, outcome):
        self.code, self.outcome, self.title = code, outcome, code

    def evaluate(self, judged):
        return Finding(self.code, self.outcome, "said so", {}, "do something")


def _verdict(**outcomes):
    using = [_Says(code.replace("_", "-"), outcome) for code, outcome in outcomes.items()]
    return decide(case(), using=using).verdict


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        ({"significance": PASSED, "other": PASSED}, "promote"),
        ({"significance": PASSED, "other": APART}, "promote"),
        ({"significance": FAILED, "other": PASSED}, "reject"),
        ({"significance": PASSED, "other": FAILED}, "reject"),
        ({"significance": PASSED, "other": SHORT}, "hold"),
        # Not significant where the data could not have shown it: nothing is known of the model.
        ({"significance": FAILED, "other": SHORT}, "hold"),
        ({"significance": FAILED, "other": SHORT, "third": FAILED}, "reject"),
        ({"significance": SHORT, "other": FAILED}, "reject"),
        ({"significance": APART, "other": APART}, "hold"),
        ({}, "hold"),
        # An outcome nobody knows is not a pass.
        ({"significance": PASSED, "other": "PASSED"}, "reject"),
        ({"significance": PASSED, "other": ""}, "reject"),
    ],
)
def test_the_verdict_of_every_combination(outcomes, verdict):
    assert _verdict(**outcomes) == verdict


def test_only_passes_and_what_does_not_apply_promote():
    for outcomes in itertools.product((PASSED, FAILED, SHORT, APART), repeat=3):
        promoted = _verdict(a=outcomes[0], b=outcomes[1], c=outcomes[2]) == "promote"
        assert promoted == (PASSED in outcomes and set(outcomes) <= {PASSED, APART})


def test_a_clear_case_is_promoted():
    decision = decide(case(), look=3)
    assert decision.promoted
    assert decision.reasons == ()
    assert decision.signature.startswith(
        "accuracy|n:5000|test:tango|level:0.0025|min:10bps|look:3of20|version:"
    )


@pytest.mark.parametrize(
    ("changed", "verdict", "reasons"),
    [
        ({"same_model": True}, "reject", ["distinct-models"]),
        ({"p_value": 0.5}, "reject", ["significance"]),
        ({"detectable_bps": 900.0}, "hold", ["enough-evidence"]),
        (
            {"detectable_bps": 900.0, "p_value": 0.5},
            "hold",
            ["enough-evidence", "significance"],
        ),
        ({"skew": -50.0}, "hold", ["bounded-skew"]),
        ({"crossval": {"p_value": 0.9}}, "reject", ["cross-validation"]),
    ],
)
def test_what_stands_in_the_way_is_told(changed, verdict, reasons):
    decision = decide(case(**changed))
    assert decision.verdict == verdict
    assert [finding.code for finding in decision.reasons] == reasons
    assert all(finding.remedy for finding in decision.reasons)


@given(
    st.dictionaries(
        st.sampled_from(["improvement_bps", "std_error_bps", "p_value", "skew", "detectable_bps"]),
        st.sampled_from([math.nan, math.inf, -math.inf]),
        min_size=1,
    )
)
def test_nan_and_infinity_never_promote(broken):
    assert not decide(case(**broken)).promoted


def test_nan_in_the_folds_never_promotes():
    assert not decide(case(crossval={"p_value": math.nan})).promoted


def test_a_decision_comes_back_as_it_was_written():
    for changed in ({}, {"p_value": 0.9}, {"detectable_bps": 500.0}):
        decision = decide(case(**changed))
        assert Decision.from_dict(decision.to_dict()) == decision
