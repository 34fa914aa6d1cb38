"""The forest plot as a picture of its own, for viewers of artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from hokusai_mlflow.report.charts.whiskers import AXIS_HEIGHT, HEIGHT
from hokusai_mlflow.report.forest import forest
from hokusai_mlflow.report.words import short

if TYPE_CHECKING:
    from hokusai_mlflow.report.report import Report

NAME, PLOT, FIGURES, TOP = 250, 420, 330, 40
STYLE = (
    "svg{font:13px system-ui,sans-serif}text{fill:#1b1f24}"
    ".hk-axis text{fill:#59616b;font-size:11px}"
    ".hk-good{--tone:#0072b2}.hk-bad{--tone:#d55e00}.hk-open{--tone:#6b6b6b}"
    ".hk-zero,.hk-rule{stroke:#59616b}.hk-least{stroke:#59616b;stroke-dasharray:2 3}"
    ".hk-thin{stroke:var(--tone);stroke-width:1.3}.hk-thick{stroke:var(--tone);stroke-width:4.5}"
    ".hk-mark,.hk-arrow{fill:var(--tone)}.hk-margin{stroke:#d55e00;stroke-width:2}"
)


def forest_svg(report: Report) -> str:
    """An SVG document with names, drawings and figures of every row.

    Parameters
    ----------
    report : Report
        Of an attempt that was compared.
    """
    section = forest(report)
    assert section is not None
    assert section.table is not None
    assert section.table.plot is not None
    table, plot = section.table, section.table.plot
    width = NAME + PLOT + FIGURES
    height = TOP + HEIGHT * len(table.lines) + AXIS_HEIGHT + 12
    inside = []
    for at, (line, drawn) in enumerate(zip(table.lines, plot.cells, strict=True)):
        y = TOP + at * HEIGHT
        told = "  ·  ".join(text for text in line.cells[4:] if text)
        inside.append(
            Markup(
                '<text x="{}" y="{}" text-anchor="end">{}</text>'
                '<svg x="{}" y="{}" width="{}" height="{}">{}</svg>'
                '<text x="{}" y="{}">{}</text>'
            ).format(
                NAME - 16,
                y + HEIGHT / 2 + 4,
                short(line.cells[0], 36),
                NAME,
                y,
                PLOT,
                HEIGHT,
                drawn.svg,
                NAME + PLOT + 18,
                y + HEIGHT / 2 + 4,
                short(told, 60),
            )
        )
    axis = Markup('<svg x="{}" y="{}" width="{}" height="{}">{}</svg>').format(
        NAME, TOP + HEIGHT * len(table.lines), PLOT, AXIS_HEIGHT, plot.foot.svg
    )
    title = f"{short(report.model, 60)} version {report.candidate}: {report.tiles[0].main}"
    return str(
        Markup(
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" role="img">'
            "<title>{}</title><style>{}</style>"
            '<rect width="100%" height="100%" fill="#fff"/>'
            '<text x="16" y="24" font-weight="600">{}</text>{}{}</svg>'
        ).format(width, height, title, Markup(STYLE), title, Markup("").join(inside), axis)
    )
