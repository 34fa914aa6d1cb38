"""Whether an improvement counts: policy, rules with coded findings, decision."""

from hokusai_mlflow.gate.decision import Decision, Verdict, decide
from hokusai_mlflow.gate.finding import Finding, Outcome
from hokusai_mlflow.gate.policy import GatePolicy
from hokusai_mlflow.gate.rules import Case, Rule, rules

__all__ = [
    "Case",
    "Decision",
    "Finding",
    "GatePolicy",
    "Outcome",
    "Rule",
    "Verdict",
    "decide",
    "rules",
]
