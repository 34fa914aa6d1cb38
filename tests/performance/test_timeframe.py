"""Timeframes: the last days, weeks and months, dates, all; time zones and changing clocks."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.performance import timeframe

NOW = datetime(2026, 3, 31, 12, 30, tzinfo=UTC)
ZURICH = ZoneInfo("Europe/Zurich")


@pytest.mark.parametrize(
    ("told", "since"),
    [
        ("last_30_days", datetime(2026, 3, 1, 12, 30, tzinfo=UTC)),
        ("last_1_day", datetime(2026, 3, 30, 12, 30, tzinfo=UTC)),
        ("last_2_weeks", datetime(2026, 3, 17, 12, 30, tzinfo=UTC)),
        # February has no 31st.
        ("last_1_month", datetime(2026, 2, 28, 12, 30, tzinfo=UTC)),
        ("last_13_months", datetime(2025, 2, 28, 12, 30, tzinfo=UTC)),
        ("Last_3_Months", datetime(2025, 12, 31, 12, 30, tzinfo=UTC)),
    ],
)
def test_the_last_so_many(told, since):
    found = timeframe(told, now=NOW)
    assert (found.since, found.until) == (since, NOW)


def test_all_has_no_ends():
    found = timeframe("all", now=NOW)
    assert (found.since, found.until, found.label) == (None, None, "all time")


def test_both_days_belong_to_a_span_in_their_own_zone():
    found = timeframe("2026-03-01..2026-03-29", zone="Europe/Zurich")
    assert found.since == datetime(2026, 2, 28, 23, tzinfo=UTC)
    # Clocks changed that morning: the day after begins at 22 h UTC.
    assert found.until == datetime(2026, 3, 29, 22, tzinfo=UTC)
    assert found.label == "from 2026-03-01 to 2026-03-29"
    assert timeframe((date(2026, 3, 1), date(2026, 3, 29)), zone=ZURICH) == found


def test_days_are_the_wall_clocks():
    # 28 March 12:30 at noon's clock, though one hour less has passed.
    now = datetime(2026, 3, 29, 12, 30, tzinfo=ZURICH)
    found = timeframe("last_1_day", zone=ZURICH, now=now)
    assert found.since == datetime(2026, 3, 28, 12, 30, tzinfo=ZURICH)
    assert now.astimezone(UTC) - found.since.astimezone(UTC) == timedelta(hours=23)


def test_a_time_with_a_zone_keeps_it():
    since = datetime(2026, 1, 1, 6, tzinfo=UTC)
    found = timeframe((since, None), zone="Asia/Tokyo")
    assert (found.since, found.until) == (since, None)
    assert timeframe("2026-01-01T06:00:00+00:00..").since == since
    assert found.told(since) == "2026-01-01 15:00"


@given(st.integers(1, 900), st.sampled_from(["day", "week", "month"]), st.datetimes())
def test_a_span_ends_now_and_begins_before(count, unit, moment):
    now = (moment.replace(year=2000 + moment.year % 100)).replace(tzinfo=UTC)
    found = timeframe(f"last_{count}_{unit}s", now=now)
    assert found.since < found.until == now
    if unit == "month":
        months = (now.year - found.since.year) * 12 + now.month - found.since.month
        assert months == count
        assert found.since.day <= now.day
    else:
        assert now - found.since == timedelta(days=count * (7 if unit == "week" else 1))


@pytest.mark.parametrize(
    "told",
    [
        "last_days",
        "last_30_hours",
        "last_-3_days",
        "yesterday",
        "",
        "2026-13-01..2026-12-31",
        "2026-02-01..2026-01-01",
        ("2026-01-01",),
        42,
        "last_99999_months",
    ],
)
def test_what_is_no_timeframe_is_refused(told):
    with pytest.raises(InputError, match="timeframe"):
        timeframe(told, now=NOW)


def test_zones_and_clocks_are_checked():
    with pytest.raises(InputError, match="IANA"):
        timeframe("all", zone="Europe/Zuerich")
    with pytest.raises(InputError, match="time zone"):
        timeframe("all", now=datetime(2026, 1, 1))
