"""Reads and appends that happen together or not at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select

from hokusai_mlflow.errors import EvidenceMismatch, InputError, LedgerConflict, LedgerCorrupt
from hokusai_mlflow.ledger import schema
from hokusai_mlflow.ledger.entry import GENESIS, Entry, chained_digest, parsed, written

_TABLE = schema.entries


class Transaction:
    """Reads and appends that happen together or not at all; see `Ledger.transaction`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, kind: str, key: str) -> Entry | None:
        """Entry of this kind and key, or None."""
        query = select(_TABLE).where(_TABLE.c.kind == kind, _TABLE.c.key == key)
        row = self._connection.execute(query).first()
        return None if row is None else _entry(row)

    def entries(
        self,
        *,
        model: str | None = None,
        attempt: str | None = None,
        kind: str | Collection[str] | None = None,
        after: int = 0,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> list[Entry]:
        """Entries that match; see `Ledger.entries`."""
        query = _query(
            model=model,
            attempt=attempt,
            kind=kind,
            after=after,
            newest_first=newest_first,
            limit=limit,
        )
        return [_entry(row) for row in self._connection.execute(query)]

    def append(
        self,
        kind: str,
        key: str,
        body: Mapping[str, Any],
        *,
        model: str,
        attempt: str | None = None,
    ) -> Entry:
        """Append idempotently; see `Ledger.append`."""
        for name, value in (("kind", kind), ("key", key), ("model", model)):
            if not isinstance(value, str) or not value or "\0" in value:
                raise InputError(
                    f"{name} of a ledger entry must be non-empty text, found {value!r}"
                )
        text = written(body)
        stored = self.get(kind, key)
        if stored is not None:
            _require_same(stored, text, model, attempt)
            return stored
        last = self._connection.execute(
            select(_TABLE.c.seq, _TABLE.c.digest).order_by(_TABLE.c.seq.desc()).limit(1)
        ).first()
        seq, previous = (1, GENESIS) if last is None else (last.seq + 1, last.digest)
        chained: dict[str, Any] = {
            "seq": seq,
            "kind": kind,
            "key": key,
            "model": model,
            "attempt": attempt,
            "body": text,
            "previous": previous,
        }
        try:
            digest = chained_digest(**chained)
        except (EvidenceMismatch, UnicodeError) as problem:
            raise InputError(f"not text that can be stored: {problem}") from problem
        created = datetime.now(UTC).isoformat(timespec="microseconds")
        row = {**chained, "created_at": created, "digest": digest}
        self._connection.execute(insert(_TABLE).values(row))
        return _read(row)


def _query(
    *,
    model: str | None,
    attempt: str | None,
    kind: str | Collection[str] | None,
    after: int,
    newest_first: bool,
    limit: int | None,
) -> Select[Any]:
    query = select(_TABLE)
    if model is not None:
        query = query.where(_TABLE.c.model == model)
    if attempt is not None:
        query = query.where(_TABLE.c.attempt == attempt)
    if kind is not None:
        kinds = [kind] if isinstance(kind, str) else sorted(kind)
        query = query.where(_TABLE.c.kind.in_(kinds))
    if after:
        query = query.where(_TABLE.c.seq > after)
    query = query.order_by(_TABLE.c.seq.desc() if newest_first else _TABLE.c.seq)
    return query if limit is None else query.limit(limit)


def _entry(row: Row[Any]) -> Entry:
    return _read(row._asdict())


def _read(row: Mapping[str, Any]) -> Entry:
    try:
        body = parsed(row["body"])
        created = datetime.fromisoformat(row["created_at"])
    except ValueError as problem:
        raise LedgerCorrupt(
            f"entry {row['seq']} of the ledger cannot be read ({problem}); restore the newest copy"
        ) from problem
    return Entry(
        seq=row["seq"],
        kind=row["kind"],
        key=row["key"],
        model=row["model"],
        attempt=row["attempt"],
        body=body,
        created_at=created,
        previous=row["previous"],
        digest=row["digest"],
    )


def _require_same(stored: Entry, text: str, model: str, attempt: str | None) -> None:
    found = {"model": stored.model, "attempt": stored.attempt, "body": written(stored.body)}
    given = {"model": model, "attempt": attempt, "body": text}
    other = [name for name in given if given[name] != found[name]]
    if other:
        raise LedgerConflict(
            f"{stored.kind} {stored.key!r} was written at entry {stored.seq} with another "
            f"{' and '.join(other)}: {_short(found[other[0]])}, not {_short(given[other[0]])}. "
            "What has happened cannot be changed; a different thing needs a different key"
        )


def _short(value: str | None) -> str:
    told = repr(value)
    return told if len(told) <= 120 else told[:117] + "…'"
