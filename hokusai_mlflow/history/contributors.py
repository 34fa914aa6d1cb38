"""Contributors: what they brought, what it was worth, what they were paid."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, select

from hokusai_mlflow.deltaone import WAD
from hokusai_mlflow.errors import UnknownName
from hokusai_mlflow.history.listing import Listing, Page, read_page
from hokusai_mlflow.history.schema import attempts, contributions, joined_wei, summed_wei
from hokusai_mlflow.history.store import History
from hokusai_mlflow.history.times import read_time, within

_TABLE = contributions


@dataclass(frozen=True, repr=False)
class Contribution:
    """What one contributor brought to one attempt.

    Attributes
    ----------
    attempt, model, name, address : str
        To which attempt of which model, under which name and account.
    at : datetime
        When (UTC).
    outcome : str
        How the attempt ended.
    given, accepted, duplicates : int
        Rows brought, rows accepted, and rows left out as copies.
    excluded : mapping of str to int
        Rows left out, by code.
    value_bps, std_error_bps : float or None
        Shapley value in basis points of the metric's improvement, and its standard error; None
        where nothing was promoted.
    share : float
        Share of the contributors' part, as a fraction.
    paid : int
        Wei paid, final.
    evidence : str
        Evidence digest, or nothing.
    """

    attempt: str
    model: str
    name: str
    address: str
    at: datetime
    outcome: str
    given: int
    accepted: int
    duplicates: int
    excluded: Mapping[str, int]
    value_bps: float | None
    std_error_bps: float | None
    share: float
    paid: int
    evidence: str

    @property
    def delta_ones(self) -> float:
        """DeltaOne tokens paid."""
        return self.paid / WAD

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; wei are decimal strings."""
        told = {"at": self.at.isoformat(), "excluded": dict(self.excluded), "paid": str(self.paid)}
        return asdict(self) | told

    def __repr__(self) -> str:
        return f"Contribution({self.name} to {self.model}: {self.accepted} of {self.given} rows)"


@dataclass(frozen=True, repr=False)
class Contributor:
    """One account over all its contributions.

    Attributes
    ----------
    account : str
        Its address; the name where no receipt has told the address yet.
    name : str
        Under which it contributed last.
    models, contributions, rewarded : int
        Models contributed to, contributions, and those that were given a share.
    given, accepted, duplicates : int
        Rows brought, accepted, and left out as copies.
    impact_bps : float
        Sum of the Shapley values, in basis points.
    std_error_bps : float
        Its standard error, the values taken as independent.
    paid : int
        Wei paid, final.
    latest_at : datetime
        When it contributed last (UTC).
    """

    account: str
    name: str
    models: int
    contributions: int
    rewarded: int
    given: int
    accepted: int
    duplicates: int
    impact_bps: float
    std_error_bps: float
    paid: int
    latest_at: datetime

    @property
    def acceptance(self) -> float | None:
        """Rows accepted of rows given; None when none were given."""
        return self.accepted / self.given if self.given else None

    @property
    def delta_ones(self) -> float:
        """DeltaOne tokens paid."""
        return self.paid / WAD

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; wei are decimal strings."""
        told = {"acceptance": self.acceptance, "latest_at": self.latest_at.isoformat()}
        return asdict(self) | told | {"paid": str(self.paid)}

    def __repr__(self) -> str:
        return f"Contributor({self.name}: {self.delta_ones:g} DeltaOnes)"


def read(
    history: History,
    listing: Listing | None = None,
    *,
    model: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Page[Contributor]:
    """Contributors, those paid most first unless sorted otherwise.

    Parameters
    ----------
    history : History
    listing : Listing, optional
        Which page; a search looks in names and accounts.
    model : str, optional
        Only their contributions to this model.
    since, until : datetime, optional
        Only contributions from `since` on and before `until`.
    """
    query, columns = _grouped(model, since, until)
    with history.connect() as connection:
        return read_page(
            connection,
            query,
            _contributor,
            listing or Listing(),
            columns=columns,
            order=(columns["paid"].desc(), columns["impact_bps"].desc(), columns["account"]),
            searched=(columns["name"], columns["account"]),
        )


def get(history: History, account: str) -> Contributor:
    """One contributor, by address.

    Raises
    ------
    UnknownName
        When nobody contributed under this account.
    """
    query, columns = _grouped(None, None, None)
    with history.connect() as connection:
        row = connection.execute(query.where(columns["account"] == account)).first()
    if row is None:
        raise UnknownName(f"nobody contributed as {account[:100]!r}")
    return _contributor(row)


CONTRIBUTION_COLUMNS = {
    name: _TABLE.c[name]
    for name in ("model", "name", "given", "accepted", "duplicates", "value_bps", "share")
} | {"at": _TABLE.c.seq, "outcome": attempts.c.outcome, "paid": _TABLE.c.paid_micro}
"""What contributions may be sorted by."""


def contributed(
    history: History,
    listing: Listing | None = None,
    *,
    account: str | None = None,
    model: str | None = None,
    attempt: str | None = None,
) -> Page[Contribution]:
    """Single contributions, newest first unless sorted otherwise."""
    query = select(_TABLE, attempts.c.outcome).join(attempts, attempts.c.id == _TABLE.c.attempt)
    for column, wanted in (("account", account), ("model", model), ("attempt", attempt)):
        if wanted is not None:
            query = query.where(_TABLE.c[column] == wanted)
    with history.connect() as connection:
        return read_page(
            connection,
            query,
            _contribution,
            listing or Listing(),
            columns=CONTRIBUTION_COLUMNS,
            order=(_TABLE.c.seq.desc(), _TABLE.c.name),
            searched=(_TABLE.c.model, _TABLE.c.name),
        )


def _grouped(
    model: str | None, since: datetime | None, until: datetime | None
) -> tuple[Select[Any], dict[str, Any]]:
    of = _TABLE.c
    query = select(
        of.account,
        # With a single max() beside them, SQLite takes the other columns from its row.
        of.name,
        func.max(of.seq).label("newest"),
        of.at,
        func.count(of.model.distinct()).label("models"),
        func.count().label("contributions"),
        func.count().filter(of.share > 0).label("rewarded"),
        func.sum(of.given).label("given"),
        func.sum(of.accepted).label("accepted"),
        func.sum(of.duplicates).label("duplicates"),
        func.coalesce(func.sum(of.value_bps), 0.0).label("impact_bps"),
        func.coalesce(func.sum(of.std_error_bps * of.std_error_bps), 0.0).label("variance"),
        *summed_wei(_TABLE, "paid"),
    ).group_by(of.account)
    query = query if model is None else query.where(of.model == model)
    grouped = within(query, of.at, since, until).subquery("grouped")
    found = grouped.c
    columns: dict[str, Any] = {
        name: found[name] for name in ("account", "name", "models", "contributions")
    }
    columns |= {n: found[n] for n in ("rewarded", "given", "accepted", "duplicates", "impact_bps")}
    columns["acceptance"] = found.accepted * 1.0 / func.nullif(found.given, 0)
    # Millionths of a DeltaOne are enough to sort by.
    columns |= {"paid": found.paid_micro, "latest_at": found.newest}
    return select(grouped), columns


def _contributor(row: Row[Any]) -> Contributor:
    latest = read_time(row.at)
    assert latest is not None
    names = ("account", "name", "models", "contributions", "rewarded", "given", "accepted")
    return Contributor(
        **{name: getattr(row, name) for name in (*names, "duplicates", "impact_bps")},
        std_error_bps=math.sqrt(row.variance),
        paid=joined_wei(row.paid_micro, row.paid_rest),
        latest_at=latest,
    )


def _contribution(row: Row[Any]) -> Contribution:
    at = read_time(row.at)
    assert at is not None
    computed = {"at", "excluded", "paid"}
    kept = {n: getattr(row, n) for n in Contribution.__dataclass_fields__ if n not in computed}
    paid = joined_wei(row.paid_micro, row.paid_rest)
    return Contribution(**kept, at=at, excluded=json.loads(row.excluded), paid=paid)


def names(history: History) -> tuple[str, ...]:
    """Accounts of all contributors."""
    query = select(_TABLE.c.account).distinct().order_by(_TABLE.c.account)
    with history.connect() as connection:
        return tuple(connection.execute(query).scalars())
