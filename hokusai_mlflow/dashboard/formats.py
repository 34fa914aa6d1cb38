"""Figures and times as pages show them; foreign text goes through the report's own `plain`."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from hokusai_mlflow.deltaone import WAD
from hokusai_mlflow.report.words import bps, interval, plain, probability, score, short

__all__ = ["bps", "interval", "plain", "probability", "score", "short"]


def day(at: datetime | None) -> str:
    """Date and minute, UTC."""
    return "" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def tokens(wei: int) -> str:
    """DeltaOne tokens, at most four decimals, rounded down."""
    whole, part = divmod(wei * 10_000 // WAD, 10_000)
    return f"{whole:,}.{part:04d}".rstrip("0").rstrip(".")


def coins(wei: int) -> str:
    """The chain's own coin, four significant digits."""
    return f"{wei / WAD:,.4g}"


def delta_ones(bps_: int | float | None) -> str:
    """DeltaOnes of basis points."""
    return "" if bps_ is None else f"{bps_ / 100:,.2f}"


def percent(share: float | None, digits: int = 0) -> str:
    """A share of one."""
    return "" if share is None else f"{100 * share:.{digits}f} %"


def money(amount: float | None, currency: str) -> str:
    """An amount, with its currency."""
    if amount is None or not math.isfinite(amount):
        return ""
    digits = 2 if abs(amount) < 1_000 else 0
    return f"{amount:,.{digits}f} {currency}".replace("-", "−")


def number(value: float | None) -> str:
    """A whole number."""
    return "" if value is None else f"{value:,.0f}".replace("-", "−")


def digest(text: str, most: int = 12) -> str:
    """The beginning of a digest, an address or a transaction."""
    return text if len(text) <= most + 1 else text[:most] + "…"
