"""What people ask a ledger: models, attempts, champions, improvements, contributors, rewards.

`History` keeps the answers indexed; every module reads one idea from it as frozen dataclasses::

    with History.of(settings) as history:
        page = attempts.read(history, Listing(sort="improvement_bps", descending=True))
"""

from hokusai_mlflow.history import (
    attempts,
    champions,
    contributors,
    costs,
    findings,
    holdouts,
    improvements,
    models,
    monitoring,
    rewards,
    trends,
)
from hokusai_mlflow.history.listing import Listing, Page
from hokusai_mlflow.history.store import History

__all__ = [
    "History",
    "Listing",
    "Page",
    "attempts",
    "champions",
    "contributors",
    "costs",
    "findings",
    "holdouts",
    "improvements",
    "models",
    "monitoring",
    "rewards",
    "trends",
]
