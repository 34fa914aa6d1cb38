"""The templates, and what they may use."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from hokusai_mlflow.report.aligning import aligned, wide
from hokusai_mlflow.report.words import cell, code, delta_one, plain, short


def render(name: str, report: Any) -> str:
    """One template."""
    return templates().get_template(name).render(r=report)


def render_html(report: Any, *, fragment: bool, style: bool) -> str:
    """A page, or a part of one; see `Report.to_html`."""
    name = "report.html.j2" if fragment else "page.html.j2"
    return templates().get_template(name).render(r=report, style=style or not fragment)


@cache
def stylesheet() -> str:
    """How reports look, on light and dark ground and on paper."""
    loader = templates().loader
    assert loader is not None
    return loader.get_source(templates(), "style.css")[0]


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
    }
    environment.globals["stylesheet"] = lambda: Markup(stylesheet())
    return environment
