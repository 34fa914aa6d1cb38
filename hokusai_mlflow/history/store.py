"""The read model: kept up to date from the ledger, entry by entry, and read by pages and reports.

The ledger's entries are whole documents in the order in which they were written. People ask other
questions: the attempts of a model by improvement, what a contributor earned, what failed to
settle. `History` keeps an index for them in one SQLite file, and reads into it only what the
ledger added since, so that any question costs the same after ten attempts and after ten thousand.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from sqlalchemy import Connection, delete, insert, inspect, select
from sqlalchemy.engine import URL

from hokusai_mlflow.history import schema
from hokusai_mlflow.history.folding import fold
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.ledger.database import WRITING, explained, open_engine
from hokusai_mlflow.settings import Settings

INDEX = "history.db"
_BATCH = 500
_WAIT = 30.0


class History:
    """What a ledger tells, indexed for reading.

    Any number of processes may use one index file at a time. An index that does not follow from
    the ledger (another ledger, an older version of this package) is made anew.

    Parameters
    ----------
    ledger : Ledger
        Never written to.
    index : Path
        SQLite file; made when missing, and safe to delete.
    """

    def __init__(self, ledger: Ledger, index: Path) -> None:
        self._ledger = ledger
        self._url = URL.create("sqlite", database=str(index))
        self._engine = open_engine(self._url, wait=_WAIT)
        try:
            self._prepare()
        except BaseException:
            self._engine.dispose()
            raise

    @classmethod
    @contextmanager
    def of(cls, settings: Settings) -> Iterator[History]:
        """The history of the ledger in force, with its index in the home, up to date.

        Parameters
        ----------
        settings : Settings
            Names the ledger and the home.
        """
        settings.prepare()
        with Ledger(settings.ledger) as ledger, cls(ledger, settings.home / INDEX) as history:
            history.refresh()
            yield history

    @property
    def ledger(self) -> Ledger:
        """The ledger that is read."""
        return self._ledger

    def refresh(self) -> int:
        """Read what the ledger added since.

        Returns
        -------
        int
            Position of the newest entry that the index knows.
        """
        while True:
            with self.connect() as connection:
                seq, digest = _position(connection)
            # The entry read last comes again, to see that it still is what it was.
            found = self._ledger.entries(after=max(seq - 1, 0), limit=_BATCH)
            if seq and (not found or found[0].digest != digest):
                self._clear()
                continue
            new = found[1:] if seq else found
            if not new:
                return seq
            with self.connect(writing=True) as connection:
                if _position(connection) != (seq, digest):
                    continue
                for entry in new:
                    fold(connection, entry)
                _set_position(connection, new[-1].seq, new[-1].digest)

    @contextmanager
    def connect(self, *, writing: bool = False) -> Iterator[Connection]:
        """A transaction on the index; for the readers of this package."""
        with (
            explained(self._url, _WAIT),
            self._engine.connect().execution_options(**{WRITING: writing}) as connection,
            connection.begin(),
        ):
            yield connection

    def close(self) -> None:
        """Close the index."""
        self._engine.dispose()

    def _prepare(self) -> None:
        with self.connect() as connection:
            if _version(connection) == schema.VERSION:
                return
        with self.connect(writing=True) as connection:
            if _version(connection) != schema.VERSION:
                schema.metadata.drop_all(connection)
                schema.metadata.create_all(connection)
                connection.execute(
                    insert(schema.meta),
                    [
                        {"key": "version", "value": schema.VERSION},
                        {"key": "seq", "value": "0"},
                        {"key": "digest", "value": ""},
                    ],
                )

    def _clear(self) -> None:
        with self.connect(writing=True) as connection:
            for table in schema.metadata.sorted_tables:
                if table is not schema.meta:
                    connection.execute(delete(table))
            _set_position(connection, 0, "")

    def __enter__(self) -> History:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"History({self._ledger!r})"


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(schema.meta.name):
        return None
    query = select(schema.meta.c.value).where(schema.meta.c.key == "version")
    return connection.execute(query).scalar()


def _position(connection: Connection) -> tuple[int, str]:
    kept = dict(connection.execute(select(schema.meta)).tuples().all())
    return int(kept["seq"]), kept["digest"]


def _set_position(connection: Connection, seq: int, digest: str) -> None:
    table = schema.meta
    for key, value in (("seq", str(seq)), ("digest", digest)):
        connection.execute(table.update().where(table.c.key == key).values(value=value))
