"""Tables of the read model: small rows with indices, made from the ledger's documents.

Nothing here is a record: all of it can be thrown away and made again from the ledger. Amounts of
wei are kept in two whole numbers, millionths of a DeltaOne and the rest, so that a database can
add them exactly.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    func,
)

VERSION = "3"
"""Another one has the index made anew."""

metadata = MetaData()
_MICRO = 10**12


def _numbers(*names: str) -> list[Column[Any]]:
    return [Column(name, Float) for name in names]


def _wholes(*names: str) -> list[Column[Any]]:
    return [Column(name, Integer) for name in names]


def _texts(*names: str) -> list[Column[Any]]:
    return [Column(name, Text, nullable=False, server_default="") for name in names]


def _wei(name: str) -> list[Column[Any]]:
    parts = (f"{name}_micro", f"{name}_rest")
    return [Column(part, Integer, nullable=False, server_default="0") for part in parts]


meta = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Text))

attempts = Table(
    "attempts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("model", Text, nullable=False),
    *_wholes("number", "seq", "champion_version", "candidate_version", "look", "quota", "n"),
    *_texts("opened_at", "decided_at", "closed_at", "run_id", "outcome", "metric", "holdout"),
    *_texts("message", "evidence", "unpaid_reason", "owner", "test"),
    Column("reasons", Text, nullable=False, server_default="[]"),
    *_numbers("level", "baseline", "candidate", "improvement_bps", "ci_low_bps", "ci_high_bps"),
    *_numbers("p_value", "detectable_bps"),
    *_wholes("paid_bps", "measured_bps"),
    Index("attempts_model", "model", "number"),
    Index("attempts_outcome", "outcome", "seq"),
    Index("attempts_seq", "seq"),
    Index("attempts_evidence", "evidence"),
)

champions = Table(
    "champions",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("model", Text, nullable=False),
    *_texts("kind", "attempt", "at", "reason"),
    *_wholes("version", "previous"),
    Index("champions_model", "model", "seq"),
)

metrics = Table(
    "metrics",
    metadata,
    Column("attempt", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("metric", Text, nullable=False),
    *_texts("role", "at"),
    *_wholes("seq", "n"),
    *_numbers("baseline", "candidate", "low", "high", "improvement_bps", "p_value", "margin_bps"),
    UniqueConstraint("attempt", "metric"),
    Index("metrics_model", "model", "metric", "seq"),
)

contributions = Table(
    "contributions",
    metadata,
    Column("attempt", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("name", Text, nullable=False),
    # The account that is paid; the name where no account was ever told.
    Column("account", Text, nullable=False),
    *_texts("address", "at", "evidence"),
    *_wholes("seq", "given", "accepted", "duplicates"),
    Column("excluded", Text, nullable=False, server_default="{}"),
    *_numbers("value_bps", "std_error_bps"),
    # A fraction to show and sort by, and the evidence's whole units to divide a payment by.
    Column("share", Float, nullable=False, server_default="0"),
    Column("share_units", Integer, nullable=False, server_default="0"),
    *_wei("paid"),
    UniqueConstraint("attempt", "name"),
    Index("contributions_account", "account", "seq"),
    Index("contributions_model", "model", "account"),
    Index("contributions_name", "model", "name", "seq"),
    Index("contributions_evidence", "evidence"),
)

settlements = Table(
    "settlements",
    metadata,
    Column("evidence", Text, primary_key=True),
    Column("model", Text, nullable=False),
    *_texts("attempt", "state", "reason", "error", "tx_hash", "contract", "sender", "paid_to"),
    *_texts("enqueued_at", "changed_at", "confirmed_at"),
    *_wholes("seq", "block", "chain_id", "paid_bps", "gas_limit"),
    *_wei("reward"),
    *_wei("owner"),
    Index("settlements_model", "model", "seq"),
    Index("settlements_state", "state", "seq"),
)

settlement_steps = Table(
    "settlement_steps",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("evidence", Text, nullable=False),
    *_texts("kind", "at", "tx_hash", "detail"),
    *_wholes("block"),
    Index("settlement_steps_evidence", "evidence", "seq"),
)

looks = Table(
    "looks",
    metadata,
    Column("test_key", Text, primary_key=True),
    Column("model", Text, nullable=False),
    *_texts("holdout", "attempt", "at"),
    *_wholes("number", "quota", "accepted"),
    *_numbers("level", "alpha"),
    Index("looks_model", "model", "holdout", "number"),
)

retired = Table(
    "retired",
    metadata,
    Column("model", Text, primary_key=True),
    Column("holdout", Text, primary_key=True),
    *_texts("at"),
)

measurements = Table(
    "measurements",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("model", Text, nullable=False),
    *_texts("at", "metric", "status"),
    *_wholes("version", "n"),
    *_numbers("value", "low", "high", "reference"),
    Column("inputs", Text, nullable=False, server_default="[]"),
    Column("reasons", Text, nullable=False, server_default="[]"),
    Index("measurements_model", "model", "seq"),
)

audits = Table(
    "audits",
    metadata,
    Column("contract", Text, primary_key=True),
    *_texts("at", "document", "problem"),
)

gas = Table(
    "gas",
    metadata,
    Column("tx_hash", Text, primary_key=True),
    *_wholes("used", "price"),
)


def split_wei(name: str, wei: int) -> dict[str, int]:
    """Values of the two columns that keep an amount."""
    micro, rest = divmod(wei, _MICRO)
    return {f"{name}_micro": micro, f"{name}_rest": rest}


def joined_wei(micro: int | None, rest: int | None) -> int:
    """Inverse of `split_wei`, also of sums of it."""
    return (micro or 0) * _MICRO + (rest or 0)


def summed_wei(table: Table, name: str) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """Two sums that `joined_wei` makes one exact amount of."""
    return (
        func.sum(table.c[f"{name}_micro"]).label(f"{name}_micro"),
        func.sum(table.c[f"{name}_rest"]).label(f"{name}_rest"),
    )
