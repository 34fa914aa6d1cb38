"""Ranges and round ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """A range of values over a range of places.

    Attributes
    ----------
    low, high : float
        Values at the ends.
    start, end : float
        Places of the ends, in units of the drawing.
    """

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def around(
        cls, values: Iterable[float | None], start: float, end: float, *, zero: bool = False
    ) -> Axis:
        """The axis that shows all values, with a little room; with zero where it is asked for."""
        finite = [v for v in values if v is not None and math.isfinite(v)]
        finite += [0.0] if zero or not finite else []
        low, high = min(finite), max(finite)
        if low == high == 0:
            return cls(0.0, 1.0, start, end) if zero else cls(-1.0, 1.0, start, end)
        room = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
        bottom = low if zero and low == 0 else low - room
        return cls(bottom, high if zero and high == 0 else high + room, start, end)

    def at(self, value: float) -> float:
        """Place of a value, clipped to the range."""
        clipped = min(max(value, self.low), self.high)
        return self.start + (clipped - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, about: int = 4) -> list[tuple[float, str]]:
        """Round values and how they are written."""
        rough = (self.high - self.low) / about
        unit = 10.0 ** math.floor(math.log10(rough))
        step = unit * next((f for f in (1, 2, 2.5, 5, 10) if f * unit >= rough), 10)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        digits = max(0, -math.floor(math.log10(step) + 1e-9)) + (step / unit == 2.5)
        return [
            (k * step, f"{k * step:,.{digits}f}".replace("-", "−")) for k in range(first, last + 1)
        ]
