"""Rows about champions: promoted, measured again later, rolled back."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, insert, select

from hokusai_mlflow.history.schema import champions, measurements
from hokusai_mlflow.ledger import Entry


def promoted(connection: Connection, entry: Entry) -> None:
    """The alias `champion` was moved to a new version."""
    version = int(entry.body["version"])
    before = _current(connection, entry.model)
    kind = "baseline" if before is None else "promoted" if version > before else "rolled_back"
    told = {"kind": kind, "version": version, "previous": before, "reason": ""}
    _write(connection, entry, told)


def rolled_back(connection: Connection, entry: Entry) -> None:
    """The alias was moved back, because an improvement was gone."""
    version = int(entry.body["version"])
    before = _current(connection, entry.model)
    told = {"kind": "rolled_back", "version": version, "previous": before}
    _write(connection, entry, told | {"reason": str(entry.body["reason"])})


def measured(connection: Connection, entry: Entry) -> None:
    """The champion was scored on fresh labelled data."""
    body = entry.body
    names = ("version", "n", "metric", "value", "low", "high", "reference")
    row = {name: body[name] for name in names} | {"seq": entry.seq, "model": entry.model}
    row |= {"at": entry.created_at.isoformat(), "inputs": json.dumps(body["inputs"])}
    row |= {"status": body["status"], "reasons": json.dumps(body["reasons"])}
    connection.execute(insert(measurements), row)


def _current(connection: Connection, model: str) -> int | None:
    query = select(champions.c.version).where(champions.c.model == model)
    found: int | None = connection.execute(query.order_by(champions.c.seq.desc()).limit(1)).scalar()
    return found


def _write(connection: Connection, entry: Entry, told: dict[str, Any]) -> None:
    row = {"seq": entry.seq, "model": entry.model, "attempt": entry.attempt or "", **told}
    connection.execute(insert(champions).values(**row, at=entry.created_at.isoformat()))
