"""Attempts to improve a model: verdict, improvement, interval, look, when, and why not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select

from hokusai_mlflow.errors import InputError, UnknownName
from hokusai_mlflow.history.listing import Listing, Page, read_page
from hokusai_mlflow.history.schema import attempts
from hokusai_mlflow.history.store import History
from hokusai_mlflow.history.times import read_time, within

OUTCOMES = ("promoted", "reject", "refused", "hold", "baseline", "open", "abandoned")
"""How an attempt ended; ``open``: it has not; ``refused``: by a person, after the gate agreed;
``abandoned``: recipe or data failed."""


@dataclass(frozen=True, repr=False)
class Attempt:
    """One attempt.

    Attributes
    ----------
    id, model : str
        Which one, of which model.
    number : int
        Position among the model's attempts, from 1.
    outcome : str
        One of `OUTCOMES`.
    opened_at : datetime
        When it began (UTC).
    closed_at : datetime or None
        When it ended.
    metric : str
        The metric that is gated and paid; empty before the verdict.
    champion_version, candidate_version : int or None
        Versions in the registry.
    baseline, candidate : float or None
        The metric's value of champion and candidate on the sealed hold-out.
    improvement_bps, ci_low_bps, ci_high_bps : float or None
        Improvement in basis points, positive is better, with its 95 % interval.
    p_value, level : float or None
        One-sided p-value, and the level of this look.
    n : int or None
        Examples that were compared on.
    look, quota : int or None
        This was look `look` of at most `quota` at `holdout`.
    holdout : str
        Name of the sealed hold-out.
    paid_bps, measured_bps : int or None
        What is paid for, and what was measured for payment; None before evidence.
    unpaid_reason : str
        Why a promotion is not paid.
    evidence : str
        Evidence digest, or nothing.
    run_id : str
        MLflow run.
    reasons : tuple of mapping
        Findings that stand in the way: code, outcome, message, remedy.
    message : str
        The receipt's sentence, or why it was abandoned.
    """

    id: str
    model: str
    number: int
    outcome: str
    opened_at: datetime
    closed_at: datetime | None
    metric: str
    champion_version: int | None
    candidate_version: int | None
    baseline: float | None
    candidate: float | None
    improvement_bps: float | None
    ci_low_bps: float | None
    ci_high_bps: float | None
    p_value: float | None
    level: float | None
    n: int | None
    look: int | None
    quota: int | None
    holdout: str
    paid_bps: int | None
    measured_bps: int | None
    unpaid_reason: str
    evidence: str
    run_id: str
    reasons: tuple[Mapping[str, str], ...]
    message: str

    @property
    def delta_ones(self) -> float:
        """DeltaOnes that it is worth: paid basis points by hundred."""
        return (self.paid_bps or 0) / 100

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the findings that stand in the way."""
        return tuple(reason["code"] for reason in self.reasons)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        ended = self.closed_at.isoformat() if self.closed_at else None
        reasons = [dict(reason) for reason in self.reasons]
        times = {"opened_at": self.opened_at.isoformat(), "closed_at": ended}
        return asdict(self) | times | {"reasons": reasons}

    def __repr__(self) -> str:
        told = "" if self.improvement_bps is None else f", {self.improvement_bps:+.0f} bps"
        return f"Attempt({self.model} #{self.number}: {self.outcome}{told})"


COLUMNS = {
    name: attempts.c[name]
    for name in ("number", "model", "outcome", "metric", "improvement_bps", "p_value", "n")
} | {
    "opened_at": attempts.c.seq,
    "look": attempts.c.look,
    "paid_bps": attempts.c.paid_bps,
    "candidate_version": attempts.c.candidate_version,
}
"""What attempts may be sorted by."""


def read(
    history: History,
    listing: Listing | None = None,
    *,
    model: str | None = None,
    outcome: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Page[Attempt]:
    """Attempts, newest first unless sorted otherwise.

    Parameters
    ----------
    history : History
    listing : Listing, optional
        Which page; a search looks in model, identity, message and reasons.
    model, outcome : str, optional
        Only of this model, only with this outcome.
    since, until : datetime, optional
        Only those that began from `since` on and before `until`.

    Raises
    ------
    InputError
        When there is no such outcome.
    """
    if outcome is not None and outcome not in OUTCOMES:
        raise InputError(f"no outcome {outcome!r}; there are {', '.join(OUTCOMES)}")
    table = attempts.c
    query = select(attempts)
    query = query if model is None else query.where(table.model == model)
    query = query if outcome is None else query.where(table.outcome == outcome)
    query = within(query, table.opened_at, since, until)
    with history.connect() as connection:
        return read_page(
            connection,
            query,
            of_row,
            listing or Listing(),
            columns=COLUMNS,
            order=(table.seq.desc(),),
            searched=(table.model, table.id, table.message, table.reasons),
        )


def get(history: History, attempt: str) -> Attempt:
    """One attempt.

    Raises
    ------
    UnknownName
        When the ledger has no such attempt.
    """
    with history.connect() as connection:
        row = connection.execute(select(attempts).where(attempts.c.id == attempt)).first()
    if row is None:
        raise UnknownName(f"the ledger has no attempt {attempt[:40]!r}")
    return of_row(row)


def between(history: History, model: str, champion: int, candidate: int) -> Attempt | None:
    """The attempt that compared these two versions on the same examples; None when none did."""
    query = select(attempts).where(
        attempts.c.model == model,
        attempts.c.champion_version == champion,
        attempts.c.candidate_version == candidate,
    )
    with history.connect() as connection:
        row = connection.execute(query.limit(1)).first()
    return None if row is None else of_row(row)


def counts(history: History, model: str | None = None) -> dict[str, int]:
    """How many attempts ended how; every outcome is there, also with 0."""
    query = select(attempts.c.outcome, func.count()).group_by(attempts.c.outcome)
    if model is not None:
        query = query.where(attempts.c.model == model)
    with history.connect() as connection:
        found = dict(connection.execute(query).tuples().all())
    return {outcome: found.get(outcome, 0) for outcome in OUTCOMES}


def of_row(row: Row[Any]) -> Attempt:
    """The attempt of a row that has all its columns."""
    told = row._asdict()
    opened = read_time(told["opened_at"])
    assert opened is not None
    kept = {name: told[name] for name in Attempt.__dataclass_fields__}
    reasons = tuple(json.loads(told["reasons"]))
    kept |= {"opened_at": opened, "closed_at": read_time(told["closed_at"]), "reasons": reasons}
    return Attempt(**kept)
