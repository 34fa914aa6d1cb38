"""The champion timeline of a model: baseline, promotions, rollbacks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from hokusai_mlflow.history.schema import attempts, champions
from hokusai_mlflow.history.store import History
from hokusai_mlflow.history.times import read_time


@dataclass(frozen=True, repr=False)
class ChampionChange:
    """The alias `champion` was moved.

    Attributes
    ----------
    model : str
    kind : {"baseline", "promoted", "rolled_back"}
    version : int
        Version that the alias points to from then on.
    previous : int or None
        Version that it pointed to before.
    attempt : str
        Attempt that made the version; empty for a rollback.
    at : datetime
        When (UTC).
    reason : str
        Why it was rolled back.
    improvement_bps, score : float or None
        Improvement over the previous champion, and value of the paid metric, on the hold-out.
    """

    model: str
    kind: str
    version: int
    previous: int | None
    attempt: str
    at: datetime
    reason: str
    improvement_bps: float | None
    score: float | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self) | {"at": self.at.isoformat()}

    def __repr__(self) -> str:
        return f"ChampionChange({self.model}: {self.kind}, version {self.version})"


def read(history: History, model: str, *, limit: int = 500) -> tuple[ChampionChange, ...]:
    """Changes of a model's champion, oldest first; the newest `limit` of them."""
    query = (
        select(champions, attempts.c.improvement_bps, attempts.c.candidate.label("score"))
        .outerjoin(attempts, attempts.c.id == champions.c.attempt)
        .where(champions.c.model == model)
        .order_by(champions.c.seq.desc())
        .limit(limit)
    )
    with history.connect() as connection:
        found = [_change(row) for row in connection.execute(query)]
    return tuple(reversed(found))


def _change(row: Row[Any]) -> ChampionChange:
    at = read_time(row.at)
    assert at is not None
    names = ("model", "kind", "version", "previous", "attempt", "reason", "improvement_bps")
    return ChampionChange(**{n: getattr(row, n) for n in names}, at=at, score=row.score)
