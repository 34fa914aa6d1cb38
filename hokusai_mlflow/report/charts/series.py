"""A metric over time: a mark per attempt with its interval, promoted ones joined by a step line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from hokusai_mlflow.report.charts.whiskers import MARKS
from hokusai_mlflow.report.view import Drawn, Tone
from hokusai_mlflow.report.words import score

HEIGHT, TOP, BOTTOM = 190, 12, 26
EDGE = "52"
BLOCKS = "▁▂▃▄▅▆▇█"
MOST_LETTERS = 60


@dataclass(frozen=True)
class Moment:
    """One attempt's score, its interval, whether it became champion, and the same in words."""

    value: float
    ends: tuple[float, float] | None
    promoted: bool
    told: str


def series(moments: Sequence[Moment], name: str, left: str, right: str) -> Drawn:
    """The drawing, as wide as there is room.

    Parameters
    ----------
    moments : sequence of Moment
        Oldest first, at least one.
    name : str
        The metric.
    left, right : str
        Times of the first and the last one.
    """
    values = [end for one in moments for end in (one.value, *(one.ends or ()))]
    low, high = min(values), max(values)
    if low == high:
        low, high = low - abs(low) * 0.01 - 1e-9, high + abs(high) * 0.01 + 1e-9
    margin = 0.06 * (high - low)
    low, high = low - margin, high + margin

    def y(value: float) -> str:
        return f"{TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM):.1f}"

    def x(at: int) -> str:
        return f"{100 * (at + 0.5) / len(moments):.2f}%"

    inside = [
        Markup(
            '<line class="hk-grid" x1="{0}" x2="100%" y1="{1}" y2="{1}"/>'
            '<text x="{0}" dx="-6" y="{1}" dy="4" text-anchor="end">{2}</text>'
        ).format(EDGE, y(value), score(value))
        for value in (low + margin, (low + high) / 2, high - margin)
    ]
    marks = [*_stairs(moments, x, y), *_marks(moments, x, y)]
    # Points are placed in per cent of what is right of the labels.
    inside.append(
        Markup(
            '<svg class="hk-inner" x="{}" width="85%" height="{}" overflow="visible">{}</svg>'
        ).format(EDGE, HEIGHT, Markup("").join(marks))
    )
    if len(moments) > 1:
        inside.append(Markup('<text x="{}" y="{}">{}</text>').format(EDGE, HEIGHT - 6, left))
    inside.append(
        Markup('<text x="100%" y="{}" text-anchor="end">{}</text>').format(HEIGHT - 6, right)
    )
    told = f"{len(moments)} attempts, last {score(moments[-1].value)}"
    svg = Markup(
        '<svg class="hk-row hk-series" width="100%" height="{}" role="img" aria-label="{}: {}">'
        "<title>{}</title><desc>{}</desc>{}</svg>"
    ).format(HEIGHT, name, told, name, told, Markup("").join(inside))
    return Drawn(svg, _letters(moments, low, high))


def _stairs(
    moments: Sequence[Moment], x: Callable[[int], str], y: Callable[[float], str]
) -> Iterator[Markup]:
    """The champion's score from promotion to promotion."""
    stair = Markup('<line class="hk-stair" x1="{}" x2="{}" y1="{}" y2="{}"/>')
    steps = [at for at, one in enumerate(moments) if one.promoted]
    for at, following in zip(steps, [*steps[1:], len(moments) - 1], strict=True):
        level = y(moments[at].value)
        yield stair.format(x(at), x(following), level, level)
        yield stair.format(
            x(following),
            x(following),
            level,
            y(moments[following].value) if moments[following].promoted else level,
        )


def _marks(
    moments: Sequence[Moment], x: Callable[[int], str], y: Callable[[float], str]
) -> Iterator[Markup]:
    """A mark per attempt above its interval."""
    for at, one in enumerate(moments):
        tone: Tone = "good" if one.promoted else "open"
        if one.ends is not None:
            yield Markup(
                '<line class="hk-thin hk-{0}" x1="{1}" x2="{1}" y1="{2}" y2="{3}"/>'
            ).format(tone, x(at), *map(y, one.ends))
        yield Markup(
            '<svg class="hk-{}" x="{}" y="{}" overflow="visible">'
            '<path class="hk-mark" d="{}"><title>{}</title></path></svg>'
        ).format(tone, x(at), y(one.value), MARKS[tone], one.told)


def _letters(moments: Sequence[Moment], low: float, high: float) -> str:
    shown = moments[-MOST_LETTERS:]
    places = [min(int((one.value - low) / (high - low) * len(BLOCKS)), 7) for one in shown]
    return "".join(BLOCKS[place] for place in places)
