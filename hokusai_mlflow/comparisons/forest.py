"""The forest plot: paired differences with their intervals, the figures beside them."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import shorten, wrap
from typing import TYPE_CHECKING, Any

from hokusai_mlflow.comparisons.axis import Axis, axis, tick_label
from hokusai_mlflow.comparisons.cells import line
from hokusai_mlflow.comparisons.collection import Comparisons, Finding, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito's palette is told apart under every colour blindness; marks differ in shape as well.
COLOURS: Mapping[Finding, str] = {
    "better": "#0072B2",
    "worse": "#D55E00",
    "undecided": "#7A7A7A",
    "undefined": "#7A7A7A",
}
DARK_COLOURS: Mapping[Finding, str] = {
    "better": "#56B4E9",
    "worse": "#E69F00",
    "undecided": "#A8A8A8",
    "undefined": "#A8A8A8",
}
MARKERS: Mapping[Finding, str] = {"better": "^", "worse": "v", "undecided": "o", "undefined": ""}
PLOT_INCHES, ROW_INCHES, POINTS = 4.6, 0.36, 9.5
NAME_LETTERS, NAME_LINES = 34, 2


def forest_plot(comparisons: Comparisons, *, dark: bool = False) -> Figure:
    """Paired differences with 95 % intervals, in basis points; positive is better.

    A thick whisker is a row's own 95 % interval, a thin one the interval that holds together with
    the other rows'. A dotted line marks the minimum effect. An arrow means that an interval
    reaches beyond the plot.

    Parameters
    ----------
    comparisons : Comparisons
        One row each.
    dark : bool
        Light text on a dark ground.

    Returns
    -------
    matplotlib Figure
        Not registered with pyplot, so nothing needs to be closed.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    ink, ground = ("#E8E8E8", "#16181D") if dark else ("#1F2328", "#FFFFFF")
    names = [_name(row.name) for row in comparisons]
    figures = [_figures(row) for row in comparisons]
    tall = [ROW_INCHES + 0.15 * (name.count("\n")) for name in names]
    letter = POINTS / 72 * 0.56
    left = 0.3 + letter * max(len(part) for name in names for part in name.split("\n"))
    columns = [max(len(cells[at]) for cells in [*figures, HEADS]) for at in range(len(HEADS))]
    widths = [letter * width + 0.22 for width in columns]
    right = sum(widths) + 0.25
    top, bottom = 0.45, 0.62
    width, height = left + PLOT_INCHES + right, sum(tall) + top + bottom
    figure = Figure(figsize=(width, height), facecolor=ground, dpi=150)
    FigureCanvasAgg(figure)
    plot = figure.add_axes(
        (left / width, bottom / height, PLOT_INCHES / width, sum(tall) / height), facecolor=ground
    )
    scale = axis(comparisons)
    _frame(plot, scale, comparisons.primary.min_effect_bps, ink)
    plot.set_ylim(sum(tall), 0)
    beside: dict[str, Any] = {"transform": plot.get_yaxis_transform(), "color": ink}
    above = 0.0
    for at, row in enumerate(comparisons):
        middle = above + tall[at] / 2
        if at % 2 == 0:
            plot.axhspan(above, above + tall[at], color=ink, alpha=0.035, linewidth=0)
        _whiskers(plot, row, scale, middle, DARK_COLOURS if dark else COLOURS)
        put = {**beside, "va": "center", "fontsize": POINTS}
        weight = "bold" if at == 0 else "normal"
        plot.text(-0.12 / PLOT_INCHES, middle, names[at], ha="right", weight=weight, **put)
        _columns(plot, figures[at], widths, middle, put)
        above += tall[at]
        if at == 0 and len(comparisons) > 1:
            plot.axhline(above, color=ink, linewidth=0.6, alpha=0.5)
    put = {**beside, "va": "bottom", "fontsize": POINTS - 1, "alpha": 0.75}
    _columns(plot, HEADS, widths, -0.09, put)
    return figure


HEADS = ("Δ bps", "95 % interval", "p")


def _name(name: str) -> str:
    lines = wrap(name, NAME_LETTERS, break_long_words=True) or [""]
    if len(lines) > NAME_LINES:
        rest = shorten(" ".join(lines[NAME_LINES - 1 :]), NAME_LETTERS, placeholder="…")
        if rest == "…":
            rest = lines[NAME_LINES - 1][: NAME_LETTERS - 1] + "…"
        lines = [*lines[: NAME_LINES - 1], rest]
    # A dollar sign would begin mathematics.
    return "\n".join(lines).replace("$", r"\$")


def _figures(row: Row) -> tuple[str, ...]:
    told = line(row)
    if row.comparison is None:
        return ("", "undefined", "")
    return tuple(cell.replace("-", "−") for cell in (told.improvement, told.interval, told.p))


def _frame(plot: Axes, scale: Axis, min_effect_bps: float, ink: str) -> None:
    plot.set_xlim(scale.low, scale.high)
    plot.set_yticks([])
    plot.set_xticks(scale.ticks, [tick_label(tick) for tick in scale.ticks])
    plot.tick_params(axis="x", colors=ink, labelsize=POINTS - 1, length=3)
    for side in ("left", "right", "top"):
        plot.spines[side].set_visible(False)
    plot.spines["bottom"].set_color(ink)
    plot.set_xlabel(
        "← baseline better      improvement in basis points      candidate better →",
        fontsize=POINTS - 1,
        color=ink,
    )
    plot.axvline(0, color=ink, linewidth=1.0)
    if min_effect_bps:
        plot.axvline(min_effect_bps, color=ink, linewidth=1.0, linestyle=(0, (1, 2)))
        plot.annotate(
            f"min {tick_label(min_effect_bps)}",
            (min_effect_bps, 1),
            xycoords=("data", "axes fraction"),
            xytext=(2 if min_effect_bps > 0 else -2, 3),
            textcoords="offset points",
            ha="left" if min_effect_bps > 0 else "right",
            va="bottom",
            fontsize=POINTS - 2,
            color=ink,
            alpha=0.75,
        )


def _whiskers(plot: Axes, row: Row, scale: Axis, at: float, colours: Mapping[Finding, str]) -> None:
    found = row.comparison
    if found is None:
        return
    assert row.adjusted_low_bps is not None
    assert row.adjusted_high_bps is not None
    colour = colours[row.finding]
    for low, high, thickness in (
        (row.adjusted_low_bps, row.adjusted_high_bps, 1.1),
        (found.ci_low_bps, found.ci_high_bps, 3.2),
    ):
        ends = [scale.clip(low), scale.clip(high)]
        plot.plot(
            ends, [at, at], color=colour, linewidth=thickness, solid_capstyle="butt", zorder=3
        )
    arrows = ((row.adjusted_low_bps, "<", scale.low), (row.adjusted_high_bps, ">", scale.high))
    for end, marker, edge in arrows:
        if scale.clip(end) != end:
            plot.plot(edge, at, marker=marker, color=colour, markersize=6, clip_on=False, zorder=4)
    if scale.clip(found.improvement_bps) == found.improvement_bps:
        plot.plot(
            found.improvement_bps,
            at,
            marker=MARKERS[row.finding],
            markersize=8,
            color=colour,
            markeredgecolor=plot.get_facecolor(),
            markeredgewidth=1.0,
            zorder=5,
        )


def _columns(
    plot: Axes, cells: tuple[str, ...], widths: list[float], at: float, put: dict[str, Any]
) -> None:
    edge = PLOT_INCHES
    for cell, width in zip(cells, widths, strict=True):
        edge += width
        plot.text(edge / PLOT_INCHES, at, cell, ha="right", **put)
