"""The horizontal axis of a forest plot: its range, its ticks, and what does not fit in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

from hokusai_mlflow.comparisons.collection import Comparisons

WIDEST = 3.0
"""A row reaching further than this many times the typical row is cut, with an arrow."""


@dataclass(frozen=True)
class Axis:
    """A range in basis points, and where its ticks are.

    Attributes
    ----------
    low, high : float
        Ends of the range; 0 and the minimum effect lie inside.
    ticks : tuple of float
        About five round numbers, 0 among them.
    """

    low: float
    high: float
    ticks: tuple[float, ...]

    def clip(self, bps: float) -> float:
        """The nearest value inside the range."""
        return min(max(bps, self.low), self.high)

    def share(self, bps: float) -> float:
        """Position from 0 (left) to 1 (right), clipped."""
        return (self.clip(bps) - self.low) / (self.high - self.low)


def axis(comparisons: Comparisons) -> Axis:
    """The axis that shows every row's intervals, except for the ends of extraordinary ones."""
    reaches, typical, primary = [], [], comparisons.primary
    for row in comparisons:
        if row.comparison is not None:
            assert row.adjusted_low_bps is not None
            assert row.adjusted_high_bps is not None
            ends = row.comparison.ci_low_bps, row.comparison.ci_high_bps
            typical.append(max(map(abs, ends)))
            reaches.append((min(*ends, row.adjusted_low_bps), max(*ends, row.adjusted_high_bps)))
    most = max(WIDEST * median(typical), abs(primary.ci_low_bps), abs(primary.ci_high_bps))
    low = min(0.0, primary.min_effect_bps, *(max(low, -most) for low, _ in reaches))
    high = max(0.0, primary.min_effect_bps, *(min(high, most) for _, high in reaches))
    if low == high:
        low, high = low - 1.0, high + 1.0
    margin = 0.04 * (high - low)
    low, high = low - margin, high + margin
    step = _round_step((high - low) / 5)
    ticks = tuple(step * at for at in range(math.ceil(low / step), math.floor(high / step) + 1))
    return Axis(low, high, ticks)


def _round_step(rough: float) -> float:
    unit = 10.0 ** math.floor(math.log10(rough))
    return unit * next(factor for factor in (1, 2, 2.5, 5, 10) if factor * unit >= rough)


def tick_label(bps: float) -> str:
    """A tick as text, with its sign; 0 has none."""
    return "0" if bps == 0 else f"{bps:+,.10g}".replace("-", "−")
