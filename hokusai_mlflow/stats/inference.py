"""What every one-sided test of an improvement can tell."""

from __future__ import annotations

from typing import Protocol


class Inference(Protocol):
    """A one-sided test of H0: Δ ≤ δ₀ with the bounds that invert it, in native units."""

    @property
    def std_error(self) -> float:
        """Standard error for planning; the measured Δ does not enter it."""
        ...

    def p_value(self, difference: float) -> float:
        """P-value of H0: Δ ≤ difference."""
        ...

    def lower(self, level: float) -> float:
        """Lower confidence bound at one-sided `level`."""
        ...

    def interval(self, level: float) -> tuple[float, float]:
        """Two-sided interval, `level` / 2 on each side."""
        ...

    def quantile(self, tail: float) -> float:
        """What the test statistic exceeds with probability `tail` under H0."""
        ...
