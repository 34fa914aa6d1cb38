"""One metric over the attempts, small: the candidate's value, its interval, promotions filled."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from hokusai_mlflow.dashboard.charts.axes import Axis
from hokusai_mlflow.dashboard.charts.timeline import shape
from hokusai_mlflow.dashboard.formats import score
from hokusai_mlflow.history.monitoring import Measurement
from hokusai_mlflow.history.trends import Point

WIDTH, HEIGHT = 440, 150
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 10, 14


def draw(points: Sequence[Point], *, title: str) -> Markup:
    """Draw the points of one metric, oldest first."""
    drawn = [p for p in points if p.candidate is not None]
    values = [v for p in drawn for v in (p.candidate, p.low, p.high)]
    y, parts = _framed(values)
    x = Axis(0, max(len(drawn), 1), LEFT, WIDTH - RIGHT)
    best = [(x.at(i + 0.5), p) for i, p in enumerate(drawn) if p.outcome in _CROWNED]
    if best:
        path = [f"{at:.1f} {y.at(p.candidate or 0):.1f}" for at, p in best]
        parts.append(Markup('<path class="champion" d="M{}"/>').format("L".join(path)))
    for i, point in enumerate(drawn):
        at = x.at(i + 0.5)
        told = f"attempt {point.number}: {score(point.candidate)}"
        inside = [Markup("<title>{}</title>").format(told)]
        if point.low is not None and point.high is not None:
            inside.append(_whisker(at, y.at(point.low), y.at(point.high)))
        inside.append(shape(point.outcome, at, y.at(point.candidate or 0)))
        parts.append(
            Markup('<g class="mark {}">{}</g>').format(point.outcome, Markup("").join(inside))
        )
    return _svg(parts, title)


def later(measurements: Sequence[Measurement], *, title: str) -> Markup:
    """Draw a champion's later measurements against what it was promoted with."""
    values = [v for m in measurements for v in (m.low, m.high, m.reference)]
    y, parts = _framed(values)
    x = Axis(0, max(len(measurements), 1), LEFT, WIDTH - RIGHT)
    for i, one in enumerate(measurements):
        at = x.at(i + 0.5)
        # By the watches: of daily intervals of 95 %, one in twenty misses by chance.
        gone = "reject" if one.status in ("warn", "roll_back") else "promoted"
        told = f"{score(one.value)}, promoted with {score(one.reference)}: {one.status}"
        parts.append(
            Markup(
                '<line class="reference" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>'
                '<g class="mark {}"><title>{}</title>{}{}</g>'
            ).format(
                x.at(i + 0.1),
                x.at(i + 0.9),
                y.at(one.reference),
                y.at(one.reference),
                gone,
                told,
                _whisker(at, y.at(one.low), y.at(one.high)),
                shape(gone, at, y.at(one.value)),
            )
        )
    return _svg(parts, title)


_CROWNED = ("promoted", "baseline")


def _framed(values: Sequence[float | None]) -> tuple[Axis, list[Markup]]:
    y = Axis.around(values, HEIGHT - BOTTOM, TOP)
    return y, [
        Markup(
            '<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>'
            '<text class="tick" x="{}" y="{:.1f}" text-anchor="end">{}</text>'
        ).format(LEFT, WIDTH - RIGHT, y.at(v), y.at(v), LEFT - 6, y.at(v) + 4, text)
        for v, text in y.ticks(3)
    ]


def _whisker(at: float, low: float, high: float) -> Markup:
    return Markup('<line x1="{0:.1f}" x2="{0:.1f}" y1="{1:.1f}" y2="{2:.1f}"/>').format(
        at, low, high
    )


def _svg(parts: Sequence[Markup], title: str) -> Markup:
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(WIDTH, HEIGHT, title, Markup("").join(parts))
