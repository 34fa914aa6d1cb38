"""One measured number beside its bar, and how surprised to be when it is above."""

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from scipy.stats import binom

SEED = 20_260
SUITE_ALARM = 0.01
"""Chance that the reduced suite fails although every promise holds exactly at its bar."""

Size = Literal["full", "quick"]


@dataclass(frozen=True)
class Row:
    """A measured number, which must lie from `low` to `high`; without either it is only told.

    `alarm` is the chance of a number at least this bad when the truth lies exactly at the bar.
    """

    promise: str
    cell: str
    measured: float
    std_error: float
    repetitions: int
    low: float = -math.inf
    high: float = math.inf
    alarm: float = 1.0
    unit: str = "%"
    note: str = ""

    @property
    def holds(self) -> bool:
        """Within its bars, give or take three standard errors."""
        slack = 3 * self.std_error if self.checked else math.inf
        return self.low - slack <= self.measured <= self.high + slack

    @property
    def checked(self) -> bool:
        """Whether it has a bar."""
        return math.isfinite(self.low) or math.isfinite(self.high)


def rate(
    promise: str,
    cell: str,
    hits: int,
    tries: int,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    note: str = "",
) -> Row:
    """A share of `tries`; its standard error is taken at the bar, so that 0 hits have one too."""
    share = hits / tries
    bar = next((bar for bar in (at_most, at_least) if bar is not None), share)
    row = Row(promise, cell, share, math.sqrt(bar * (1 - bar) / tries), tries, note=note)
    if at_most is not None:
        return replace(row, high=bar, alarm=float(binom.sf(hits - 1, tries, bar)))
    if at_least is not None:
        return replace(row, low=bar, alarm=float(binom.cdf(hits, tries, bar)))
    return row


def mean(
    promise: str,
    cell: str,
    values: Any,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    unit: str = "bps",
    note: str = "",
) -> Row:
    """A mean of two or more independent values."""
    values = np.asarray(values, dtype=float)
    measured, error = float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values))
    away = max(measured - high, low - measured)
    alarm = NormalDist().cdf(-away / error) if error else float(away <= 0)
    row = Row(promise, cell, measured, error, len(values), low, high, unit=unit, note=note)
    return replace(row, alarm=alarm) if row.checked else row


def exact(
    promise: str, cell: str, measured: float, *, low: float = -math.inf, high: float = math.inf
) -> Row:
    """A computed share, without sampling error."""
    alarm = float(low <= measured <= high)
    return Row(promise, cell, measured, 0.0, 0, low, high, alarm)


@dataclass(frozen=True)
class Task:
    """A piece of work of some seconds, the same whoever runs it."""

    promise: str
    name: str
    measure: Callable[..., list[Row]]
    arguments: tuple[Any, ...]

    def run(self) -> list[Row]:
        """Its rows; the random numbers depend on its name only."""
        key = zlib.crc32(f"{self.promise}/{self.name}".encode())
        return self.measure(np.random.default_rng([SEED, key]), *self.arguments)
