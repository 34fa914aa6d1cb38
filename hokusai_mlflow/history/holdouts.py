"""The budget of a model's sealed hold-outs: looks spent of looks admitted."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select

from hokusai_mlflow.history.schema import looks, retired
from hokusai_mlflow.history.store import History


@dataclass(frozen=True)
class Holdout:
    """One sealed hold-out that was looked at.

    Attributes
    ----------
    model, name : str
    spent, quota : int
        Looks spent, and looks that it admits.
    accepted : int
        Looks whose test was passed.
    alpha, level : float
        Chance of any false acceptance over its life; level of the latest look.
    retired : bool
        Whether it is closed for good.
    """

    model: str
    name: str
    spent: int
    quota: int
    accepted: int
    alpha: float
    level: float
    retired: bool

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)


def read(history: History, model: str) -> tuple[Holdout, ...]:
    """Hold-outs of a model, in the order in which they were first looked at."""
    query = (
        select(
            looks.c.holdout,
            func.count().label("spent"),
            # A quota may shrink during a hold-out's life.
            func.min(looks.c.quota).label("quota"),
            func.sum(looks.c.accepted).label("accepted"),
            func.max(looks.c.alpha).label("alpha"),
            func.min(looks.c.level).label("level"),
            (retired.c.holdout.is_not(None)).label("retired"),
        )
        .outerjoin(
            retired, (retired.c.model == looks.c.model) & (retired.c.holdout == looks.c.holdout)
        )
        .where(looks.c.model == model)
        .group_by(looks.c.holdout)
        .order_by(func.min(looks.c.at))
    )
    with history.connect() as connection:
        return tuple(
            Holdout(
                model,
                row.holdout,
                row.spent,
                row.quota,
                row.accepted,
                row.alpha,
                row.level,
                bool(row.retired),
            )
            for row in connection.execute(query)
        )
