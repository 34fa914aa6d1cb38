"""Whether an improvement counts: policy, rules with coded findings, decision."""

from hokusai_mlflow.gate.case import Agreement, Case, ValidationRuns
from hokusai_mlflow.gate.decision import Decision, Verdict, decide
from hokusai_mlflow.gate.finding import Finding, Outcome
from hokusai_mlflow.gate.guarded import Guarded, compare_guarded
from hokusai_mlflow.gate.policy import GatePolicy, Guardrail
from hokusai_mlflow.gate.rules import Rule, rules

__all__ = [
    "Agreement",
    "Case",
    "Decision",
    "Finding",
    "GatePolicy",
    "Guarded",
    "Guardrail",
    "Outcome",
    "Rule",
    "ValidationRuns",
    "Verdict",
    "compare_guarded",
    "decide",
    "rules",
]
