"""An improvement and its interval against zero, small enough for a table."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from hokusai_mlflow.dashboard.charts.axes import Axis

WIDTH, HEIGHT = 120, 16


def axis(ends: Sequence[float | None]) -> Axis:
    """One axis for all rows of a table, so that they can be compared by eye."""
    finite = sorted(abs(end) for end in ends if end is not None)
    # Wild failures must not press all the others into one point.
    most = 4 * finite[3 * len(finite) // 4] if finite else 0.0
    shown = [min(max(end, -most), most) for end in ends if end is not None]
    return Axis.around(shown, 2, WIDTH - 2, zero=True)


def draw(x: Axis, value: float | None, low: float | None, high: float | None) -> Markup:
    """Zero line, interval and value in basis points; nothing where one is missing."""
    if value is None or low is None or high is None:
        return Markup("")
    side = "above" if low > 0 else "below" if high < 0 else "across"
    return Markup(
        '<svg class="interval {}" viewBox="0 0 {} {}" aria-hidden="true">'
        '<line class="zero" x1="{:.1f}" x2="{:.1f}" y1="0" y2="{}"/>'
        '<line class="range" x1="{:.1f}" x2="{:.1f}" y1="8" y2="8"/>'
        '<circle cx="{:.1f}" cy="8" r="3.2"/></svg>'
    ).format(side, WIDTH, HEIGHT, x.at(0), x.at(0), HEIGHT, x.at(low), x.at(high), x.at(value))
