"""Rows about sealed hold-outs, from the ledger's looks."""

from __future__ import annotations

from sqlalchemy import Connection, insert, update

from hokusai_mlflow.history.schema import attempts, looks
from hokusai_mlflow.history.schema import retired as retirements
from hokusai_mlflow.ledger import Entry


def spent(connection: Connection, entry: Entry) -> None:
    """A look was spent."""
    body = entry.body
    kept = {name: body[name] for name in ("holdout", "number", "quota", "level", "alpha")}
    row = kept | {"test_key": entry.key, "model": entry.model, "attempt": entry.attempt or ""}
    row |= {"at": entry.created_at.isoformat(), "accepted": 0}
    connection.execute(insert(looks), row)
    connection.execute(
        update(attempts)
        .where(attempts.c.id == (entry.attempt or ""))
        .values(
            look=body["number"], quota=body["quota"], level=body["level"], holdout=body["holdout"]
        )
    )


def accepted(connection: Connection, entry: Entry) -> None:
    """The test of a look was passed."""
    connection.execute(update(looks).where(looks.c.test_key == entry.key).values(accepted=1))


def retired(connection: Connection, entry: Entry) -> None:
    """A hold-out was closed for good."""
    row = {"model": entry.model, "holdout": entry.body["holdout"]}
    connection.execute(insert(retirements).values(**row, at=entry.created_at.isoformat()))
