"""What every page needs: where it reads, and what it is rendered from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hokusai_mlflow.history import History
from hokusai_mlflow.history.costs import Costs

NAVIGATION = (
    ("models", "", "Models"),
    ("attempts", "attempts/", "Attempts"),
    ("rewards", "rewards/", "Rewards"),
    ("contributors", "contributors/", "Contributors"),
    ("analytics", "analytics/", "Analytics"),
    ("troubleshooting", "troubleshooting/", "Troubleshooting"),
)


@dataclass(frozen=True)
class Site:
    """Where pages read from, and what surrounds them.

    Attributes
    ----------
    history : History
    costs : Costs
        Prices for ROI.
    static : bool
        Whether the pages are files: no queries, no forms, no MLflow beside them.
    mlflow : str
        Address of MLflow's own pages, from the root of ours; empty where it is unknown.
    pages : frozenset of str, optional
        Pages of single attempts that there are; None: of all.
    """

    history: History
    costs: Costs
    static: bool = False
    mlflow: str = "../"
    pages: frozenset[str] | None = None

    def has(self, at: str) -> bool:
        """Whether a page is there to link to."""
        return self.pages is None or not at.startswith("attempts/") or at in self._known

    @property
    def _known(self) -> frozenset[str]:
        return (self.pages or frozenset()) | {"attempts/"}


@dataclass(frozen=True)
class View:
    """A page before it is rendered.

    Attributes
    ----------
    template : str
    title : str
    at : str
        Its address from the root of the pages, such as ``models/digits/``.
    section : str
        Which entry of the navigation it belongs to.
    context : mapping
        What the template shows.
    """

    template: str
    title: str
    at: str
    section: str
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def root(self) -> str:
        """The way back to the root of the pages."""
        return "../" * self.at.count("/") or "./"
