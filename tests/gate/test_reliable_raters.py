"""Raters who stand out are treated as planned, or too few others are left."""

import pytest
from gate_cases import COMPARISON

from hokusai_mlflow.gate import Case, GatePolicy, decide
from hokusai_mlflow.gate.raters import ReliableRaters


class Raters:
    def __init__(self, reasons, excluded=(), excludes=True, count=5):
        self.reasons, self.excluded = reasons, excluded
        self.excludes, self.count = excludes, count


RANDOM = {"rater 2": ("disagrees",)}


@pytest.mark.parametrize(
    ("raters", "outcome", "told"),
    [
        (None, "not_applicable", "not screened"),
        (Raters({}), "passed", "none of 5"),
        (Raters(RANDOM, ("rater 2",)), "passed", "left out before"),
        (Raters(RANDOM, excludes=False), "passed", "kept"),
        (Raters(RANDOM, ()), "insufficient", "fewer than 3"),
    ],
)
def test_the_rule_on_raters(raters, outcome, told):
    case = Case(COMPARISON, None, GatePolicy(), by_people=True, raters=raters)
    found = ReliableRaters().evaluate(case)
    assert (found.outcome, told in found.message) == (outcome, True), found
    asked = {finding.code for finding in decide(case).findings}
    assert "raters" in asked
    machine = {finding.code for finding in decide(Case(COMPARISON, None, GatePolicy())).findings}
    assert asked - machine == {"raters"}, "others' evidence stays what it was"
