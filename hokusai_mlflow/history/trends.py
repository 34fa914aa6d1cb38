"""How a metric went: every attempt's score on the sealed hold-outs, with its interval."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select

from hokusai_mlflow.history.schema import attempts, metrics
from hokusai_mlflow.history.store import History
from hokusai_mlflow.history.times import read_time, within


@dataclass(frozen=True, repr=False)
class Point:
    """One metric of one attempt.

    Attributes
    ----------
    attempt, model, metric : str
    number : int
        The attempt's number among the model's.
    at : datetime
        When it was measured (UTC).
    outcome : str
        How the attempt ended.
    role : {"paid", "also", "guardrail"}
        Gated and paid, logged beside it, or guarded.
    version : int or None
        The candidate's version in the registry.
    baseline, candidate : float or None
        Values of champion and candidate, on the same examples.
    low, high : float or None
        95 % interval of the candidate's value given the champion's, for the paid metric.
    improvement_bps, p_value : float or None
        For the paid metric and for guardrails.
    n : int or None
        Examples.
    """

    attempt: str
    model: str
    metric: str
    number: int
    at: datetime
    outcome: str
    role: str
    version: int | None
    baseline: float | None
    candidate: float | None
    low: float | None
    high: float | None
    improvement_bps: float | None
    p_value: float | None
    n: int | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self) | {"at": self.at.isoformat()}

    def __repr__(self) -> str:
        return f"Point({self.metric} of {self.model} #{self.number}: {self.candidate})"


def read(
    history: History,
    model: str,
    metric: str | None = None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 500,
) -> tuple[Point, ...]:
    """Points of one metric, or of all, oldest first; the newest `limit` of them.

    Parameters
    ----------
    history : History
    model : str
    metric : str, optional
        Name of the metric, or of a guardrail such as ``"accuracy where sex=female"``.
    since, until : datetime, optional
        Only what was measured from `since` on and before `until`.
    limit : int, default 500
    """
    query = (
        select(
            metrics,
            attempts.c.number,
            attempts.c.outcome,
            attempts.c.candidate_version.label("version"),
        )
        .join(attempts, attempts.c.id == metrics.c.attempt)
        .where(metrics.c.model == model)
    )
    query = query if metric is None else query.where(metrics.c.metric == metric)
    query = within(query, metrics.c.at, since, until)
    query = query.order_by(metrics.c.seq.desc(), metrics.c.metric).limit(limit)
    with history.connect() as connection:
        found = [_point(row) for row in connection.execute(query)]
    return tuple(reversed(found))


def names(history: History, model: str) -> tuple[str, ...]:
    """Metrics that were measured of a model: the paid one first, then those beside it, guardrails.

    A metric that has been paid is first also where it was logged beside another at other times.
    """
    rank = func.min(func.instr("paid also guardrail", metrics.c.role))
    query = select(metrics.c.metric).where(metrics.c.model == model).group_by(metrics.c.metric)
    with history.connect() as connection:
        return tuple(connection.execute(query.order_by(rank, metrics.c.metric)).scalars())


def current(history: History, model: str, version: int) -> tuple[Point, ...]:
    """What was measured of one version when it was the candidate, guardrails included."""
    query = (
        select(
            metrics,
            attempts.c.number,
            attempts.c.outcome,
            attempts.c.candidate_version.label("version"),
        )
        .join(attempts, attempts.c.id == metrics.c.attempt)
        .where(attempts.c.model == model, attempts.c.candidate_version == version)
        .order_by(func.instr("paid also guardrail", metrics.c.role), metrics.c.metric)
    )
    with history.connect() as connection:
        return tuple(_point(row) for row in connection.execute(query))


def _point(row: Row[Any]) -> Point:
    at = read_time(row.at)
    assert at is not None
    kept = {n: getattr(row, n) for n in Point.__dataclass_fields__ if n != "at"}
    return Point(**kept, at=at)
