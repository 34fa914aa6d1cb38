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
Side = Literal["at most", "at least", "told"]


@dataclass(frozen=True)
class Row:
    """A measured number.

    `side` says on which side of `bar` it must lie; "told" rows have no bar. `alarm` is the chance
    of a number at least this bad when the truth lies exactly at the bar.
    """

    promise: str
    cell: str
    measured: float
    std_error: float
    repetitions: int
    side: Side = "told"
    bar: float = math.nan
    alarm: float = 1.0
    unit: str = "%"
    note: str = ""
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        """Within three standard errors of the bar, or on its right side."""
        slack = 3 * self.std_error
        if self.side == "at most":
            return self.measured <= self.bar + slack
        return self.side == "told" or self.measured >= self.bar - slack

    @property
    def checked(self) -> bool:
        """Whether it has a bar."""
        return self.side != "told"


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
    bar = share if at_most is None and at_least is None else at_most or at_least
    error = math.sqrt(bar * (1 - bar) / tries)
    row = Row(promise, cell, share, error, tries, note=note)
    if at_most is not None:
        alarm = float(binom.sf(hits - 1, tries, at_most))
        return replace(row, side="at most", bar=at_most, alarm=alarm)
    if at_least is not None:
        alarm = float(binom.cdf(hits, tries, at_least))
        return replace(row, side="at least", bar=at_least, alarm=alarm)
    return row


def mean(
    promise: str,
    cell: str,
    values: Any,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    unit: str = "bps",
    note: str = "",
) -> Row:
    """A mean of independent values."""
    values = np.asarray(values, dtype=float)
    measured = float(values.mean()) if len(values) else math.nan
    error = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    row = Row(promise, cell, measured, error, len(values), unit=unit, note=note)
    for side, bar in (("at most", at_most), ("at least", at_least)):
        if bar is not None:
            z = (measured - bar) / error if error > 0 else math.copysign(9, measured - bar)
            above = NormalDist().cdf(-z if side == "at most" else z)
            return replace(row, side=side, bar=bar, alarm=above)
    return row


def exact(
    promise: str,
    cell: str,
    measured: float,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    unit: str = "%",
    note: str = "",
) -> Row:
    """A computed number, without sampling error."""
    row = Row(promise, cell, measured, 0.0, 0, unit=unit, note=note)
    for side, bar in (("at most", at_most), ("at least", at_least)):
        if bar is not None:
            right = measured <= bar if side == "at most" else measured >= bar
            return replace(row, side=side, bar=bar, alarm=1.0 if right else 0.0)
    return row


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
