"""An attempt that was judged: candidate, test, refits and decision together."""

from __future__ import annotations

from dataclasses import dataclass

from hokusai_mlflow.approval import Approval
from hokusai_mlflow.attempt import Attempt, beaten
from hokusai_mlflow.gate import Decision
from hokusai_mlflow.ledger import Look
from hokusai_mlflow.stats.crossval import CrossValidation
from hokusai_mlflow.tracking.registry import Registered
from hokusai_mlflow.trial import Trial


@dataclass(frozen=True, repr=False)
class Judgement:
    """What was decided about a candidate, and on what.

    Attributes
    ----------
    attempt : Attempt
        The attempt.
    candidate : Registered
        Its version in the registry.
    trial : Trial
        Champion against candidate on the sealed hold-out.
    crossval : CrossValidation or None
        Both recipes refitted on the same folds.
    look : Look
        The look of the hold-out that was spent.
    decision : Decision
        Verdict and findings.
    approval : Approval or None
        What a person said to a promotion, where the spec asks for one.
    """

    attempt: Attempt
    candidate: Registered
    trial: Trial
    crossval: CrossValidation | None
    look: Look
    decision: Decision
    approval: Approval | None = None

    @property
    def promoted(self) -> bool:
        """Whether the candidate becomes the champion."""
        agreed = self.approval is None or self.approval.state == "approved"
        return self.decision.promoted and agreed

    @property
    def awaits(self) -> bool:
        """Whether a person has yet to say a word."""
        return self.approval is not None and self.approval.state == "awaiting"

    @property
    def champion(self) -> Registered:
        """The version that the candidate was compared with."""
        return beaten(self.attempt)

    def __repr__(self) -> str:
        return f"Judgement({self.attempt.model} v{self.candidate.version}: {self.decision!r})"
