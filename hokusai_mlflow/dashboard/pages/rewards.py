"""Rewards: provisional, final, failed; equal to the chain or not; what gas they cost."""

from __future__ import annotations

from hokusai_mlflow.dashboard import columns, formats
from hokusai_mlflow.dashboard.addresses import chosen
from hokusai_mlflow.dashboard.charts import bars
from hokusai_mlflow.dashboard.tables import Filter, Table
from hokusai_mlflow.dashboard.views import Site, View
from hokusai_mlflow.deltaone import WAD
from hokusai_mlflow.history import Listing, attempts, improvements, models, rewards


def page(site: Site, listing: Listing, *, model: str = "", standing: str = "") -> View:
    """All payments of all models."""
    history = site.history
    names = models.names(history)
    wanted = chosen(model, names)
    found = improvements.read(history, listing, model=wanted, standing=standing or None)
    checks = rewards.checks(history)
    shown, marked = columns.improvements(found, checks)
    table = Table(
        "payments",
        "Payments",
        shown,
        found,
        data="api/improvements",
        filters=(
            Filter.of_models(names, wanted),
            Filter("standing", "Payment", tuple((s, s) for s in improvements.STANDINGS), standing),
        ),
        empty="No payment matches.",
        marked=marked,
    )
    months = [
        (month, wei / WAD, formats.tokens(wei)) for month, _, wei in rewards.by_month(history)
    ][-24:]
    counts = attempts.counts(history)
    judged = sum(counts[outcome] for outcome in ("promoted", "reject", "hold"))
    totals = rewards.totals(history)
    context = {
        "table": table,
        "totals": totals,
        "checks": checks,
        "months": bars.columns(months, title="DeltaOne tokens paid by month") if months else "",
        "judged": judged,
        "rate": totals.final / judged if judged else None,
        "unpaid": rewards.unpaid_count(history),
        "per_attempt": totals.reward // judged if judged else 0,
        "costs": site.costs,
    }
    return View("rewards.html", "Rewards", "rewards/", "rewards", context)
