"""Models: who is champion, how attempts went, what was paid."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Row, Select, func, select

from hokusai_mlflow.errors import UnknownName, did_you_mean
from hokusai_mlflow.history.listing import Listing, Page, read_page
from hokusai_mlflow.history.schema import (
    attempts,
    champions,
    joined_wei,
    settlements,
    summed_wei,
)
from hokusai_mlflow.history.store import History
from hokusai_mlflow.history.times import read_time


@dataclass(frozen=True, repr=False)
class Model:
    """One model.

    Attributes
    ----------
    name : str
        Registered model name.
    metric : str
        The metric that is gated and paid; empty before the first verdict.
    owner : str
        Account of the owner; empty before the first receipt.
    attempts, promoted, held, rejected, abandoned, open : int
        Attempts in all, and by how they ended.
    champion_version : int or None
        By the ledger.
    champion_since : datetime or None
        When it became champion (UTC).
    score : float or None
        The paid metric's value of the champion, on the hold-out that it was promoted on.
    improvement_bps, ci_low_bps, ci_high_bps : float or None
        Of the latest attempt with a verdict.
    latest_outcome : str
        How the latest attempt ended.
    latest_at : datetime
        When it began (UTC).
    paid_bps : int
        Basis points that are paid for, settled already or not yet; without payments that were
        refused for good.
    reward : int
        Wei paid, final.
    provisional, failed : int
        Payments that are not final yet, and payments that were refused for good.
    """

    name: str
    metric: str
    owner: str
    attempts: int
    promoted: int
    held: int
    rejected: int
    abandoned: int
    open: int
    champion_version: int | None
    champion_since: datetime | None
    score: float | None
    improvement_bps: float | None
    ci_low_bps: float | None
    ci_high_bps: float | None
    latest_outcome: str
    latest_at: datetime
    paid_bps: int
    reward: int
    provisional: int
    failed: int

    @property
    def delta_ones(self) -> float:
        """DeltaOnes earned: basis points paid for, by hundred."""
        return self.paid_bps / 100

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; wei are decimal strings."""
        since = self.champion_since.isoformat() if self.champion_since else None
        times = {"champion_since": since, "latest_at": self.latest_at.isoformat()}
        return asdict(self) | times | {"reward": str(self.reward)}

    def __repr__(self) -> str:
        return f"Model({self.name}: version {self.champion_version}, {self.attempts} attempts)"


def read(history: History, listing: Listing | None = None) -> Page[Model]:
    """Models, the one with the latest attempt first unless sorted otherwise."""
    query, columns = _query()
    with history.connect() as connection:
        return read_page(
            connection,
            query,
            _model,
            listing or Listing(),
            columns=columns,
            order=(columns["latest_at"].desc(),),
            searched=(columns["name"],),
        )


def get(history: History, name: str) -> Model:
    """One model.

    Raises
    ------
    UnknownName
        When the ledger has no attempt of such a model, with near names.
    """
    query, columns = _query(name)
    with history.connect() as connection:
        row = connection.execute(query.where(columns["name"] == name)).first()
    if row is None:
        known = names(history)
        raise UnknownName(
            f"the ledger has no model {name[:100]!r}{did_you_mean(name[:100], known)}"
        )
    return _model(row)


def names(history: History) -> tuple[str, ...]:
    """Names of all models, in order."""
    query = select(attempts.c.model).distinct().order_by(attempts.c.model)
    with history.connect() as connection:
        return tuple(connection.execute(query).scalars())


def _query(only: str | None = None) -> tuple[Select[Any], dict[str, Any]]:
    grouped, paying, crowned = (
        _restricted(one, table, only)
        for one, table in ((_counted(), attempts), (_paid(), settlements), (_last(), champions))
    )
    counted = grouped.subquery("counted")
    paid = paying.subquery("paid")
    last = crowned.subquery("last")
    # The latest attempt, the latest with a verdict, and the one that made the champion.
    newest, judged, winner = (attempts.alias(name) for name in ("newest", "judged", "winner"))
    champion = champions.alias("champion")
    query = (
        select(
            counted,
            newest.c.outcome.label("latest_outcome"),
            newest.c.opened_at.label("latest_at"),
            judged.c.improvement_bps,
            judged.c.ci_low_bps,
            judged.c.ci_high_bps,
            champion.c.version.label("champion_version"),
            champion.c.at.label("champion_since"),
            winner.c.candidate.label("score"),
            paid.c.reward_micro,
            paid.c.reward_rest,
            paid.c.provisional,
            paid.c.failed,
            paid.c.failed_bps,
        )
        .join(newest, newest.c.seq == counted.c.newest)
        .outerjoin(judged, judged.c.seq == counted.c.judged)
        .outerjoin(last, last.c.model == counted.c.name)
        .outerjoin(champion, champion.c.seq == last.c.seq)
        .outerjoin(
            winner,
            (winner.c.model == champion.c.model)
            & (winner.c.candidate_version == champion.c.version),
        )
        .outerjoin(paid, paid.c.model == counted.c.name)
    )
    columns = {
        "name": counted.c.name,
        "attempts": counted.c.attempts,
        "promoted": counted.c.promoted,
        "champion_version": champion.c.version,
        "champion_since": champion.c.seq,
        "score": winner.c.candidate,
        "improvement_bps": judged.c.improvement_bps,
        "latest_outcome": newest.c.outcome,
        "latest_at": newest.c.seq,
        "paid_bps": counted.c.paid_bps - func.coalesce(paid.c.failed_bps, 0),
    }
    return query, columns


def _restricted(query: Select[Any], table: Any, model: str | None) -> Select[Any]:
    return query if model is None else query.where(table.c.model == model)


def _counted() -> Select[Any]:
    def ended(outcome: str) -> Any:
        return func.sum((attempts.c.outcome == outcome).cast(Integer))

    judged = attempts.c.improvement_bps.is_not(None)
    return select(
        attempts.c.model.label("name"),
        func.max(attempts.c.metric).label("metric"),
        func.max(attempts.c.owner).label("owner"),
        func.count().label("attempts"),
        ended("promoted").label("promoted"),
        ended("hold").label("held"),
        ended("reject").label("rejected"),
        ended("abandoned").label("abandoned"),
        ended("open").label("open"),
        func.coalesce(func.sum(attempts.c.paid_bps), 0).label("paid_bps"),
        func.max(attempts.c.seq).label("newest"),
        func.max(attempts.c.seq).filter(judged).label("judged"),
    ).group_by(attempts.c.model)


def _paid() -> Select[Any]:
    state = settlements.c.state
    return select(
        settlements.c.model,
        *summed_wei(settlements, "reward"),
        func.sum((state.not_in(("confirmed", "failed"))).cast(Integer)).label("provisional"),
        func.sum((state == "failed").cast(Integer)).label("failed"),
        func.sum(settlements.c.paid_bps).filter(state == "failed").label("failed_bps"),
    ).group_by(settlements.c.model)


def _last() -> Select[Any]:
    return select(champions.c.model, func.max(champions.c.seq).label("seq")).group_by(
        champions.c.model
    )


def _model(row: Row[Any]) -> Model:
    latest = read_time(row.latest_at)
    assert latest is not None
    computed = {"champion_since", "latest_at", "reward", "provisional", "failed", "paid_bps"}
    kept = {n: getattr(row, n) for n in Model.__dataclass_fields__ if n not in computed}
    return Model(
        **kept,
        champion_since=read_time(row.champion_since or ""),
        latest_at=latest,
        paid_bps=row.paid_bps - (row.failed_bps or 0),
        reward=joined_wei(row.reward_micro, row.reward_rest),
        provisional=row.provisional or 0,
        failed=row.failed or 0,
    )
