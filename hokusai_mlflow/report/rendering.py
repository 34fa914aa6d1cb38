"""The templates, and what they may use."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from hokusai_mlflow.report.aligning import aligned, wide
from hokusai_mlflow.report.words import cell, code, delta_one, plain, short

KEPT = (
    ("difference", "findings", "contributors", "payment", "budget", "improvements"),
    ("difference", "findings", "payment", "improvements"),
    ("difference", "findings"),
    ("findings",),
    (),
)
"""Sections of shorter and shorter renderings; the tiles and the command to verify always stay."""


FEW = 8
"""Rows of every table in a rendering that has little room."""


def render(name: str, **given: Any) -> str:
    """One template."""
    return templates().get_template(name).render(given)


def render_html(report: Any, *, fragment: bool, style: bool) -> str:
    """A page, or a part of one; see `Rendered.to_html`."""
    name = "report.html.j2" if fragment else "page.html.j2"
    return render(name, r=report, style=style or not fragment)


def render_markdown(report: Any, most: int | None) -> str:
    """The longest rendering that fits; see `Rendered.to_markdown`."""
    every = render("report.md.j2", r=report, sections=report.sections, rows=None)
    if most is None or len(every) <= most:
        return every
    for kept in KEPT:
        sections = [section for section in report.sections if section.name in kept]
        for rows in (None, FEW):
            told = render("report.md.j2", r=report, sections=sections, rows=rows)
            if len(told) <= most:
                return told
    return told


@cache
def stylesheet() -> str:
    """How reports look, on light and dark ground and on paper."""
    loader = templates().loader
    assert loader is not None
    return loader.get_source(templates(), "style.css")[0]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


@cache
def templates() -> Environment:
    """All renderings' templates; those of pages escape whatever is not marked as safe."""
    environment = Environment(
        loader=PackageLoader("hokusai_mlflow.report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=lambda name: name is not None and ".html." in name,
    )
    environment.filters |= {
        "delta_one": delta_one,
        "cell": cell,
        "code": code,
        "short": short,
        "plain": plain,
        "wide": wide,
        "aligned": aligned,
        "sentence": _sentence,
    }
    environment.globals["stylesheet"] = lambda: Markup(stylesheet())
    return environment
