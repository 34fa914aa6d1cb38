"""One row of a forest plot: a point, its interval, a wider interval; and the axis below.

Places across are percentages, so that a row is as wide as its cell, and its marks keep their shape.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from hokusai_mlflow.report.charts.scale import LETTERS, Scale, tick_label
from hokusai_mlflow.report.view import Drawn, Tone

HEIGHT, AXIS_HEIGHT = 32, 36
MARKS = {
    "good": "M0 -7L6.5 5H-6.5Z",
    "bad": "M0 7L6.5 -5H-6.5Z",
    "open": "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0Z",
    "plain": "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0Z",
}
LETTER_MARKS = {"good": "▲", "bad": "▼", "open": "●", "plain": "●"}


@dataclass(frozen=True)
class Whisker:
    """What a row shows, in the axis' unit.

    Attributes
    ----------
    point : float or None
        Estimate; None draws the lines of the axis only.
    inner, outer : (float, float) or None
        Its own interval (thick), and one that holds together with other rows' (thin).
    told : str
        The same in words, for those who do not see it.
    tone : {"good", "bad", "open", "plain"}
        Colour, and shape of the mark.
    margin : float or None
        A limit of this row alone, drawn as a tick.
    dots : tuple of float
        Single values, drawn as small dots.
    """

    point: float | None
    inner: tuple[float, float] | None
    outer: tuple[float, float] | None
    told: str
    tone: Tone = "plain"
    margin: float | None = None
    dots: tuple[float, ...] = ()


def draw(whisker: Whisker, scale: Scale, *, lines: Iterable[tuple[float, str]] = ()) -> Drawn:
    """A row.

    Parameters
    ----------
    whisker : Whisker
        What to show.
    scale : Scale
        The axis of all rows.
    lines : iterable of (float, str)
        Places of vertical lines, and their kind: ``"zero"`` or ``"least"``.
    """
    lines = tuple(lines)
    middle = HEIGHT / 2
    inside = [
        # Beyond the drawing, which lets rows of any height have lines through; cells clip them.
        Markup('<line class="hk-{0}" x1="{1}" x2="{1}" y1="-150" y2="180"/>').format(
            kind, scale.at(value)
        )
        for value, kind in lines
        if scale.holds(value)
    ]
    inside += [
        Markup('<circle class="hk-dot" cx="{}" cy="{}" r="2.6"/>').format(scale.at(value), middle)
        for value in whisker.dots
    ]
    for ends, kind in ((whisker.outer, "thin"), (whisker.inner, "thick")):
        if ends is not None:
            inside.append(_bar(scale, ends, kind, middle))
    if whisker.margin is not None and scale.holds(whisker.margin):
        inside.append(
            Markup('<line class="hk-margin" x1="{0}" x2="{0}" y1="6" y2="{1}"/>').format(
                scale.at(whisker.margin), HEIGHT - 6
            )
        )
    if whisker.point is not None and scale.holds(whisker.point):
        inside.append(_placed(scale.at(whisker.point), middle, MARKS[whisker.tone], "hk-mark"))
    svg = Markup(
        '<svg class="hk-row hk-{}" width="100%" height="{}" role="img" aria-label="{}">{}</svg>'
    ).format(whisker.tone, HEIGHT, whisker.told, Markup("").join(inside))
    return Drawn(svg, _letters(whisker, scale, lines))


def axis(scale: Scale, *, left: str = "", right: str = "") -> Drawn:
    """The axis below the rows, with what its ends mean."""
    inside = [Markup('<line class="hk-rule" x1="0" x2="100%" y1=".5" y2=".5"/>')]
    for tick in scale.ticks:
        share = scale.share(tick)
        anchor = "start" if share < 0.06 else "end" if share > 0.94 else "middle"
        inside.append(
            Markup(
                '<line class="hk-rule" x1="{0}" x2="{0}" y1="0" y2="4"/>'
                '<text x="{0}" y="16" text-anchor="{1}">{2}</text>'
            ).format(scale.at(tick), anchor, tick_label(tick))
        )
    if left:
        inside.append(Markup('<text class="hk-end" x="0" y="32">{}</text>').format(left))
    inside.append(
        Markup('<text class="hk-end" x="100%" y="32" text-anchor="end">{}</text>').format(right)
    )
    svg = Markup(
        '<svg class="hk-row hk-axis" width="100%" height="{}" aria-hidden="true">{}</svg>'
    ).format(AXIS_HEIGHT, Markup("").join(inside))
    letters = [" "] * LETTERS
    for tick in scale.ticks:
        label = tick_label(tick)
        start = min(max(scale.letter(tick) - len(label) // 2, 0), LETTERS - len(label))
        if all(c == " " for c in letters[max(start - 1, 0) : start + len(label) + 1]):
            letters[start : start + len(label)] = label
    return Drawn(svg, "".join(letters))


def _bar(scale: Scale, ends: tuple[float, float], kind: str, middle: float) -> Markup:
    low, high = ends
    bar = Markup('<line class="hk-{}" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
        kind, scale.at(low), scale.at(high), middle, middle
    )
    if low < scale.low:
        bar += _placed("0%", middle, "M0 0l7 -5v10z", "hk-arrow")
    if high > scale.high:
        bar += _placed("100%", middle, "M0 0l-7 -5v10z", "hk-arrow")
    return bar


def _placed(x: str, y: float, path: str, kind: str) -> Markup:
    """A shape at a percentage across: a picture of its own, since paths know no percentages."""
    return Markup(
        '<svg class="hk-here" x="{}" y="{}" overflow="visible"><path class="{}" d="{}"/></svg>'
    ).format(x, y, kind, path)


def _letters(whisker: Whisker, scale: Scale, lines: tuple[tuple[float, str], ...]) -> str:
    drawn = [" "] * LETTERS
    for value, kind in lines:
        if scale.holds(value):
            drawn[scale.letter(value)] = "│" if kind == "zero" else "┊"
    for value in whisker.dots:
        drawn[scale.letter(value)] = "·"
    for ends, letter in ((whisker.outer, "─"), (whisker.inner, "━")):
        if ends is not None:
            first, last = (scale.letter(end) for end in ends)
            drawn[first : last + 1] = letter * (last - first + 1)
    if whisker.point is not None and scale.holds(whisker.point):
        drawn[scale.letter(whisker.point)] = LETTER_MARKS[whisker.tone]
    return "".join(drawn)
