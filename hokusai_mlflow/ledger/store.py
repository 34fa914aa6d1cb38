"""The ledger itself: idempotent appends to one hash chain, from any number of processes."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, Engine, Row, select
from sqlalchemy.engine import URL

from hokusai_mlflow.errors import (
    EvidenceMismatch,
    LedgerCorrupt,
    LedgerError,
)
from hokusai_mlflow.ledger import schema
from hokusai_mlflow.ledger.database import (
    WRITING,
    explained,
    lock_for_writing,
    open_engine,
    parse,
)
from hokusai_mlflow.ledger.entry import GENESIS, Entry, chained_digest
from hokusai_mlflow.ledger.transaction import Transaction

_TABLE = schema.entries
_CHAINED = ("seq", "kind", "key", "model", "attempt", "body", "previous")


class Ledger:
    """Append-only record of what has happened, in SQLite or PostgreSQL.

    Every entry is chained to the one before by SHA-256, and triggers refuse UPDATE and DELETE.
    Any number of processes and threads may append at any time; one writer at a time sees the end
    of the chain.

    Parameters
    ----------
    url : str or sqlalchemy.URL
        Database, for example ``"sqlite:////home/me/.hokusai/ledger.db"`` or
        ``"postgresql+pg8000://user@host/hokusai"``. The table is made when it is missing.
    wait : float, default 30
        Seconds to wait for another writer before `LedgerError`.

    Raises
    ------
    LedgerError
        When the database cannot be opened, with what to do about it.
    LedgerCorrupt
        When the file is damaged or no database.
    """

    def __init__(self, url: str | URL, *, wait: float = 30.0) -> None:
        self._url = parse(url)
        self._wait = wait
        self._process = os.getpid()
        self._engine_here = open_engine(self._url, wait=wait)
        try:
            self._require_columns()
            with self._connection(writing=False) as connection:
                complete = schema.is_complete(connection)
            if not complete:
                with self._connection(writing=True) as connection:
                    schema.create(connection)
        except BaseException:
            self.close()
            raise

    def append(
        self,
        kind: str,
        key: str,
        body: Mapping[str, Any],
        *,
        model: str,
        attempt: str | None = None,
    ) -> Entry:
        """Write that something happened, once.

        Parameters
        ----------
        kind, key : str
            What happened and its idempotency key; the pair is unique.
        body : mapping
            Plain JSON values; integers beyond ±2⁵³ as decimal strings.
        model : str
            Registered model name.
        attempt : str, optional
            Attempt that it belongs to.

        Returns
        -------
        Entry
            The new entry, or the stored one when the same was appended before.

        Raises
        ------
        LedgerConflict
            When kind and key exist with another body, model or attempt.
        InputError
            When the body is not plain JSON.
        """
        with self.transaction() as transaction:
            return transaction.append(kind, key, body, model=model, attempt=attempt)

    def get(self, kind: str, key: str) -> Entry | None:
        """Entry of this kind and key, or None."""
        with self._connection(writing=False) as connection:
            return Transaction(connection).get(kind, key)

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
        """Entries that match every condition given, in the order in which they were written.

        Parameters
        ----------
        model, attempt : str, optional
            Only of this model, of this attempt.
        kind : str or collection of str, optional
            Only of this kind, or of these.
        after : int, default 0
            Only with a greater `seq`.
        newest_first : bool, default False
            Reverse the order.
        limit : int, optional
            At most so many.
        """
        with self._connection(writing=False) as connection:
            return Transaction(connection).entries(
                model=model,
                attempt=attempt,
                kind=kind,
                after=after,
                newest_first=newest_first,
                limit=limit,
            )

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Reads and appends as one: no other writer comes between, an exception undoes all.

        Keep it short and free of network calls: every other writer waits.
        """
        with self._connection(writing=True) as connection:
            lock_for_writing(connection)
            yield Transaction(connection)

    def verify(self, *, anchor: str | None = None) -> int:
        """Recompute the whole hash chain.

        Parameters
        ----------
        anchor : str, optional
            Digest of an entry noted earlier (see `head`) that must still be there: a chain alone
            cannot show that its newest entries were cut off.

        Returns
        -------
        int
            How many entries there are.

        Raises
        ------
        LedgerCorrupt
            At the first entry that does not follow from the one before.
        """
        count, previous, anchored = 0, GENESIS, anchor is None
        query = select(_TABLE).order_by(_TABLE.c.seq).execution_options(yield_per=1000)
        with self._connection(writing=False) as connection:
            for row in connection.execute(query):
                count += 1
                _require_chained(row, count, previous, self)
                previous = row.digest
                anchored = anchored or previous == anchor
        if not anchored:
            raise LedgerCorrupt(
                f"{self!r} holds {count} entries, none with the digest {anchor} noted earlier: "
                "entries were cut off or rewritten. Restore the newest copy"
            )
        return count

    def head(self) -> str:
        """Digest of the newest entry, to note outside the ledger; 64 zeros when it is empty."""
        newest = self.entries(newest_first=True, limit=1)
        return newest[0].digest if newest else GENESIS

    def close(self) -> None:
        """Close all connections of this process."""
        self._engine_here.dispose(close=self._process == os.getpid())

    def _require_columns(self) -> None:
        with self._connection(writing=False) as connection:
            missing = schema.missing_columns(connection)
        if missing:
            raise LedgerError(
                f"{self!r} has a table 'entries' that is not a ledger: it lacks "
                f"{', '.join(sorted(missing))}. Give the ledger a database of its own"
            )

    @property
    def url(self) -> URL:
        """Database URL."""
        return self._url

    @property
    def _engine(self) -> Engine:
        if self._process != os.getpid():
            # Connections must not cross a fork: two processes would share one socket or file lock.
            self._engine_here.dispose(close=False)
            self._engine_here = open_engine(self._url, wait=self._wait)
            self._process = os.getpid()
        return self._engine_here

    @contextmanager
    def _connection(self, *, writing: bool) -> Iterator[Connection]:
        with (
            explained(self._url, self._wait),
            self._engine.connect().execution_options(**{WRITING: writing}) as connection,
            connection.begin(),
        ):
            yield connection

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Ledger({self._url.render_as_string(hide_password=True)})"


def _require_chained(row: Row[Any], position: int, previous: str, ledger: Ledger) -> None:
    try:
        chained = {name: value for name, value in row._mapping.items() if name in _CHAINED}
        expected = chained_digest(**chained)
    except (EvidenceMismatch, ValueError, TypeError) as problem:
        expected = f"none ({problem})"
    if row.seq == position and row.previous == previous and row.digest == expected:
        return
    if row.seq != position:
        broken = f"entry {position} is missing (found {row.seq})"
    elif row.previous != previous:
        broken = f"entry {position} follows {row.previous[:16]}…, not {previous[:16]}…"
    else:
        broken = f"entry {position} ({row.kind} {row.key}) was changed after it was written"
    raise LedgerCorrupt(
        f"the hash chain of {ledger!r} breaks: {broken}. Stop writing, find out who has access, "
        "and restore the newest copy whose chain holds"
    )
