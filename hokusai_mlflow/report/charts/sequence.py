"""A confidence sequence: the interval after every batch, and the floor that it must not leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from hokusai_mlflow.report.charts.scale import Scale, tick_label
from hokusai_mlflow.report.charts.series import BLOCKS, MOST_LETTERS
from hokusai_mlflow.report.view import Drawn

HEIGHT, TOP, BOTTOM = 210, 12, 26
EDGE = "62"


@dataclass(frozen=True)
class Step:
    """The estimate after a batch, its interval, whether there was an alarm, all in bps."""

    value: float
    low: float
    high: float
    alarm: bool


def sequence(steps: Sequence[Step], floor: float, name: str, right: str) -> Drawn:
    """The drawing, as wide as there is room.

    Parameters
    ----------
    steps : sequence of Step
        Oldest first, at least one.
    floor : float
        Drawn dashed.
    name : str
        What is drawn, for those who do not see it.
    right : str
        Label at the last batch.
    """
    # The first intervals may be wider than all that matters later.
    usual = sorted(one.high - one.low for one in steps)[len(steps) // 2]
    near = [end for one in steps for end in (one.low, one.high) if abs(end - one.value) <= usual]
    scale = Scale.between(min([floor, *near, steps[-1].low]), max([floor, *near, steps[-1].high]))

    def y(value: float) -> str:
        return f"{TOP + (1 - scale.share(value)) * (HEIGHT - TOP - BOTTOM):.1f}"

    inside = [
        Markup(
            '<line class="hk-grid" x1="{0}" x2="100%" y1="{1}" y2="{1}"/>'
            '<text x="{0}" dx="-6" y="{1}" dy="4" text-anchor="end">{2}</text>'
        ).format(EDGE, y(tick), tick_label(tick))
        for tick in scale.ticks
    ]
    marks = [Markup('<line class="hk-least" x1="0" x2="100%" y1="{0}" y2="{0}"/>').format(y(floor))]
    for at, one in enumerate(steps):
        told = f"batch {at + 1}: {one.value:+.0f} bps, {one.low:+.0f} to {one.high:+.0f}"
        marks.append(
            Markup(
                '<g class="hk-{0}"><title>{6}</title>'
                '<line class="hk-thin" x1="{1}" x2="{1}" y1="{2}" y2="{3}"/>'
                '<line class="hk-thick" x1="{1}" x2="{1}" y1="{4}" y2="{5}"/></g>'
            ).format(
                "bad" if one.alarm else "good",
                f"{100 * (at + 0.5) / len(steps):.2f}%",
                y(one.high),
                y(one.low),
                f"{float(y(one.value)) - 2:.1f}",
                f"{float(y(one.value)) + 2:.1f}",
                told,
            )
        )
    inside.append(
        Markup(
            '<svg class="hk-inner" x="{}" width="85%" height="{}" overflow="visible">{}</svg>'
        ).format(EDGE, HEIGHT, Markup("").join(marks))
    )
    inside.append(
        Markup('<text x="100%" y="{}" text-anchor="end">{}</text>').format(HEIGHT - 6, right)
    )
    last = steps[-1]
    told = f"{len(steps)} batches, last {last.value:+.0f} bps ({last.low:+.0f} to {last.high:+.0f})"
    svg = Markup(
        '<svg class="hk-row hk-series" width="100%" height="{}" role="img" aria-label="{}: {}">'
        "<title>{}</title><desc>{}</desc>{}</svg>"
    ).format(HEIGHT, name, told, name, told, Markup("").join(inside))
    letters = "".join(
        BLOCKS[min(int(scale.share(one.value) * len(BLOCKS)), len(BLOCKS) - 1)]
        for one in steps[-MOST_LETTERS:]
    )
    return Drawn(svg, letters)
