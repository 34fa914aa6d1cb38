"""The local chain's file: py-evm's key-value store, queued transactions, and its locks."""

from __future__ import annotations

import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eth.db.backends.base import BaseDB

from hokusai_mlflow.errors import ChainError, ChainUnreachable

_BUSY_SECONDS = 30.0

_SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS chain (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS queued (
    sender BLOB, nonce INTEGER, hash BLOB NOT NULL UNIQUE, raw BLOB NOT NULL,
    PRIMARY KEY (sender, nonce)
) WITHOUT ROWID;
COMMIT;
"""


class ChainFile(BaseDB):
    """py-evm's database in SQLite, with snapshots for readers and one writer at a time.

    Parameters
    ----------
    path : Path
        Made when missing, folders too.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mutex = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS
            )
            self._close = weakref.finalize(self, self._connection.close)
            self._use_wal()
            self._connection.execute("PRAGMA synchronous = FULL")
            if self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
                self._connection.executescript(_SCHEMA)
        except OSError as error:
            raise ChainError(f"cannot make the local chain {path}: {error.strerror}") from None
        except sqlite3.DatabaseError as error:
            raise self._complaint(error) from None

    def _use_wal(self) -> None:
        # Of several processes that open a new file at once, SQLite refuses some without waiting.
        until = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)
            else:
                return

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One consistent snapshot."""
        with self._between("BEGIN", "ROLLBACK"):
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """The only writer of all processes; what is done is kept entirely or not at all."""
        with self._between("BEGIN IMMEDIATE", "COMMIT"):
            yield

    @contextmanager
    def _between(self, begin: str, end: str) -> Iterator[None]:
        with self._mutex:
            if self._connection.in_transaction:
                yield
                return
            try:
                self._connection.execute(begin)
                try:
                    yield
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute(end)
            except sqlite3.DatabaseError as error:
                raise self._complaint(error) from error

    def close(self) -> None:
        """Release the file."""
        self._close()

    # ------------------------------------------------------------------ facts about the chain

    def about(self, name: str) -> str | None:
        """A fact kept with the chain, such as its id."""
        found = self._connection.execute("SELECT value FROM about WHERE name = ?", (name,))
        row = found.fetchone()
        return None if row is None else str(row[0])

    def set_about(self, name: str, value: str) -> None:
        """Keep a fact with the chain."""
        self._connection.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (name, value))

    # ------------------------------------------------------------------ queued transactions

    def queue(self, sender: bytes, nonce: int, transaction_hash: bytes, raw: bytes) -> None:
        """Keep a transaction whose predecessor has not come yet."""
        self._connection.execute(
            "INSERT OR REPLACE INTO queued VALUES (?, ?, ?, ?)",
            (sender, nonce, transaction_hash, raw),
        )

    def queued(self, sender: bytes, nonce: int) -> bytes | None:
        """The queued transaction of this sender and nonce."""
        row = self._connection.execute(
            "SELECT raw FROM queued WHERE sender = ? AND nonce = ?", (sender, nonce)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def queued_by_hash(self, transaction_hash: bytes) -> bytes | None:
        """The queued transaction of this hash."""
        row = self._connection.execute(
            "SELECT raw FROM queued WHERE hash = ?", (transaction_hash,)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def unqueue(self, sender: bytes, nonce: int) -> None:
        """Forget the queued transactions of this sender up to this nonce."""
        self._connection.execute(
            "DELETE FROM queued WHERE sender = ? AND nonce <= ?", (sender, nonce)
        )

    # ------------------------------------------------------------------ py-evm's key-value store

    def __getitem__(self, key: bytes) -> bytes:
        row = self._connection.execute(
            "SELECT value FROM chain WHERE key = ?", (bytes(key),)
        ).fetchone()
        if row is None:
            raise KeyError(key)
        return bytes(row[0])

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO chain VALUES (?, ?)", (bytes(key), bytes(value))
        )

    def __delitem__(self, key: bytes) -> None:
        self._connection.execute("DELETE FROM chain WHERE key = ?", (bytes(key),))

    def _exists(self, key: bytes) -> bool:
        found = self._connection.execute("SELECT 1 FROM chain WHERE key = ?", (bytes(key),))
        return found.fetchone() is not None

    def _complaint(self, error: sqlite3.DatabaseError) -> ChainError:
        if "locked" in str(error) or "busy" in str(error):
            return ChainUnreachable(
                f"the local chain {self.path} has been locked by another process for "
                f"{_BUSY_SECONDS:.0f} s; end that process and try again"
            )
        return ChainError(
            f"the local chain {self.path} cannot be used: {error}; move the file away to start "
            "a new chain"
        )
