"""Bars: horizontal ones with error whiskers, and columns by month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from hokusai_mlflow.dashboard.charts.axes import Axis
from hokusai_mlflow.dashboard.formats import short

WIDTH, LABELS, ROW = 640, 170, 26


@dataclass(frozen=True)
class Bar:
    """One bar: its label, its length, its standard error, and how the length is written."""

    label: str
    value: float
    error: float | None
    told: str


def draw(bars: Sequence[Bar], *, title: str) -> Markup:
    """Horizontal bars from zero, each with a whisker of ± 1.96 standard errors."""
    reach = [bound for b in bars for bound in (b.value - _whisker(b), b.value + _whisker(b))]
    x = Axis.around(reach, LABELS, WIDTH - 120, zero=True)
    zero = x.at(0)
    parts = [
        Markup('<line class="zero" x1="{0:.1f}" x2="{0:.1f}" y1="4" y2="{1}"/>').format(
            zero, ROW * len(bars) + 4
        )
    ]
    for i, bar in enumerate(bars):
        middle = ROW * i + ROW / 2 + 4
        end = x.at(bar.value)
        parts.append(
            Markup(
                '<text class="label" x="{}" y="{:.1f}" text-anchor="end">{}</text>'
                '<rect class="bar {}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{}"/>'
            ).format(
                LABELS - 10,
                middle + 4,
                short(bar.label, 22),
                "less" if bar.value < 0 else "more",
                min(zero, end),
                middle - 7,
                max(abs(end - zero), 0.5),
                14,
            )
        )
        if bar.error is not None:
            parts.append(
                Markup(
                    '<line class="whisker" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>'
                ).format(
                    x.at(bar.value - _whisker(bar)), x.at(bar.value + _whisker(bar)), middle, middle
                )
            )
        parts.append(
            Markup('<text class="tick" x="{}" y="{:.1f}">{}</text>').format(
                WIDTH - 112, middle + 4, bar.told
            )
        )
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(WIDTH, ROW * len(bars) + 10, title, Markup("").join(parts))


def columns(months: Sequence[tuple[str, float, str]], *, title: str) -> Markup:
    """One column per month: its name, its height, and how that is written."""
    height, bottom = 170, 140
    y = Axis.around([value for _, value, _ in months], bottom, 22, zero=True)
    width = min(72.0, 600 / max(1, len(months)))
    parts = [Markup('<line class="zero" x1="0" x2="640" y1="140" y2="140"/>')]
    for i, (month, value, told) in enumerate(months):
        left = 20 + i * width
        parts.append(
            Markup(
                '<rect class="bar more" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}">'
                "<title>{}: {}</title></rect>"
                '<text class="tick" x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>'
                '<text class="tick" x="{:.1f}" y="158" text-anchor="middle">{}</text>'
            ).format(
                left + width * 0.15,
                y.at(value),
                width * 0.7,
                max(0.5, bottom - y.at(value)),
                month,
                told,
                left + width / 2,
                y.at(value) - 6,
                told if width > 40 else "",
                left + width / 2,
                month if width > 50 else month[5:],
            )
        )
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(WIDTH, height, title, Markup("").join(parts))


def _whisker(bar: Bar) -> float:
    return 1.96 * (bar.error or 0.0)
