"""A person's word between a verdict and its promotion, where the spec asks for one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from hokusai_mlflow.ledger import Ledger

State = Literal["awaiting", "approved", "refused"]
REVIEWED = "attempt.reviewed"
APPROVAL_TAG, REVIEWER_TAG, NOTE_TAG = "hokusai.approval", "hokusai.reviewer", "hokusai.note"
WORDS: Mapping[str, State] = {
    "approve": "approved",
    "approved": "approved",
    "refuse": "refused",
    "refused": "refused",
}


@dataclass(frozen=True)
class Approval:
    """Who said what, and when.

    Attributes
    ----------
    state : {"awaiting", "approved", "refused"}
        What was said.
    via : {"mlflow", "prefect"}
        Where a person says it: tags of the model version, or the form of the suspended flow run.
    by, note : str
        Who, as they gave their name, and why. Neither MLflow nor Prefect proves who it was.
    at : str
        When it was recorded, ISO 8601 in UTC; empty until then.
    """

    state: State
    via: str
    by: str = ""
    note: str = ""
    at: str = ""

    def to_dict(self) -> dict[str, str]:
        """JSON-ready form."""
        return asdict(self)


def recorded(ledger: Ledger, attempt: str) -> Approval | None:
    """What was said about an attempt, if anything was."""
    stored = ledger.get(REVIEWED, attempt)
    return None if stored is None else Approval(**stored.body)


def record(ledger: Ledger, model: str, attempt: str, approval: Approval) -> Approval:
    """Write down what a person said; the first word about an attempt stands."""
    with ledger.transaction() as writing:
        stored = writing.get(REVIEWED, attempt)
        if stored is None:
            at = datetime.now(UTC).isoformat(timespec="seconds")
            body = approval.to_dict() | {"at": at}
            stored = writing.append(REVIEWED, attempt, body, model=model, attempt=attempt)
    return Approval(**stored.body)


def from_tags(tags: Mapping[str, Any]) -> Approval:
    """What the tags of a model version say: `hokusai.approval` is approve or refuse.

    Without a name in `hokusai.reviewer` nothing was said: a record of nobody's word is none.
    """
    word = WORDS.get(str(tags.get(APPROVAL_TAG, "")).strip().lower())
    by = str(tags.get(REVIEWER_TAG, "")).strip()
    if word is None or not by:
        return Approval("awaiting", "mlflow")
    return Approval(word, "mlflow", by[:500], str(tags.get(NOTE_TAG, "")).strip()[:2_000])
