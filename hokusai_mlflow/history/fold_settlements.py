"""Rows about payments, from the ledger's settlement entries; see `chain.settlement` for them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from hokusai_mlflow.history import fold_contributions
from hokusai_mlflow.history.schema import settlement_steps, settlements, split_wei
from hokusai_mlflow.ledger import Entry

_NONE_PAID = split_wei("reward", 0) | split_wei("owner", 0) | {"paid_to": "", "confirmed_at": ""}
_CHANGE = update(settlements).where(settlements.c.evidence == bindparam("of"))


def requested(connection: Connection, entry: Entry) -> None:
    """Outside oracles were asked to attest; nothing is enqueued before enough of them have."""
    evidence = entry.key.split("/")[0]
    _step(connection, entry, evidence)
    if _find(connection, evidence) is None:
        _open(connection, entry, evidence, "attesting")


def settled(connection: Connection, entry: Entry) -> None:
    """A settlement went one step further."""
    body, kind = entry.body, entry.kind.removeprefix("settlement.")
    evidence = entry.key if kind == "intent" else body["evidence"]
    _step(connection, entry, evidence)
    if kind == "intent" and _find(connection, evidence) is None:
        _open(connection, entry, evidence, "intent")
        return
    changes: dict[str, Any] = {"changed_at": entry.created_at.isoformat()}
    if kind != "filled":
        changes |= {"reason": "", "error": ""}
    changes |= _changes(connection, entry, kind)
    connection.execute(_CHANGE, {"of": evidence, **changes})
    if kind == "confirmed":
        recorded = body["recorded"]
        fold_contributions.paid(
            connection, evidence, int(recorded["reward"]), recorded["contributors"]
        )
    elif kind == "reorged":
        fold_contributions.unpaid(connection, evidence)


def _changes(connection: Connection, entry: Entry, kind: str) -> dict[str, Any]:
    body = entry.body
    changes: dict[str, Any] = {}
    if kind in ("intent", "renewed"):
        changes = {"state": "intent", "tx_hash": "", "block": None} | _bps(body)
    elif kind == "waiting":
        changes = {"state": kind, "reason": body["reason"], "error": body["error"]}
    elif kind == "failed":
        changes = {"state": kind, "reason": body["reason"], "error": body["error"]}
        changes |= {"tx_hash": body["tx_hash"] or "", "block": body["block"]}
    elif kind == "signed":
        sent = {"tx_hash": body["tx_hash"], "sender": body["sender"], "gas_limit": body["gas"]}
        changes = {"state": "signed", **sent}
    elif kind in ("broadcast", "mined"):
        changes = {"state": "broadcast", "tx_hash": body["tx_hash"], "block": body.get("block")}
    elif kind == "reorged":
        own = _signed_here(connection, body["evidence"], body["tx_hash"])
        changes = {"state": "broadcast" if own else "intent", "block": None} | _NONE_PAID
    elif kind == "dropped":
        changes = {"state": "intent", "tx_hash": "", "block": None}
    elif kind == "confirmed":
        changes = _confirmed(entry)
    return changes


def _confirmed(entry: Entry) -> dict[str, Any]:
    body, recorded = entry.body, entry.body["recorded"]
    return {
        "state": "confirmed",
        "tx_hash": body["tx_hash"],
        "block": body["block"],
        "confirmed_at": entry.created_at.isoformat(),
        "paid_to": recorded["owner_address"],
        **split_wei("reward", int(recorded["reward"])),
        **split_wei("owner", int(recorded["owner"])),
    }


def _open(connection: Connection, entry: Entry, evidence: str, state: str) -> None:
    body = entry.body
    row = {
        "evidence": evidence,
        "model": entry.model,
        "attempt": entry.attempt or "",
        "state": state,
        "seq": entry.seq,
        "chain_id": body["chain_id"],
        "contract": body["contract"],
        "enqueued_at": entry.created_at.isoformat(),
        "changed_at": entry.created_at.isoformat(),
        **_bps(body),
    }
    connection.execute(insert(settlements), row)


def _bps(body: Any) -> dict[str, Any]:
    return {"paid_bps": body["improvement"]["paid_bps"]}


def _find(connection: Connection, evidence: str) -> Any:
    query = select(settlements.c.evidence).where(settlements.c.evidence == evidence)
    return connection.execute(query).scalar()


def _signed_here(connection: Connection, evidence: str, tx_hash: str) -> bool:
    steps = settlement_steps.c
    query = select(steps.seq).where(steps.evidence == evidence, steps.tx_hash == tx_hash)
    return connection.execute(query.where(steps.kind == "signed").limit(1)).first() is not None


def _step(connection: Connection, entry: Entry, evidence: str) -> None:
    body = entry.body
    detail = body.get("error") or body.get("why") or body.get("place") or ""
    row = {
        "seq": entry.seq,
        "evidence": evidence,
        "kind": entry.kind.removeprefix("settlement.").removeprefix("attestation."),
        "at": entry.created_at.isoformat(),
        "tx_hash": body.get("tx_hash") or "",
        "block": body.get("block"),
        "detail": detail,
    }
    connection.execute(insert(settlement_steps), row)
