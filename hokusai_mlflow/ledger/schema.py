"""The one table, and the triggers that let it only grow."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    inspect,
    text,
)

metadata = MetaData()

entries = Table(
    "entries",
    metadata,
    # SQLite makes only an INTEGER primary key its row id.
    Column(
        "seq",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("attempt", Text),
    Column("body", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("previous", Text, nullable=False, unique=True),
    Column("digest", Text, nullable=False, unique=True),
    UniqueConstraint("kind", "key", name="entries_kind_key"),
    Index("entries_model", "model", "seq"),
)

_SQLITE = (
    """CREATE TRIGGER IF NOT EXISTS entries_no_update BEFORE UPDATE ON entries
       BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: no UPDATE'); END""",
    """CREATE TRIGGER IF NOT EXISTS entries_no_delete BEFORE DELETE ON entries
       BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: no DELETE'); END""",
    # INSERT OR REPLACE deletes without firing the delete trigger.
    """CREATE TRIGGER IF NOT EXISTS entries_append BEFORE INSERT ON entries
       WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM entries)
         OR EXISTS (SELECT 1 FROM entries WHERE kind = NEW.kind AND key = NEW.key)
         OR EXISTS (SELECT 1 FROM entries
                    WHERE digest = NEW.digest OR previous = NEW.previous)
       BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: entries follow the last one'); END""",
)

_POSTGRESQL = (
    """CREATE OR REPLACE FUNCTION entries_append_only() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN
         RAISE EXCEPTION USING MESSAGE = 'the ledger is append-only: no ' || TG_OP;
       END $$""",
    """CREATE OR REPLACE TRIGGER entries_no_change BEFORE UPDATE OR DELETE ON entries
       FOR EACH ROW EXECUTE FUNCTION entries_append_only()""",
    """CREATE OR REPLACE TRIGGER entries_no_truncate BEFORE TRUNCATE ON entries
       FOR EACH STATEMENT EXECUTE FUNCTION entries_append_only()""",
)

_PRESENT = {
    "sqlite": "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'entries'",
    "postgresql": "SELECT count(*) FROM pg_trigger "
    "WHERE tgrelid = to_regclass('entries') AND NOT tgisinternal",
}
TRIGGERS = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}


def is_complete(connection: Connection) -> bool:
    """Whether the table and its triggers exist."""
    dialect = connection.dialect.name
    expected = {"sqlite": len(_SQLITE), "postgresql": 2}[dialect]
    found: int = connection.execute(text(_PRESENT[dialect])).scalar_one()
    return found >= expected


def create(connection: Connection) -> None:
    """Make the table and its triggers, inside the caller's write transaction."""
    if connection.dialect.name == "postgresql":
        # CREATE ... IF NOT EXISTS of two sessions at once can still collide in the catalogue.
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('hokusai.entries'))"))
    metadata.create_all(connection)
    for statement in TRIGGERS[connection.dialect.name]:
        connection.exec_driver_sql(statement)


def missing_columns(connection: Connection) -> set[str]:
    """Columns that an existing table named ``entries`` lacks; empty when it is ours or absent."""
    schema = inspect(connection)
    if not schema.has_table(entries.name):
        return set()
    found = {column["name"] for column in schema.get_columns(entries.name)}
    return {column.name for column in entries.columns} - found
