"""From findings to a verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from hokusai_mlflow import __version__
from hokusai_mlflow.gate.case import Case
from hokusai_mlflow.gate.finding import Finding
from hokusai_mlflow.gate.rules import Rule, rules

Verdict = Literal["promote", "hold", "reject"]

NEED_EVIDENCE = frozenset({"significance", "validation-runs"})
"""Rules whose failure says nothing of a model where another finds too little evidence."""


@dataclass(frozen=True, repr=False)
class Decision:
    """Whether the candidate becomes the champion, and why.

    Attributes
    ----------
    verdict : {"promote", "hold", "reject"}
        ``hold`` means that the evidence does not suffice, whatever the models are worth.
    findings : tuple of Finding
        Every rule's outcome, in the order of the rules.
    signature : str
        One line that names what the decision rests on.
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    signature: str

    @property
    def promoted(self) -> bool:
        """Whether the verdict is ``promote``."""
        return self.verdict == "promote"

    @property
    def reasons(self) -> tuple[Finding, ...]:
        """The findings that stand in the way; empty after a promotion."""
        return tuple(f for f in self.findings if f.outcome in ("failed", "insufficient"))

    @property
    def required_n(self) -> int | None:
        """Hold-out examples that the rules which lack evidence ask for at most, where they know."""
        needed = [finding.figures.get("required_n") for finding in self.reasons]
        return max((n for n in needed if isinstance(n, int)), default=None)

    @property
    def would_change_it(self) -> str:
        """What would lead to another verdict, in words; empty after a promotion."""
        return "; ".join(f.remedy for f in self.reasons if f.remedy)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form, part of the evidence."""
        return {
            "verdict": self.verdict,
            "findings": [finding.to_dict() for finding in self.findings],
            "signature": self.signature,
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Decision:
        """Inverse of `to_dict`."""
        findings = tuple(Finding(**finding) for finding in stored["findings"])
        return cls(stored["verdict"], findings, stored["signature"])

    def __repr__(self) -> str:
        return f"Decision({self.verdict}; {self.signature})"


def decide(
    case: Case, *, look: int = 1, quota: int | None = None, using: Iterable[Rule] | None = None
) -> Decision:
    """Judge a case by every rule.

    A failed rule rejects; otherwise an insufficient one holds; otherwise the candidate is promoted.
    A rule that reports an outcome of another name is treated as failed.

    Parameters
    ----------
    case : Case
        What is judged.
    look : int
        Which test of the hold-out this is, from 1.
    quota : int, optional
        Tests that the hold-out admits; the policy's by default.
    using : iterable of Rule, optional
        The rules; by default all built-in and registered ones.

    Returns
    -------
    Decision
        Verdict, findings, one-line signature.
    """
    every = rules(by_people=case.by_people) if using is None else using
    findings = tuple(rule.evaluate(case) for rule in every)
    outcomes = {finding.outcome for finding in findings}
    verdict: Verdict
    if not outcomes <= {"passed", "insufficient", "not_applicable"}:
        verdict = "reject"
    elif "insufficient" in outcomes:
        verdict = "hold"
    elif "passed" in outcomes:
        verdict = "promote"
    else:
        verdict = "hold"
    # Nothing is a failure of the model that the data could not have shown.
    insufficient = [f for f in findings if f.outcome == "insufficient"]
    failed = {f.code for f in findings if f.outcome == "failed"}
    if insufficient and failed and failed <= NEED_EVIDENCE:
        verdict = "hold"
    comparison = case.comparison
    signature = (
        f"{comparison.metric}|n:{comparison.n}|test:{comparison.test}|level:{comparison.level:.3g}"
        f"|min:{comparison.min_effect_bps:g}bps|look:{look}of{quota or case.policy.quota}"
        f"|version:{__version__}"
    )
    return Decision(verdict, findings, signature)
