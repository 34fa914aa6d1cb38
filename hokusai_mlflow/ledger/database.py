"""Engines for the ledger: locking, durability, and errors that say what to do."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    InvalidatePoolError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)

from hokusai_mlflow.errors import LedgerCorrupt, LedgerError

_DRIVER = "postgresql+pg8000"
"""What the extra ``[postgres]`` brings."""

_SILENT_SECONDS = 60
"""After which PostgreSQL gives up on a writer that holds the lock and says nothing."""

WRITING = "hokusai_writing"
"""Execution option of a connection whose transaction is going to write."""


def parse(url: str | URL) -> URL:
    """Check a ledger URL.

    Raises
    ------
    LedgerError
        When it is not a URL, not SQLite or PostgreSQL, or SQLite in memory.
    """
    try:
        parsed = make_url(url)
        dialect = parsed.get_backend_name()
        asynchronous = dialect == "postgresql" and parsed.get_dialect().is_async
    except ArgumentError as problem:
        raise LedgerError(
            "expected a database URL for the ledger, such as sqlite:////var/lib/ledger.db or "
            f"{_DRIVER}://user@host/name, found {url!r}"
        ) from problem
    if dialect not in {"sqlite", "postgresql"}:
        raise LedgerError(
            f"the ledger lives in SQLite or PostgreSQL, found {dialect!r}: its append-only "
            "triggers and locks are written for those two"
        )
    if asynchronous:
        raise LedgerError(
            f"the driver of {parsed.drivername!r} is asynchronous; write the URL of the ledger as "
            f"{_DRIVER}://…"
        )
    if parsed.drivername == "postgresql":
        # SQLAlchemy would take psycopg2, which this package does not bring.
        parsed = parsed.set(drivername=_DRIVER)
    if dialect == "sqlite":
        if parsed.database in {None, "", ":memory:"} or "mode=memory" in str(parsed):
            raise LedgerError(
                "a ledger in memory would forget what was paid; give a file: sqlite:///ledger.db"
            )
        folder = Path(str(parsed.database).removeprefix("file:")).parent
        if not folder.is_dir():
            raise LedgerError(
                f"the folder {folder} of the ledger does not exist; create it or change "
                "HOKUSAI_LEDGER_URL"
            )
    return parsed


def open_engine(url: URL, *, wait: float) -> Engine:
    """Engine whose transactions wait at most `wait` seconds for another writer."""
    dialect = url.get_backend_name()
    try:
        if dialect == "sqlite":
            engine = create_engine(url, connect_args={"timeout": wait, "check_same_thread": False})
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        engine = create_engine(
            url,
            # Under the writers' lock each statement must see what was committed before it.
            isolation_level="READ COMMITTED",
            connect_args=_patience(url, wait),
        )
    except (NoSuchModuleError, ModuleNotFoundError) as problem:
        raise LedgerError(
            f"the driver of {url.drivername!r} is not installed: {problem}. "
            f"Install it (pip install 'hokusai-mlflow[postgres]') and write the URL as {_DRIVER}://…"
        ) from problem
    event.listen(engine, "begin", _begin_postgresql(wait))
    # pg8000 lets errors of the socket through as they are: SQLAlchemy's own ping, and its way to
    # tell that a connection is lost, know only the driver's.
    event.listen(engine, "checkout", _ping)
    event.listen(engine, "handle_error", _tell_lost)
    engine.dialect.do_terminate = _leave  # type: ignore[method-assign]
    return engine


def _ping(connection: Any, _record: Any, _proxy: Any) -> None:
    """Before a connection of the pool is used: one that is lost is replaced."""
    try:
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        cursor.close()
        connection.rollback()
    except Exception as problem:
        raise InvalidatePoolError(str(problem)) from problem


def _tell_lost(context: ExceptionContext) -> None:
    problem = context.original_exception
    if isinstance(problem, OSError):
        context.is_disconnect = True
        raise OperationalError(context.statement, context.parameters, problem) from problem


def _leave(connection: Any) -> None:
    """Close a connection that may be lost, to whom pg8000 cannot say goodbye."""
    with suppress(Exception):
        connection.close()


def _patience(url: URL, wait: float) -> dict[str, float]:
    """How long a driver waits for a server: a lost one must not be waited for forever."""
    if "pg8000" in url.drivername:
        # Also of every answer, so longer than any of ours waits for a lock.
        return {"timeout": wait + 10}
    return {"connect_timeout": max(2, round(wait))} if "psycopg" in url.drivername else {}


def _begin_postgresql(wait: float) -> Callable[[Connection], None]:
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get(WRITING):
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {round(wait * 1000)}")
            # Of a writer whose machine is gone the server would keep the lock for hours.
            silent = _SILENT_SECONDS * 1000
            connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = {silent}")

    return begin


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    # The driver must not begin transactions by itself: its BEGIN is DEFERRED, and a reader that
    # turns writer then fails at once instead of waiting.
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous = FULL")
    deadline = time.monotonic() + 10
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as problem:
            # The switch ignores the busy timeout while another process makes it too.
            if "locked" not in str(problem) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get(WRITING)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def lock_for_writing(connection: Connection) -> None:
    """Let one writer at a time see the end of the chain (SQLite's BEGIN IMMEDIATE did it)."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE entries IN SHARE ROW EXCLUSIVE MODE")


@contextmanager
def explained(url: URL, wait: float) -> Iterator[None]:
    """Turn database errors into `LedgerError`s with a remedy."""
    try:
        yield
    except SQLAlchemyError as problem:
        raise _explain(problem, url.render_as_string(hide_password=True), wait) from problem


_REMEDIES: tuple[tuple[tuple[str, ...], type[LedgerError], str], ...] = (
    (
        ("locked", "lock timeout", "locknotavailable"),
        LedgerError,
        "another process has kept the ledger {where} locked for more than {wait:g} s; nothing was "
        "written. Wait for it to end, or end it, and run again",
    ),
    (
        ("not a database", "malformed", "corrupt"),
        LedgerCorrupt,
        "the file of the ledger {where} is damaged or is no database ({told}); restore the newest "
        "copy and check it with `hokusai doctor`",
    ),
    (
        ("deadlock detected", "could not serialize"),
        LedgerError,
        "the ledger {where} was written by another process at the same time ({told}); nothing was "
        "written. Run again",
    ),
    (
        ("does not exist", "authentication failed", "no pg_hba.conf entry"),
        LedgerError,
        "the ledger {where} refuses this user or has no such database ({told}); create it or "
        "change HOKUSAI_LEDGER_URL",
    ),
    (("append-only",), LedgerError, "the ledger {where} refused a change: {told}"),
    (
        ("readonly", "read-only", "permission denied"),
        LedgerError,
        "the ledger {where} cannot be written ({told}); give this user write access to it and, for "
        "SQLite, to its folder, or change HOKUSAI_LEDGER_URL",
    ),
    (
        ("disk is full", "no space", "disk i/o"),
        LedgerError,
        "the disk of the ledger {where} fails or is full ({told}); make room and run again: what "
        "was acknowledged is kept",
    ),
    (
        ("unable to open",),
        LedgerError,
        "the ledger {where} cannot be opened ({told}); it must be a file in a folder that this "
        "user may write",
    ),
)


def _explain(problem: SQLAlchemyError, where: str, wait: float) -> LedgerError:
    told = _told_by_driver(problem.orig) if isinstance(problem, DBAPIError) else str(problem)
    told = " ".join(told.split())
    for signs, error, message in _REMEDIES:
        if any(sign in told.lower() for sign in signs):
            return error(message.format(where=where, wait=wait, told=told))
    unreachable = isinstance(problem, OperationalError | InterfaceError)
    if unreachable or getattr(problem, "connection_invalidated", False):
        return LedgerError(
            f"the ledger {where} does not answer ({told}); check that the database runs and "
            "HOKUSAI_LEDGER_URL names it, then run again: repeating is safe"
        )
    return LedgerError(f"the ledger {where} failed: {told}")


def _told_by_driver(problem: BaseException | None) -> str:
    """A driver's message; pg8000 gives the fields of the server's answer instead."""
    fields = problem.args[0] if problem is not None and problem.args else None
    return str(fields["M"]) if isinstance(fields, dict) and "M" in fields else str(problem)
