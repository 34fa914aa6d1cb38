"""Which findings stood in the way of promotions, and how often."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select, true

from hokusai_mlflow.history.schema import attempts
from hokusai_mlflow.history.store import History


@dataclass(frozen=True)
class Obstacle:
    """One rule that stood in the way.

    Attributes
    ----------
    code : str
        The rule's.
    failed, insufficient : int
        Attempts that failed it, and attempts without enough evidence for it.
    latest : str
        The latest such attempt.
    model : str
        Its model.
    message, remedy : str
        What it was told, and what would change it.
    """

    code: str
    failed: int
    insufficient: int
    latest: str
    model: str
    message: str
    remedy: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)


def read(history: History, model: str | None = None) -> tuple[Obstacle, ...]:
    """Rules that stood in the way, the most frequent first."""
    each = func.json_each(attempts.c.reasons).table_valued("value", name="each")
    reason = each.c.value

    def told(name: str) -> Any:
        return func.json_extract(reason, f"$.{name}")

    lacking = told("outcome") == "insufficient"
    query = (
        select(
            told("code").label("code"),
            func.count().filter(~lacking).label("failed"),
            func.count().filter(lacking).label("insufficient"),
            # With a single max() beside them, SQLite takes the other columns from its row.
            func.max(attempts.c.seq),
            attempts.c.id,
            attempts.c.model,
            told("message").label("message"),
            told("remedy").label("remedy"),
        )
        .select_from(attempts)
        .join(each, true())
        .group_by(told("code"))
        .order_by(func.count().desc(), told("code"))
    )
    query = query if model is None else query.where(attempts.c.model == model)
    with history.connect() as connection:
        return tuple(
            Obstacle(
                row.code, row.failed, row.insufficient, row.id, row.model, row.message, row.remedy
            )
            for row in connection.execute(query)
        )
