"""One model: its champion, every attempt, its metrics over time, its hold-outs."""

from __future__ import annotations

from typing import Any

from hokusai_mlflow.dashboard import columns
from hokusai_mlflow.dashboard.addresses import model_page, slug
from hokusai_mlflow.dashboard.charts import timeline, trend
from hokusai_mlflow.dashboard.pages.overview import OUTCOME_FILTER
from hokusai_mlflow.dashboard.tables import Filter, Table
from hokusai_mlflow.dashboard.views import Site, View
from hokusai_mlflow.history import (
    Listing,
    attempts,
    champions,
    holdouts,
    models,
    monitoring,
    rewards,
    trends,
)

MOST_POINTS = 200
MOST_TRENDS = 8


def page(site: Site, name: str, listing: Listing, *, outcome: str = "") -> View:
    """One model's page.

    Raises
    ------
    UnknownName
        When the ledger has no such model.
    """
    history = site.history
    model = models.get(history, name)
    found = attempts.read(history, listing, model=name, outcome=outcome or None)
    table = Table(
        "attempts",
        "Attempts",
        columns.attempts(found, with_model=False),
        found,
        data=f"api/models/{slug(name)}/attempts",
        filters=(Filter("outcome", "Verdict", OUTCOME_FILTER, outcome),),
        empty="No attempt matches.",
    )
    changes = champions.read(history, name)
    context = {
        "model": model,
        "table": table,
        "changes": changes,
        "current": _current(site, model),
        "holdouts": holdouts.read(history, name),
        "totals": rewards.totals(history, name),
        **_drawings(site, model, changes),
    }
    return View("model.html", name, model_page(name), "models", context)


def _current(site: Site, model: models.Model) -> tuple[trends.Point, ...]:
    if model.champion_version is None:
        return ()
    return trends.current(site.history, model.name, model.champion_version)


def _drawings(
    site: Site, model: models.Model, changes: tuple[champions.ChampionChange, ...]
) -> dict[str, Any]:
    history, name = site.history, model.name
    paid = trends.read(history, name, model.metric, limit=MOST_POINTS) if model.metric else ()
    line = timeline.draw(
        paid, changes, title=f"{model.metric} of every attempt, and of the champion"
    )
    later = monitoring.read(history, name)
    drawn = []
    for metric in trends.names(history, name)[:MOST_TRENDS]:
        points = trends.read(history, name, metric, limit=60)
        if sum(point.candidate is not None for point in points) > 1:
            drawn.append((metric, trend.draw(points, title=f"{metric} over the attempts")))
    return {
        "timeline": line,
        "trends": drawn,
        "later": later,
        "drift": trend.later(later, title="Later measurements of the champion") if later else "",
    }
