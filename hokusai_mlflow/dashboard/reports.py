"""The report on an attempt, from what the ledger keeps of it."""

from __future__ import annotations

from typing import Any

from hokusai_mlflow.history import History, improvements
from hokusai_mlflow.history.attempts import Attempt
from hokusai_mlflow.report.report import Report


def report_on(history: History, attempt: Attempt) -> Report | None:
    """The report on an attempt; None before its verdict, and where it was given up.

    Parameters
    ----------
    history : History
    attempt : Attempt
    """
    ledger = history.ledger
    closed = ledger.get("attempt.closed", attempt.id)
    # What a report draws and says beside the evidence was kept when the attempt ended.
    beside = closed.body if closed is not None else {}
    told = {"figures": beside.get("figures"), "facts": beside.get("facts") or _facts(attempt)}
    written = ledger.get("attempt.evidence", attempt.id)
    if written is not None:
        settlement = _settlement(history, attempt)
        return Report.from_evidence(written.body["document"], settlement, **told)
    document = beside.get("document") or _document(history, attempt)
    return None if document is None else Report.from_evidence(document, **told)


def _facts(attempt: Attempt) -> dict[str, Any]:
    return {"attempt": attempt.id, "run_id": attempt.run_id, "message": attempt.message}


def _document(history: History, attempt: Attempt) -> dict[str, Any] | None:
    """As much of an evidence document as an attempt came to that has not ended."""
    decided = history.ledger.get("attempt.decided", attempt.id)
    if decided is None:
        return None
    return {
        "model": attempt.model,
        "metric": attempt.metric,
        "champion": {"version": attempt.champion_version},
        **{name: decided.body[name] for name in ("candidate", "comparison", "decision")},
        "crossval": decided.body["crossval"] or {},
        "look": {"number": attempt.look, "quota": attempt.quota, "level": attempt.level},
    }


def _settlement(history: History, attempt: Attempt) -> dict[str, Any]:
    """Where the payment stands, as `Settlement.to_dict`."""
    if not attempt.evidence:
        return {}
    found = improvements.get(history, attempt.evidence)
    if not found.state:
        return {}
    paid: dict[str, int] = {}
    confirmed = [s for s in improvements.steps(history, attempt.evidence) if s.kind == "confirmed"]
    owner = None
    if found.state == "confirmed" and confirmed:
        recorded = _recorded(history, attempt)
        owner = recorded["owner_address"]
        for account, wei in (*recorded["contributors"].items(), (owner, recorded["owner"])):
            paid[account] = paid.get(account, 0) + int(wei)
    return {
        "state": "waiting" if found.state == "attesting" else found.state,
        "evidence": found.evidence,
        "model": found.model,
        "attempt": attempt.id,
        "tx_hash": found.tx_hash or None,
        "block": found.block,
        "reward": str(found.reward),
        "paid": {account: str(wei) for account, wei in paid.items()},
        "owner": owner,
        "error": found.error or None,
    }


def _recorded(history: History, attempt: Attempt) -> Any:
    entries = history.ledger.entries(
        model=attempt.model, attempt=attempt.id, kind="settlement.confirmed", newest_first=True
    )
    return entries[0].body["recorded"]
