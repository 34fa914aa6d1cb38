"""Contributors, and one of them."""

from __future__ import annotations

from hokusai_mlflow.dashboard import columns, formats
from hokusai_mlflow.dashboard.addresses import chosen, contributor_page, slug
from hokusai_mlflow.dashboard.charts import bars
from hokusai_mlflow.dashboard.tables import Filter, Table
from hokusai_mlflow.dashboard.views import Site, View
from hokusai_mlflow.history import Listing, contributors, models

MOST_BARS = 12


def everybody(site: Site, listing: Listing, *, model: str = "") -> View:
    """Who contributed, what it was worth, and what they earned."""
    history = site.history
    names = models.names(history)
    wanted = chosen(model, names)
    found = contributors.read(history, listing, model=wanted)
    best = Listing(sort="impact_bps", descending=True, size=MOST_BARS)
    top = contributors.read(history, best, model=wanted)
    table = Table(
        "contributors",
        "All contributors",
        columns.contributors(),
        found,
        data="api/contributors",
        filters=(Filter.of_models(names, wanted),),
        empty="Nobody has contributed yet.",
    )
    context = {"table": table, "impact": impact(top), "top": len(top)}
    return View("contributors.html", "Contributors", "contributors/", "contributors", context)


def somebody(site: Site, account: str, listing: Listing) -> View:
    """One contributor.

    Raises
    ------
    UnknownName
        When nobody contributed under this account.
    """
    one = contributors.get(site.history, account)
    found = contributors.contributed(site.history, listing, account=account)
    valued = [c for c in found if c.value_bps is not None][:MOST_BARS]
    drawn = bars.draw(
        [
            bars.Bar(
                f"{c.model} {formats.day(c.at)[5:10]}",
                c.value_bps or 0,
                c.std_error_bps,
                f"{formats.bps(c.value_bps)} bps",
            )
            for c in valued
        ],
        title="Value of each contribution, with its 95 % interval",
    )
    table = Table(
        "contributions",
        "Contributions",
        columns.contributions(),
        found,
        data=f"api/contributors/{slug(account)}/contributions",
    )
    context = {"one": one, "table": table, "drawn": drawn if valued else ""}
    return View("contributor.html", one.name, contributor_page(account), "contributors", context)


def impact(found: object) -> str:
    """Bars of contributors' impact, with 95 % whiskers; nothing where nobody has any."""
    shown = [
        bars.Bar(c.name, c.impact_bps, c.std_error_bps, f"{formats.bps(c.impact_bps)} bps")
        for c in found  # type: ignore[attr-defined]
        if c.impact_bps or c.std_error_bps
    ]
    return bars.draw(shown, title="Impact by contributor, with 95 % intervals") if shown else ""
