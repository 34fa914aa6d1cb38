"""Rows about what contributors brought, what it was worth, and what they were paid."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, insert, select, update

from hokusai_mlflow.deltaone import CONTRIBUTORS_PERCENT
from hokusai_mlflow.evidence import share_total
from hokusai_mlflow.history.schema import contributions, split_wei
from hokusai_mlflow.ledger import Entry

_TABLE = contributions
_DUPLICATES = ("copy", "near_copy", "already_known", "duplicate")
_KEY, _NAMED = bindparam("of"), _TABLE.c.name == bindparam("named")
_CHANGE = update(_TABLE).where(_TABLE.c.attempt == _KEY, _NAMED)
_ADDRESS = (
    select(_TABLE.c.address)
    .where(_TABLE.c.model == _KEY, _NAMED, _TABLE.c.address != "")
    .order_by(_TABLE.c.seq.desc())
    .limit(1)
)
_UNTOLD = _TABLE.c.account == bindparam("named")
_NAME = update(_TABLE).where(_TABLE.c.model == _KEY, _UNTOLD, _NAMED)


def opened(connection: Connection, entry: Entry) -> None:
    """Contributions were checked."""
    for check in entry.body["checks"]:
        known = connection.execute(_ADDRESS, {"of": entry.model, "named": check["name"]})
        address = known.scalar() or ""
        row = {
            "attempt": entry.key,
            "model": entry.model,
            "name": check["name"],
            "address": address,
            "account": address or check["name"],
            "at": entry.created_at.isoformat(),
            "seq": entry.seq,
            "given": check["given"],
            "accepted": check["accepted"],
            "duplicates": duplicates(check["counts"]),
            "excluded": json.dumps(check["counts"]),
        }
        connection.execute(insert(_TABLE), row)


def evidence(connection: Connection, entry: Entry) -> None:
    """An improvement was attributed."""
    document = entry.body["document"]
    found = document["contributions"]
    addresses = found["addresses"]
    _address(connection, entry, addresses)
    shapley = found["shapley"]
    values = zip(
        shapley.get("players", ()),
        shapley.get("values", ()),
        shapley.get("std_errors", ()),
        strict=True,
    )
    of = {name: (value, error) for name, value, error in values}
    whole = share_total(found)
    for name in addresses:
        value, error = of.get(name, (0.0, None))
        told = {
            "evidence": entry.body["digest"],
            "value_bps": None if value is None else value * 10_000,
            "std_error_bps": None if error is None else error * 10_000,
            "share": found["shares"].get(name, 0) / whole,
            "share_units": found["shares"].get(name, 0),
        }
        connection.execute(_CHANGE, {"of": entry.key, "named": name, **told})


def closed(connection: Connection, entry: Entry) -> None:
    """A receipt names everybody's account, also where nothing was promoted."""
    lines = entry.body.get("receipt", {}).get("contributors", ())
    _address(connection, entry, {line["name"]: line["address"] for line in lines})


def paid(connection: Connection, evidence_digest: str, reward: int, by: Mapping[str, str]) -> None:
    """A reward was paid; `by` maps accounts to wei, as decimal strings.

    Whoever brought two contributions under one account is paid one sum: it is divided as the
    shares are, and what rounding leaves goes to the first.
    """
    query = select(_TABLE).where(_TABLE.c.evidence == evidence_digest).order_by(_TABLE.c.name)
    rows = [row for row in connection.execute(query) if row.share_units]
    left = {account.lower(): int(wei) for account, wei in by.items()}
    parts, total = {}, sum(row.share_units for row in rows)
    for row in rows:
        part = reward * CONTRIBUTORS_PERCENT * row.share_units // (100 * total)
        part = min(part, left.get(row.address.lower(), 0))
        parts[row.name] = part
        left[row.address.lower()] = left.get(row.address.lower(), 0) - part
    for row in rows:
        part = parts[row.name] + max(0, left.pop(row.address.lower(), 0))
        told = {"of": row.attempt, "named": row.name}
        connection.execute(_CHANGE, told | split_wei("paid", part))


def unpaid(connection: Connection, evidence_digest: str) -> None:
    """A payment was undone by the chain."""
    changed = update(_TABLE).where(_TABLE.c.evidence == evidence_digest)
    connection.execute(changed.values(**split_wei("paid", 0)))


def duplicates(excluded: Mapping[str, int]) -> int:
    """How many of the rows left out are copies, of the pool's or of somebody's earlier rows."""
    return sum(rows for code, rows in excluded.items() if code.split(".")[0] in _DUPLICATES)


def _address(connection: Connection, entry: Entry, addresses: Mapping[str, str]) -> None:
    for name, address in addresses.items():
        told = {"address": address, "account": address}
        connection.execute(_CHANGE, {"of": entry.key, "named": name, **told})
        # Earlier attempts that ended before anybody named the account.
        connection.execute(_NAME, {"of": entry.model, "named": name, **told})
