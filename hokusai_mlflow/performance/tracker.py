"""Performance reports on a model, from its ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hokusai_mlflow.errors import UnknownName, did_you_mean
from hokusai_mlflow.metrics import metric_names
from hokusai_mlflow.performance.report import Improvements, PerformanceReport
from hokusai_mlflow.performance.timeframe import Given, timeframe

if TYPE_CHECKING:
    from hokusai_mlflow.history import Listing, Page
    from hokusai_mlflow.settings import Settings

# The read model and the settings bring SQLAlchemy and pydantic: they are loaded when first asked.
# ruff: noqa: PLC0415

Item = TypeVar("Item")
MOST_POINTS = 1_000_000


class PerformanceTracker:
    """Reports on one model.

    Parameters
    ----------
    model_id : str
        Registered model name.
    settings : Settings, optional
        Which stores; by default those of the environment.
    timezone : str or tzinfo
        Whose days and months are meant, and in which times are shown.

    Raises
    ------
    UnknownName
        When neither ledger nor registry know the model; with near names.
    """

    def __init__(
        self,
        model_id: str,
        *,
        settings: Settings | None = None,
        timezone: str | tzinfo = "UTC",
    ) -> None:
        from hokusai_mlflow.settings import Settings

        self.model_id = model_id
        self._settings = settings or Settings()
        self._timezone = timezone
        self._require_known()

    def generate_report(
        self,
        timeframe: Given = "last_30_days",
        metrics: Sequence[str] | None = None,
        include_contributions: bool = True,
        *,
        now: datetime | None = None,
    ) -> PerformanceReport:
        """How the model did.

        Parameters
        ----------
        timeframe : str or pair
            ``last_30_days``, ``last_4_weeks``, ``last_6_months``, ``all``,
            ``2026-01-01..2026-03-31``, or a pair of dates or times.
        metrics : sequence of str, optional
            Only these; by default all that were measured. One that exists and was never measured
            of this model is told in the report.
        include_contributions : bool
            Whether to tell who contributed what.
        now : datetime, optional
            Instead of the clock; with a time zone.

        Returns
        -------
        PerformanceReport
            Empty and well-formed where nothing happened.

        Raises
        ------
        InputError
            When the timeframe is none.
        UnknownName
            When there is no such metric.
        """
        from hokusai_mlflow.history import (
            History,
            attempts,
            contributors,
            improvements,
            models,
            trends,
        )

        span = _timeframe(timeframe, self._timezone, now)
        during: dict[str, Any] = {"model": self.model_id, "since": span.since, "until": span.until}
        with History.of(self._settings) as history:
            known = trends.names(history, self.model_id)
            wanted = _metrics(known, metrics)
            points = trends.read(
                history, self.model_id, since=span.since, until=span.until, limit=MOST_POINTS
            )
            champion = None
            if self.model_id in models.names(history):
                champion = models.get(history, self.model_id).champion_version
            return PerformanceReport(
                model=self.model_id,
                timeframe=span,
                champion=champion,
                metrics=tuple(name for name in wanted if name in known),
                missing=tuple(name for name in wanted if name not in known),
                attempts=_every(lambda page: attempts.read(history, page, **during)),
                improvements=Improvements(
                    _every(lambda page: improvements.read(history, page, **during))
                ),
                trends=tuple(point for point in points if point.metric in wanted),
                contributions=_every(lambda page: contributors.read(history, page, **during))
                if include_contributions
                else None,
            )

    def _require_known(self) -> None:
        from hokusai_mlflow.history import History, models

        known: list[str] = []
        if _is_there(self._settings.ledger):
            with History.of(self._settings) as history:
                known += models.names(history)
        if self.model_id in known:
            return
        if self._settings.mlflow_uri != self._settings.embedded_uri or _is_there(
            self._settings.mlflow_uri
        ):
            # Loading MLflow costs seconds, and is needed for models without a history only.
            from hokusai_mlflow.tracking.registry import registered_names
            from hokusai_mlflow.tracking.store import connect

            known += registered_names(connect(self._settings))
        if self.model_id not in known:
            asked = self.model_id[:100]
            near = did_you_mean(asked, known) if known else ""
            where = "" if known else f"; there are none at all in {self._settings.home}"
            raise UnknownName(f"there is no model {asked!r}{near}{where}")

    def __repr__(self) -> str:
        return f"PerformanceTracker({self.model_id})"


def _timeframe(given: Given, zone: str | tzinfo, now: datetime | None) -> Any:
    return timeframe(given, zone=zone, now=now)


def _metrics(known: tuple[str, ...], asked: Sequence[str] | None) -> tuple[str, ...]:
    if asked is None:
        return known
    asked = [asked] if isinstance(asked, str) else list(asked)
    every = (*known, *metric_names())
    for name in asked:
        if name not in every:
            raise UnknownName(f"there is no metric {name[:100]!r}{did_you_mean(name[:100], every)}")
    return tuple(dict.fromkeys(asked))


def _every(read: Callable[[Listing], Page[Item]]) -> tuple[Item, ...]:
    """All pages, newest first."""
    from hokusai_mlflow.history import Listing
    from hokusai_mlflow.history.listing import MOST_ROWS

    first = read(Listing(size=MOST_ROWS))
    found = list(first.items)
    for page in range(2, first.pages + 1):
        found += read(Listing(size=MOST_ROWS, page=page)).items
    return tuple(found)


def _is_there(url: str) -> bool:
    """Whether a database exists; a server's is taken to. Asking must not make an empty one."""
    scheme, _, path = url.partition(":///")
    return not scheme.startswith("sqlite") or Path(path).is_file()
