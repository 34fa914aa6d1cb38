"""The tables as JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from hokusai_mlflow.dashboard import calculations, remedies
from hokusai_mlflow.dashboard.addresses import chosen, named, slug
from hokusai_mlflow.dashboard.parameters import (
    Baseline,
    Bounded,
    Candidate,
    Minimum,
    Share,
    Step,
    Tokens,
    Version,
    WhichPage,
)
from hokusai_mlflow.dashboard.views import Site
from hokusai_mlflow.errors import UnknownName
from hokusai_mlflow.history import (
    Listing,
    Page,
    attempts,
    champions,
    contributors,
    holdouts,
    improvements,
    models,
    monitoring,
    rewards,
    trends,
)
from hokusai_mlflow.history.listing import MOST_ROWS

Ending = Literal["json", "csv"]
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"description": "Cannot be shown; the message says why."},
    404: {"description": "There is no such thing."},
    405: {"description": "Only GET and HEAD."},
    414: {"description": "The address is too long."},
}
router = APIRouter(prefix="/api", responses=_PROBLEMS, tags=["tables"])


def accounts(site: Site, step: str) -> str:
    """The account whose slug is `step`.

    Raises
    ------
    UnknownName
        When there is none.
    """
    if not step.startswith("~"):
        return step
    return named(step, contributors.names(site.history))


def table(read: Callable[[Listing], Page[Any]], listing: Listing, ending: Ending) -> Response:
    """One page as JSON, or all pages as CSV."""
    if ending == "json":
        return JSONResponse(read(listing).to_dict())
    first = read(replace(listing, page=1, size=MOST_ROWS))
    headers = {"content-disposition": 'attachment; filename="hokusai.csv"'}
    rows = _all(read, first)
    return StreamingResponse(written(rows), media_type="text/csv; charset=utf-8", headers=headers)


def _all(read: Callable[[Listing], Page[Any]], first: Page[Any]) -> Iterator[Mapping[str, Any]]:
    page = first
    while True:
        yield from (item.to_dict() for item in page)
        if page.listing.page >= page.pages:
            return
        page = read(replace(page.listing, page=page.listing.page + 1))


def written(rows: Iterator[Mapping[str, Any]]) -> Iterator[str]:
    """Rows as CSV text, with a line of names first."""
    names: list[str] | None = None
    for row in rows:
        if names is None:
            names = list(row)
            yield _line(names)
        yield _line([_plain(row[name]) for name in names])


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        # A spreadsheet would compute it.
        return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
    return json.dumps(value) if isinstance(value, dict | list | bool) else repr(value)


def _line(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _site(request: Request) -> Site:
    site: Site = request.app.state.site()
    return site


def _name(site: Site, step: str) -> str:
    return named(step, models.names(site.history))


@router.get("/models.{ending}")
def models_(request: Request, ending: Ending, listing: WhichPage) -> Response:
    """Models: champion, latest attempt, what was earned."""
    site = _site(request)
    return table(lambda asked: models.read(site.history, asked), listing, ending)


@router.get("/models/{model}.json")
def model_(request: Request, model: Step) -> JSONResponse:
    """One model: champion's changes, current metrics, hold-outs, later measurements."""
    site = _site(request)
    one = models.get(site.history, _name(site, model))
    version = one.champion_version
    current = trends.current(site.history, one.name, version) if version else ()
    parts: dict[str, Any] = {
        "champions": champions.read(site.history, one.name),
        "current": current,
        "holdouts": holdouts.read(site.history, one.name),
        "measurements": monitoring.read(site.history, one.name),
    }
    told = {name: [item.to_dict() for item in items] for name, items in parts.items()}
    return JSONResponse(one.to_dict() | {"slug": slug(one.name)} | told)


@router.get("/models/{model}/trends.json")
def trends_(request: Request, model: Step, metric: Bounded = "") -> JSONResponse:
    """Every metric of every attempt, or one of them, oldest first; the newest 500 points."""
    site = _site(request)
    found = trends.read(site.history, _name(site, model), metric or None)
    return JSONResponse({"items": [point.to_dict() for point in found]})


@router.get("/models/{model}/attempts.{ending}")
def model_attempts(
    request: Request, model: Step, ending: Ending, listing: WhichPage, outcome: Bounded = ""
) -> Response:
    """Attempts of one model, newest first."""
    site = _site(request)
    name = _name(site, model)
    return table(
        lambda asked: attempts.read(site.history, asked, model=name, outcome=outcome or None),
        listing,
        ending,
    )


@router.get("/models/{model}/compare.json")
def compare_(request: Request, model: Step, first: Version, second: Version) -> JSONResponse:
    """Two versions of a model."""
    site = _site(request)
    if first is None or second is None:
        raise UnknownName("expected the versions as first and second")
    found = calculations.compare(site.history, _name(site, model), first, second)
    return JSONResponse(found.to_dict())


@router.get("/attempts.{ending}")
def attempts_(
    request: Request,
    ending: Ending,
    listing: WhichPage,
    outcome: Bounded = "",
    model: Bounded = "",
) -> Response:
    """Attempts of all models, newest first."""
    site = _site(request)
    given: dict[str, Any] = {
        "outcome": outcome or None,
        "model": chosen(model, models.names(site.history)),
    }
    return table(lambda asked: attempts.read(site.history, asked, **given), listing, ending)


@router.get("/attempts/{attempt}.json")
def attempt_(request: Request, attempt: Step) -> JSONResponse:
    """One attempt; with its payment where it is an improvement."""
    site = _site(request)
    one = attempts.get(site.history, attempt)
    if not one.evidence:
        return JSONResponse(one.to_dict())
    steps = [step.to_dict() for step in improvements.steps(site.history, one.evidence)]
    found = improvements.get(site.history, one.evidence)
    return JSONResponse(found.to_dict() | {"steps": steps})


@router.get("/attempts/{attempt}/contributions.{ending}")
def attempt_contributions(
    request: Request, attempt: Step, ending: Ending, listing: WhichPage
) -> Response:
    """What was contributed to one attempt."""
    site = _site(request)
    attempts.get(site.history, attempt)
    return table(
        lambda asked: contributors.contributed(site.history, asked, attempt=attempt),
        listing,
        ending,
    )


@router.get("/improvements.{ending}")
def improvements_(
    request: Request,
    ending: Ending,
    listing: WhichPage,
    model: Bounded = "",
    standing: Bounded = "",
) -> Response:
    """Improvements and where their payments stand, newest first."""
    site = _site(request)
    given: dict[str, Any] = {
        "standing": standing or None,
        "model": chosen(model, models.names(site.history)),
    }
    return table(lambda asked: improvements.read(site.history, asked, **given), listing, ending)


@router.get("/rewards.json")
def rewards_(request: Request, model: Bounded = "") -> JSONResponse:
    """Sums over all payments, by month, and the latest comparison with the chain."""
    history = _site(request).history
    wanted = chosen(model, models.names(history))
    months = rewards.by_month(history, wanted)
    return JSONResponse(
        {
            "totals": rewards.totals(history, wanted).to_dict(),
            "months": [{"month": m, "payments": n, "reward": str(wei)} for m, n, wei in months],
            "chain": [check.to_dict() for check in rewards.checks(history)],
        }
    )


@router.get("/contributors.{ending}")
def contributors_(
    request: Request, ending: Ending, listing: WhichPage, model: Bounded = ""
) -> Response:
    """Contributors: what they brought, what it was worth, what they were paid."""
    site = _site(request)
    wanted = chosen(model, models.names(site.history))
    return table(
        lambda asked: contributors.read(site.history, asked, model=wanted), listing, ending
    )


@router.get("/contributors/{account}.json")
def contributor_(request: Request, account: Step) -> JSONResponse:
    """One contributor."""
    site = _site(request)
    return JSONResponse(contributors.get(site.history, accounts(site, account)).to_dict())


@router.get("/contributors/{account}/contributions.{ending}")
def contributions_(request: Request, account: Step, ending: Ending, listing: WhichPage) -> Response:
    """Contributions of one contributor, newest first."""
    site = _site(request)
    known = contributors.get(site.history, accounts(site, account)).account
    return table(
        lambda asked: contributors.contributed(site.history, asked, account=known), listing, ending
    )


@router.get("/calculator.json")
def calculator(  # noqa: PLR0917 - query parameters
    metric: Bounded = "accuracy",
    baseline: Baseline = 0.85,
    candidate: Candidate = 0.8725,
    tokens: Tokens = 1,
    minimum: Minimum = 10,
    share: Share = 50.0,
) -> JSONResponse:
    """What an improvement would be paid, in the contract's own arithmetic."""
    found = calculations.reward(
        metric, baseline, candidate, tokens=tokens, minimum=minimum, share_percent=share
    )
    return JSONResponse(found.to_dict())


@router.get("/returns.json")
def returns_(request: Request) -> JSONResponse:
    """Return on cost of every model, as far as prices are configured."""
    site = _site(request)
    found = models.read(site.history, Listing(size=MOST_ROWS))
    told = calculations.returns(site.history, site.costs, found.items)
    return JSONResponse({"currency": site.costs.currency, "items": [r.to_dict() for r in told]})


@router.get("/troubleshooting.json")
def troubleshooting_(request: Request) -> JSONResponse:
    """What went wrong, what to do about it, and the command that checks it."""
    found = remedies.troubles(_site(request).history)
    return JSONResponse({"items": [trouble.to_dict() for trouble in found]})
