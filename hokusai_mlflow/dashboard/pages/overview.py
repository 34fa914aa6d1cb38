"""All models, and all attempts."""

from __future__ import annotations

from hokusai_mlflow.dashboard import columns
from hokusai_mlflow.dashboard.addresses import chosen
from hokusai_mlflow.dashboard.tables import Filter, Table
from hokusai_mlflow.dashboard.views import Site, View
from hokusai_mlflow.history import Listing, attempts, models, rewards

OUTCOME_FILTER = tuple((one, columns.OUTCOME[one]) for one in attempts.OUTCOMES)


def models_page(site: Site, listing: Listing) -> View:
    """Who is champion where, how the latest attempts went, what was earned."""
    page = models.read(site.history, listing)
    table = Table(
        "models",
        "All models",
        columns.models(page),
        page,
        data="api/models",
        empty="No model has been tried yet. Run `hokusai run pipeline.yaml`, and it appears here.",
    )
    counts = attempts.counts(site.history)
    context = {
        "table": table,
        "counts": counts,
        "totals": rewards.totals(site.history),
        "checks": rewards.checks(site.history),
    }
    return View("models.html", "Models", "", "models", context)


def attempts_page(site: Site, listing: Listing, *, outcome: str = "", model: str = "") -> View:
    """Every attempt of every model."""
    names = models.names(site.history)
    wanted = chosen(model, names)
    page = attempts.read(site.history, listing, outcome=outcome or None, model=wanted)
    table = Table(
        "attempts",
        "All attempts",
        columns.attempts(page, with_model=True),
        page,
        data="api/attempts",
        filters=(
            Filter.of_models(names, wanted),
            Filter("outcome", "Verdict", OUTCOME_FILTER, outcome),
        ),
        empty="No attempt matches.",
    )
    return View("table.html", "Attempts", "attempts/", "attempts", {"table": table, "told": ""})
