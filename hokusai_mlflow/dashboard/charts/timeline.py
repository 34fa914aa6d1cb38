"""Every attempt of a model over time, the champion's score as a line, and rollbacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from hokusai_mlflow.dashboard.charts.axes import Axis
from hokusai_mlflow.dashboard.formats import day, score
from hokusai_mlflow.history.champions import ChampionChange
from hokusai_mlflow.history.trends import Point

WIDTH, HEIGHT = 920, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 14, 40
WORDS = {
    "promoted": "promoted",
    "reject": "rejected",
    "hold": "held",
    "baseline": "baseline",
    "open": "open",
    "abandoned": "abandoned",
}


@dataclass(frozen=True)
class Timeline:
    """The drawing and what it shows.

    Attributes
    ----------
    svg : Markup
    shown : int
        Attempts in it.
    rollbacks : int
    """

    svg: Markup
    shown: int
    rollbacks: int


def draw(points: Sequence[Point], changes: Sequence[ChampionChange], *, title: str) -> Timeline:
    """Draw the points of the paid metric, evenly spaced by attempt.

    Parameters
    ----------
    points : sequence of Point
        Oldest first, of one metric.
    changes : sequence of ChampionChange
        Of the same model, oldest first.
    title : str
        What a screen reader says.
    """
    drawn = [p for p in points if p.candidate is not None]
    values = [v for p in drawn for v in (p.candidate, p.baseline, p.low, p.high)]
    y = Axis.around(values, HEIGHT - BOTTOM, TOP)
    back = _rollbacks(drawn, changes)
    # Room for what happened after the last attempt.
    end = len(drawn) + (0.6 if any(place == len(drawn) for place, _ in back) else 0)
    x = Axis(0, max(end, 1), LEFT, WIDTH - RIGHT)
    parts = [_frame(y)]
    parts.append(_champions(drawn, back, x, y))
    every = max(1, len(drawn) // 10)
    for i, point in enumerate(drawn):
        parts.append(_mark(point, x.at(i + 0.5), y))
        if i % every == 0:
            parts.append(
                Markup(
                    '<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>'
                ).format(x.at(i + 0.5), HEIGHT - BOTTOM + 18, point.number)
            )
    for place, change in back:
        at = x.at(place)
        parts.append(
            Markup(
                '<g class="mark rolled_back"><title>rolled back to version {} on {}</title>'
                '<line x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/>'
                '<path d="M{:.1f} {}l6 -9h-12z"/></g>'
            ).format(
                change.version, day(change.at), at, at, TOP, HEIGHT - BOTTOM, at, HEIGHT - BOTTOM
            )
        )
    parts.append(
        Markup('<text class="tick" x="{}" y="{}" text-anchor="end">attempt</text>').format(
            WIDTH - RIGHT, HEIGHT - 4
        )
    )
    svg = Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(WIDTH, HEIGHT, title, Markup("").join(parts))
    return Timeline(svg, len(drawn), len(back))


def _frame(y: Axis) -> Markup:
    lines = [
        Markup(
            '<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>'
            '<text class="tick" x="{}" y="{:.1f}" text-anchor="end">{}</text>'
        ).format(LEFT, WIDTH - RIGHT, y.at(v), y.at(v), LEFT - 8, y.at(v) + 4, text)
        for v, text in y.ticks()
    ]
    return Markup("").join(lines)


def _champions(
    drawn: Sequence[Point], back: Sequence[tuple[float, ChampionChange]], x: Axis, y: Axis
) -> Markup:
    """The score that each champion was promoted with, as steps."""
    scores = {p.version: p.candidate for p in drawn if p.outcome in ("promoted", "baseline")}
    events: list[tuple[float, float]] = [
        (i + 0.5, p.candidate)
        for i, p in enumerate(drawn)
        if p.outcome in ("promoted", "baseline") and p.candidate is not None
    ]
    for place, change in back:
        reached = scores.get(change.version)
        if reached is not None:
            events.append((place, reached))
    if not events:
        return Markup("")
    events.sort()
    path = [f"M{x.at(events[0][0]):.1f} {y.at(events[0][1]):.1f}"]
    for place, value in events[1:]:
        path.append(f"H{x.at(place):.1f}V{y.at(value):.1f}")
    path.append(f"H{x.end:.1f}")
    return Markup('<path class="champion" d="{}"/>').format("".join(path))


def _rollbacks(
    drawn: Sequence[Point], changes: Sequence[ChampionChange]
) -> list[tuple[float, ChampionChange]]:
    found = []
    for change in changes:
        if change.kind == "rolled_back":
            before = sum(1 for p in drawn if p.at <= change.at)
            found.append((float(before), change))
    return found


def _mark(point: Point, at: float, y: Axis) -> Markup:
    told = f"attempt {point.number}, {WORDS.get(point.outcome, point.outcome)}: "
    told += score(point.candidate)
    if point.improvement_bps is not None:
        told += f" ({point.improvement_bps:+.0f} bps)"
    if point.low is not None and point.high is not None:
        told += f", 95 % interval {score(point.low)} to {score(point.high)}"
    told += f", {day(point.at)}"
    parts = [Markup("<title>{}</title>").format(told)]
    if point.low is not None and point.high is not None:
        parts.append(
            Markup('<line x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>').format(
                at, at, y.at(point.low), y.at(point.high)
            )
        )
    assert point.candidate is not None
    parts.append(shape(point.outcome, at, y.at(point.candidate)))
    return Markup('<g class="mark {}">{}</g>').format(point.outcome, Markup("").join(parts))


def shape(outcome: str, x: float, y: float) -> Markup:
    """The shape that stands for an outcome: no two look alike without colour."""
    at = {"x": f"{x:.1f}", "y": f"{y:.1f}"}
    forms = {
        "promoted": '<circle cx="{x}" cy="{y}" r="5"/>',
        "baseline": '<path d="M{x} {y}m0 -6l6 6l-6 6l-6 -6z"/>',
        "reject": '<path class="stroke" d="M{x} {y}m-4 -4l8 8m0 -8l-8 8"/>',
        "hold": '<circle class="hollow" cx="{x}" cy="{y}" r="4.2"/>',
        "refused": '<path class="stroke" d="M{x} {y}m-4 0h8"/>',
        "final": '<path class="stroke" d="M{x} {y}m-4.5 0.5l3 3.5l6 -8"/>',
        "failed": '<path class="stroke" d="M{x} {y}m-4 -4l8 8m0 -8l-8 8"/>',
        "provisional": '<circle class="hollow" cx="{x}" cy="{y}" r="4.2"/>',
        "rolled_back": '<path d="M{x} {y}m0 5l6 -9h-12z"/>',
    }
    fallback = '<path class="stroke" d="M{x} {y}m-4 0h8"/>'
    return Markup(forms.get(outcome, fallback)).format(**{k: escape(v) for k, v in at.items()})
