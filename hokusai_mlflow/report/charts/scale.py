"""A horizontal axis: its range, its ticks, what does not fit in, and its place in letters."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

LETTERS = 41
"""Width of a drawing in letters."""


@dataclass(frozen=True)
class Scale:
    """A range, and where its ticks are.

    Attributes
    ----------
    low, high : float
        Ends of the range.
    ticks : tuple of float
        About five round numbers.
    """

    low: float
    high: float
    ticks: tuple[float, ...]

    @classmethod
    def around(cls, values: Iterable[float], *, most: float = math.inf) -> Scale:
        """The axis that shows all values within ±`most`, and 0."""
        finite = [min(max(v, -most), most) for v in values if math.isfinite(v)]
        low, high = min([0.0, *finite]), max([0.0, *finite])
        return cls.between(low, high)

    @classmethod
    def between(cls, low: float, high: float) -> Scale:
        """The axis from one value to another, with a margin."""
        if low == high:
            low, high = low - 1.0, high + 1.0
        margin = 0.05 * (high - low)
        low, high = low - margin, high + margin
        step = _round_step((high - low) / 4)
        first, last = math.ceil(low / step), math.floor(high / step)
        return cls(low, high, tuple(step * at for at in range(first, last + 1)))

    def holds(self, value: float) -> bool:
        """Whether the value lies inside."""
        return self.low <= value <= self.high

    def share(self, value: float) -> float:
        """Place from 0 (left) to 1 (right), clipped."""
        clipped = min(max(value, self.low), self.high)
        return (clipped - self.low) / (self.high - self.low)

    def at(self, value: float) -> str:
        """Place as a percentage for SVG."""
        return f"{100 * self.share(value):.2f}%"

    def letter(self, value: float) -> int:
        """Place in a line of `LETTERS` letters."""
        return round(self.share(value) * (LETTERS - 1))


def _round_step(rough: float) -> float:
    unit = 10.0 ** math.floor(math.log10(rough))
    return unit * next(factor for factor in (1, 2, 2.5, 5, 10) if factor * unit >= rough)


def tick_label(value: float) -> str:
    """A tick as text, with its sign; 0 has none."""
    return "0" if value == 0 else f"{value:+,.10g}".replace("-", "−")
