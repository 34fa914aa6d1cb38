"""One requirement's outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["passed", "failed", "insufficient", "not_applicable"]


@dataclass(frozen=True, repr=False)
class Finding:
    """What one rule found.

    Attributes
    ----------
    code : str
        Stable identifier of the rule, for example ``"significance"``.
    outcome : {"passed", "failed", "insufficient", "not_applicable"}
        ``insufficient`` means that the data cannot answer, whatever the models are worth.
    message : str
        One sentence with the figures in it.
    figures : mapping of str to plain values
        The numbers behind the sentence.
    remedy : str
        What would change the outcome; empty when it passed.
    """

    code: str
    outcome: Outcome
    message: str
    figures: Mapping[str, Any] = field(default_factory=dict)
    remedy: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form, part of the evidence."""
        return {
            "code": self.code,
            "outcome": self.outcome,
            "message": self.message,
            "figures": dict(self.figures),
            "remedy": self.remedy,
        }

    def __repr__(self) -> str:
        return f"Finding({self.code}: {self.outcome}; {self.message})"
