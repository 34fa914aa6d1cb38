"""Analytics: impact of contributions, versions compared, rewards calculated, return on cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hokusai_mlflow.dashboard import calculations
from hokusai_mlflow.dashboard.addresses import chosen
from hokusai_mlflow.dashboard.charts import bars
from hokusai_mlflow.dashboard.formats import bps, delta_ones
from hokusai_mlflow.dashboard.pages.contributors import MOST_BARS, impact
from hokusai_mlflow.dashboard.views import Site, View
from hokusai_mlflow.errors import HokusaiError
from hokusai_mlflow.history import Listing, contributors, models
from hokusai_mlflow.metrics import metric_names

MOST_MODELS = 50


@dataclass(frozen=True)
class Asked:
    """What the forms of the page were filled in with; texts as they came."""

    model: str = ""
    first: int | None = None
    second: int | None = None
    metric: str = "accuracy"
    baseline: float = 0.85
    candidate: float = 0.8725
    tokens: int = 1
    minimum: int = 10
    share: float = 50.0


def page(site: Site, asked: Asked) -> View:
    """The page; forms that cannot be computed say why."""
    history = site.history
    names = models.names(history)
    wanted = chosen(asked.model, names) or (names[0] if names else "")
    found = models.read(history, Listing(size=MOST_MODELS, sort="paid_bps", descending=True))
    best = Listing(sort="impact_bps", descending=True, size=MOST_BARS)
    by_model = [
        bars.Bar(m.name, m.paid_bps, None, f"{delta_ones(m.paid_bps)} DeltaOnes")
        for m in found
        if m.paid_bps
    ][:MOST_BARS]
    context = {
        "asked": asked,
        "chosen": wanted,
        "names": names,
        "metrics": metric_names(),
        "compared": _compared(site, wanted, asked),
        "reward": _tried(
            calculations.reward,
            asked.metric,
            asked.baseline,
            asked.candidate,
            tokens=asked.tokens,
            minimum=asked.minimum,
            share_percent=asked.share,
        ),
        "impact": impact(contributors.read(history, best)),
        "by_model": bars.draw(by_model, title="DeltaOnes earned by model") if by_model else "",
        "returns": calculations.returns(history, site.costs, found.items),
        "costs": site.costs,
        "bps": bps,
    }
    return View("analytics.html", "Analytics", "analytics/", "analytics", context)


def _compared(site: Site, model: str, asked: Asked) -> Any:
    if not model:
        return None
    first, second = asked.first, asked.second
    if first is None or second is None:
        try:
            last = models.get(site.history, model).champion_version or 1
        except HokusaiError as problem:
            return str(problem)
        first, second = first or 1, second or last
    return _tried(calculations.compare, site.history, model, first, second)


def _tried(compute: Any, *given: Any, **named: Any) -> Any:
    """What is computed, or the message of why it cannot be."""
    try:
        return compute(*given, **named)
    except HokusaiError as problem:
        return str(problem)
