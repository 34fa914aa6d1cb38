"""Rows about attempts and the metrics that they measured."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from hokusai_mlflow.history.schema import attempts, metrics
from hokusai_mlflow.ledger import Entry

_COMPARED: tuple[str, ...] = (
    "n",
    "test",
    "baseline",
    "candidate",
    "improvement_bps",
    "ci_low_bps",
    "ci_high_bps",
)
_COMPARED += ("p_value", "detectable_bps", "level", "metric")
# Built once: to build them for every entry would take most of the time.
_CHANGE = update(attempts).where(attempts.c.id == bindparam("of"))
_LAST = select(func.max(attempts.c.number)).where(attempts.c.model == bindparam("of"))
_ROW = select(attempts).where(attempts.c.id == bindparam("of"))
_MEASURED = upsert(metrics).on_conflict_do_nothing()


def opened(connection: Connection, entry: Entry) -> None:
    """An attempt began."""
    body = entry.body
    champion = body["champion"]
    row = {
        "id": entry.key,
        "model": entry.model,
        "number": (connection.execute(_LAST, {"of": entry.model}).scalar() or 0) + 1,
        "seq": entry.seq,
        "opened_at": entry.created_at.isoformat(),
        "run_id": body["run_id"],
        "champion_version": champion["version"] if champion else None,
        "holdout": body["holdout"],
        "outcome": "open",
    }
    connection.execute(insert(attempts), row)


def decided(connection: Connection, entry: Entry) -> None:
    """The verdict was given."""
    body = entry.body
    compared, decision = body["comparison"], body["decision"]
    values = {name: _finite(compared.get(name)) for name in _COMPARED}
    reasons = [
        {key: finding[key] for key in ("code", "outcome", "message", "remedy")}
        for finding in decision["findings"]
        if finding["outcome"] not in ("passed", "not_applicable")
    ]
    values |= {
        "decided_at": entry.created_at.isoformat(),
        # A person may have a word to say before the promotion.
        "outcome": "open" if body["verdict"] == "promote" else body["verdict"],
        "reasons": json.dumps(reasons),
        "candidate_version": body["candidate"]["version"],
    }
    _update(connection, entry, values)
    row = _row(connection, entry)
    if row is None:
        return
    low, high = score_interval(compared)
    paid = {name: values[name] for name in ("n", "baseline", "candidate", "improvement_bps")}
    paid |= {"p_value": values["p_value"], "low": low, "high": high}
    _measured(connection, entry, row, paid | {"metric": compared["metric"], "role": "paid"})
    for finding in decision["findings"]:
        for guarded in finding["figures"].get("rows", ()) if _is_guardrails(finding) else ():
            bps, p = guarded["improvement_bps"], guarded["p_adjusted"]
            kept = {"n": guarded["n"], "improvement_bps": _finite(bps), "p_value": _finite(p)}
            kept |= {"margin_bps": _finite(guarded["margin_bps"]), "role": "guardrail"}
            _measured(connection, entry, row, kept | {"metric": guarded["name"]})


def promoted(connection: Connection, entry: Entry) -> None:
    """The candidate became the champion."""
    values = {"candidate_version": entry.body["version"], "outcome": "promoted"}
    _update(connection, entry, values)


def evidence(connection: Connection, entry: Entry) -> None:
    """The evidence was written: what is paid for, and why not more."""
    payment = entry.body["document"]["payment"]
    values = {"evidence": entry.body["digest"], "paid_bps": entry.body["paid_bps"]}
    values |= {"measured_bps": payment["measured_bps"], "unpaid_reason": payment["reason"]}
    _update(connection, entry, values)


def closed(connection: Connection, entry: Entry) -> None:
    """The attempt ended, with a receipt or for want of one."""
    body = entry.body
    receipt = body.get("receipt", {})
    values = {
        "closed_at": entry.created_at.isoformat(),
        "outcome": body["outcome"],
        "message": receipt.get("message") or body.get("reason", ""),
        "owner": receipt.get("owner", ""),
    }
    if receipt.get("candidate_version"):
        values["candidate_version"] = receipt["candidate_version"]
    row = _row(connection, entry)
    if row is not None and receipt:
        values["metric"] = receipt["metric"]
        for told, (baseline, candidate) in receipt["scores"].items():
            kept = {"baseline": _finite(baseline), "candidate": _finite(candidate)}
            # A baseline's own score, out of fold.
            name = told.split(",")[0]
            if body["outcome"] == "baseline":
                values |= {"candidate": kept["candidate"]}
                kept["baseline"] = None
            role = "paid" if name == receipt["metric"] else "also"
            _measured(connection, entry, row, kept | {"metric": name, "role": role})
    _update(connection, entry, values)


def score_interval(compared: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """95 % interval of the candidate's score, given the champion's score on the same examples.

    Parameters
    ----------
    compared : mapping
        A comparison as it is in the evidence; its interval is in basis points, positive is better.

    Returns
    -------
    (float or None, float or None)
        In units of the metric, the smaller first; Nones where it cannot be told.
    """
    base, candidate, change = (compared[name] for name in ("baseline", "candidate", "improvement"))
    ends = [compared.get("ci_low_bps"), compared.get("ci_high_bps")]
    if any(_finite(x) is None for x in (base, candidate, change, *ends)):
        return None, None
    steps = [float(end) / 10_000 for end in ends if end is not None]
    # A score changes by the improvement, up or down, or by its exponential.
    if math.isclose(candidate, base + change, abs_tol=1e-9):
        found = [base + step for step in steps]
    elif math.isclose(candidate, base - change, abs_tol=1e-9):
        found = [base - step for step in steps]
    elif base > 0 < candidate:
        sign = math.copysign(1.0, math.log(candidate / base) * change)
        found = [base * math.exp(sign * step) for step in steps]
    else:
        return None, None
    return min(found), max(found)


def _is_guardrails(finding: Mapping[str, Any]) -> bool:
    return bool(finding["code"] == "guardrails")


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _row(connection: Connection, entry: Entry) -> Row[Any] | None:
    return connection.execute(_ROW, {"of": entry.key}).first()


def _update(connection: Connection, entry: Entry, values: Mapping[str, Any]) -> None:
    connection.execute(_CHANGE, {"of": entry.key, **values})


def _measured(connection: Connection, entry: Entry, row: Row[Any], kept: dict[str, Any]) -> None:
    values = {"attempt": row.id, "model": row.model, "seq": row.seq}
    values |= {"at": entry.created_at.isoformat(), **kept}
    # What the verdict told stays; the receipt adds the metrics that are logged beside it.
    connection.execute(_MEASURED, values)
