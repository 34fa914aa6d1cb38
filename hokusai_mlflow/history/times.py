"""Times in the index: text in UTC that compares like time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select


def within(
    query: Select[Any], column: Any, since: datetime | None, until: datetime | None
) -> Select[Any]:
    """A query of rows from `since` on and before `until`; times without a zone are refused."""
    query = query if since is None else query.where(column >= stored_time(since))
    return query if until is None else query.where(column < stored_time(until))


def stored_time(given: datetime) -> str:
    """A time as the index keeps it, so that text compares like time.

    Raises
    ------
    ValueError
        When it has no time zone.
    """
    if given.tzinfo is None:
        raise ValueError(f"expected a time with a time zone, found {given.isoformat()}")
    return given.astimezone(UTC).isoformat(timespec="microseconds")


def read_time(stored: str) -> datetime | None:
    """Inverse of `stored_time`; None of nothing."""
    return datetime.fromisoformat(stored) if stored else None
