"""Pages as HTML: templates that escape everything, with nothing inline."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from hokusai_mlflow.dashboard import addresses, formats
from hokusai_mlflow.dashboard.charts.timeline import shape
from hokusai_mlflow.dashboard.columns import OUTCOME
from hokusai_mlflow.dashboard.views import NAVIGATION, Site, View

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
"""Content security policy of every page: nothing inline, nothing from elsewhere."""

TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def page(view: View, site: Site) -> str:
    """A page."""
    template = _templates().get_template(view.template)
    return template.render(
        view=view, site=site, root=view.root, navigation=NAVIGATION, **view.context
    )


@cache
def assets() -> dict[str, tuple[str, bytes]]:
    """Style sheets and script: media type and content, by a name that tells the content."""
    from hokusai_mlflow.report.rendering import stylesheet  # noqa: PLC0415

    folder = files("hokusai_mlflow.dashboard") / "assets"
    found = {entry.name: entry.read_bytes() for entry in folder.iterdir() if "." in entry.name}
    found["report.css"] = stylesheet().encode()
    named = {}
    for name, content in found.items():
        stem, _, ending = name.rpartition(".")
        digest = hashlib.sha256(content).hexdigest()[:12]
        named[f"{stem}.{digest}.{ending}"] = (TYPES[ending], content)
    return named


def asset(name: str) -> str:
    """Address of an asset, from the root of the pages."""
    stem, _, ending = name.rpartition(".")
    found = next(n for n in assets() if n.startswith(f"{stem}.") and n.endswith(f".{ending}"))
    return f"static/{found}"


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("hokusai_mlflow.dashboard"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words: tuple[str, ...] = (
        "bps",
        "interval",
        "probability",
        "score",
        "day",
        "tokens",
        "coins",
        "percent",
    )
    words += ("money", "number", "digest", "plain", "short", "delta_ones")
    environment.filters |= {name: getattr(formats, name) for name in words}
    pages = ("model_page", "attempt_page", "contributor_page", "slug")
    environment.globals |= {name: getattr(addresses, name) for name in pages}
    environment.globals |= {"asset": asset, "shape": shape, "outcomes": OUTCOME}
    return environment
