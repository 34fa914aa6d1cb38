"""One attempt: the report, and where its payment stands."""

from __future__ import annotations

from hokusai_mlflow.dashboard import columns
from hokusai_mlflow.dashboard.addresses import attempt_page
from hokusai_mlflow.dashboard.reports import report_on
from hokusai_mlflow.dashboard.tables import Table
from hokusai_mlflow.dashboard.views import Site, View
from hokusai_mlflow.history import Listing, attempts, contributors, improvements, rewards


def page(site: Site, attempt: str) -> View:
    """One attempt's page.

    Raises
    ------
    UnknownName
        When the ledger has no such attempt.
    """
    history = site.history
    one = attempts.get(history, attempt)
    improvement = improvements.get(history, one.evidence) if one.evidence else None
    report = report_on(history, one)
    brought = contributors.contributed(history, Listing(size=100), attempt=attempt)
    table = Table(
        "contributions",
        "Contributions",
        [columns.contributor_of(), *columns.contributions()[3:]],
        brought,
        data=f"api/attempts/{attempt}/contributions",
        searchable=False,
    )
    context = {
        "attempt": one,
        "improvement": improvement,
        "steps": improvements.steps(history, one.evidence) if improvement else (),
        "gas": rewards.gas_of(history, improvement.tx_hash) if improvement else None,
        "report": report.to_html(fragment=True, style=False) if report else "",
        "table": table,
    }
    title = f"{one.model}, attempt {one.number}"
    return View("attempt.html", title, attempt_page(attempt), "attempts", context)
