"""Times that a report is about: the last days, weeks or months, dates, or all."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hokusai_mlflow.errors import InputError

Given = str | tuple["date | datetime | str | None", "date | datetime | str | None"]
"""``last_30_days``, ``last_4_weeks``, ``last_6_months``, ``all``, ``2026-01-01..2026-03-31``, or a
pair of dates or times, of which either may be None."""

_LAST = re.compile(r"last_(\d{1,5})_(day|week|month)s?")
EXPECTED = (
    "expected last_N_days, last_N_weeks, last_N_months, all, or two dates such as "
    "2026-01-01..2026-03-31"
)


@dataclass(frozen=True)
class Timeframe:
    """A span of time, in a time zone.

    Attributes
    ----------
    since, until : datetime or None
        From `since` on and before `until`, in `zone`; None leaves that end open.
    zone : tzinfo
        Days and months are this zone's.
    label : str
        The span in words.
    """

    since: datetime | None
    until: datetime | None
    zone: tzinfo
    label: str

    def told(self, at: datetime) -> str:
        """A time of the span as people of its zone write it."""
        return f"{at.astimezone(self.zone):%Y-%m-%d %H:%M}"

    def to_dict(self) -> dict[str, str | None]:
        """JSON-ready form."""
        return {
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
            "zone": str(self.zone),
            "label": self.label,
        }


def timeframe(
    given: Given, *, zone: str | tzinfo = "UTC", now: datetime | None = None
) -> Timeframe:
    """Read a timeframe.

    Parameters
    ----------
    given : str or pair
        See `Given`. The last N days, weeks and months end now and begin at the same time of day in
        `zone`; a month that is too short ends on its last day. Of two dates both days belong to it.
    zone : str or tzinfo
        IANA name, such as ``"Europe/Zurich"``. Times that bring a zone of their own keep it.
    now : datetime, optional
        Instead of the clock; with a time zone.

    Raises
    ------
    InputError
        When it is none, or ends before it begins.
    """
    where = _zone(zone)
    if now is not None and now.tzinfo is None:
        raise InputError("now: expected a time with a time zone")
    end = (now or datetime.now(UTC)).astimezone(where)
    if isinstance(given, str):
        text = given.strip().lower()
        if text == "all":
            return Timeframe(None, None, where, "all time")
        if found := _LAST.fullmatch(text):
            count, unit = int(found[1]), found[2]
            label = f"last {count} {unit}{'' if count == 1 else 's'}"
            return Timeframe(_back(end, count, unit), end, where, label)
        parts = text.split("..")
        if len(parts) != 2:
            raise InputError(f"timeframe: {EXPECTED}, found {given[:80]!r}")
        given = (parts[0] or None, parts[1] or None)
    if not isinstance(given, tuple) or len(given) != 2:
        raise InputError(f"timeframe: {EXPECTED}, found {given!r}")
    since, until = _moment(given[0], where), _moment(given[1], where, last=True)
    if since and until and until <= since:
        raise InputError(f"timeframe: it ends ({until}) before it begins ({since})")
    ends = [f"from {since:%Y-%m-%d}" if since else "", f"to {_day(until)}" if until else ""]
    return Timeframe(since, until, where, " ".join(filter(None, ends)) or "all time")


def _zone(given: str | tzinfo) -> tzinfo:
    if isinstance(given, tzinfo):
        return given
    try:
        return ZoneInfo(given)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(
            f"timezone: expected an IANA name such as Europe/Zurich, found {given[:80]!r}"
        ) from None


def _back(end: datetime, count: int, unit: str) -> datetime:
    try:
        if unit == "month":
            years, month = divmod(end.year * 12 + end.month - 1 - count, 12)
            day = min(end.day, monthrange(years, month + 1)[1])
            return end.replace(year=years, month=month + 1, day=day)
        # Days of the wall clock: where clocks change, one of them has 23 or 25 hours.
        return end - timedelta(days=count * (7 if unit == "week" else 1))
    except (ValueError, OverflowError):
        raise InputError(f"timeframe: the last {count} {unit}s begin before the year 1") from None


def _moment(given: Any, zone: tzinfo, *, last: bool = False) -> datetime | None:
    if given is None:
        return None
    if isinstance(given, str):
        try:
            given = date.fromisoformat(given) if len(given) == 10 else datetime.fromisoformat(given)
        except ValueError:
            raise InputError(f"timeframe: {EXPECTED}, found {given[:80]!r}") from None
    if isinstance(given, datetime):
        return given if given.tzinfo else given.replace(tzinfo=zone)
    day = given + timedelta(days=1) if last else given
    return datetime.combine(day, time(), zone)


def _day(until: datetime) -> str:
    """The last day of a span that ends before this moment."""
    return f"{until - timedelta(microseconds=1):%Y-%m-%d}"
