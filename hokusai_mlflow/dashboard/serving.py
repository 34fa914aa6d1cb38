"""Pages and data over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from hokusai_mlflow import __version__
from hokusai_mlflow.dashboard import rendering
from hokusai_mlflow.dashboard.addresses import named
from hokusai_mlflow.dashboard.data import accounts, router
from hokusai_mlflow.dashboard.guarding import Guarded
from hokusai_mlflow.dashboard.pages import (
    analytics,
    attempt,
    contributors,
    model,
    overview,
    rewards,
    troubleshooting,
)
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
from hokusai_mlflow.dashboard.views import Site, View
from hokusai_mlflow.dashboard.watching import Watch
from hokusai_mlflow.errors import HokusaiError, InputError, UnknownName
from hokusai_mlflow.history import History, costs, models
from hokusai_mlflow.history.store import INDEX
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.settings import Settings

Make = Callable[..., View]


def pages(settings: Settings, *, watch: bool) -> Any:
    """The application with all pages and data, an ASGI application to be mounted.

    Parameters
    ----------
    settings : Settings
        Where the stores are.
    watch : bool
        Whether the chain is compared with the ledger in the background.
    """
    settings.prepare()
    history = History(Ledger(settings.ledger), settings.home / INDEX)
    app = FastAPI(
        title="Hokusai dashboard",
        version=__version__,
        description="What the ledger tells, read-only: every table of the dashboard as JSON.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.site = lambda: _site(history, settings)
    app.include_router(router)
    _add_pages(app)
    _add_problems(app)
    if watch:
        Watch(history, settings).start()
    return Guarded(app)


def _site(history: History, settings: Settings) -> Site:
    history.refresh()
    return Site(history, costs.read(settings))


def _add_pages(app: FastAPI) -> None:
    def shown(make: Make, **given: Any) -> HTMLResponse:
        site = app.state.site()
        return HTMLResponse(rendering.page(make(site, **given), site))

    route = partial(app.get, response_class=HTMLResponse, include_in_schema=False)

    @route("/")
    def models_(listing: WhichPage) -> Response:
        return shown(overview.models_page, listing=listing)

    @route("/attempts/")
    def attempts_(listing: WhichPage, outcome: Bounded = "", model: Bounded = "") -> Response:
        return shown(overview.attempts_page, listing=listing, outcome=outcome, model=model)

    @route("/attempts/{step}/")
    def attempt_(step: Step) -> Response:
        return shown(attempt.page, attempt=step)

    @route("/models/{step}/")
    def model_(step: Step, listing: WhichPage, outcome: Bounded = "") -> Response:
        def made(site: Site) -> View:
            name = named(step, models.names(site.history))
            return model.page(site, name, listing, outcome=outcome)

        return shown(made)

    @route("/rewards/")
    def rewards_(listing: WhichPage, model: Bounded = "", standing: Bounded = "") -> Response:
        return shown(rewards.page, listing=listing, model=model, standing=standing)

    @route("/contributors/")
    def contributors_(listing: WhichPage, model: Bounded = "") -> Response:
        return shown(contributors.everybody, listing=listing, model=model)

    @route("/contributors/{step}/")
    def contributor_(step: Step, listing: WhichPage) -> Response:
        def made(site: Site) -> View:
            return contributors.somebody(site, accounts(site, step), listing)

        return shown(made)

    @route("/analytics/")
    def analytics_(  # noqa: PLR0917 - query parameters
        model: Bounded = "",
        first: Version = None,
        second: Version = None,
        metric: Annotated[str, Query(max_length=100)] = "accuracy",
        baseline: Baseline = 0.85,
        candidate: Candidate = 0.8725,
        tokens: Tokens = 1,
        minimum: Minimum = 10,
        share: Share = 50.0,
    ) -> Response:
        asked = analytics.Asked(
            model, first, second, metric, baseline, candidate, tokens, minimum, share
        )
        return shown(analytics.page, asked=asked)

    @route("/troubleshooting/")
    def troubleshooting_() -> Response:
        return shown(troubleshooting.page)

    @app.get("/static/{name}", include_in_schema=False)
    def asset(name: Step) -> Response:
        kind, content = rendering.assets().get(name, ("", b""))
        if not kind:
            raise UnknownName(f"there is no file {name[:60]!r}")
        headers = {"cache-control": "public, max-age=31536000, immutable"}
        return Response(content, media_type=kind, headers=headers)

    @app.get("/{path:path}", include_in_schema=False)
    def elsewhere(path: str, request: Request) -> Response:
        # Addresses without the last slash: relative links need it.
        known = ("attempts", "models", "rewards", "contributors", "analytics", "troubleshooting")
        step = path.split("/", maxsplit=1)[0]
        if step not in known or path.endswith("/") or ".." in path:
            raise UnknownName("there is no such page")
        asked = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{quote(path.rsplit('/', 1)[-1])}/{asked}", status_code=307)


def _add_problems(app: FastAPI) -> None:
    @app.exception_handler(RequestValidationError)
    def malformed(request: Request, problem: RequestValidationError) -> Response:
        told = [
            f"{'.'.join(str(step) for step in error['loc'][1:])}: {error['msg']}"
            for error in problem.errors()
        ]
        return _problem(app, request, 422, "; ".join(told))

    @app.exception_handler(HokusaiError)
    def refused(request: Request, problem: HokusaiError) -> Response:
        unknown = isinstance(problem, UnknownName)
        status = 404 if unknown else 400 if isinstance(problem, InputError) else 503
        return _problem(app, request, status, str(problem))

    @app.exception_handler(HTTPException)
    def other(request: Request, problem: HTTPException) -> Response:
        return _problem(app, request, problem.status_code, str(problem.detail))


_TITLES = {404: "Not found", 400: "Cannot be shown", 422: "Cannot be shown"}


def _problem(app: FastAPI, request: Request, status: int, message: str) -> Response:
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    if path.startswith("/api/"):
        return JSONResponse({"detail": message[:600]}, status)
    # As many steps below the root as the address that was asked for has.
    at = "x/" * max(0, path.count("/") - 1)
    title = _TITLES.get(status, "Out of order")
    view = View("problem.html", title, at, "", {"message": message})
    # Without a store, which may be what is out of order.
    site = Site(None, costs.Costs())  # type: ignore[arg-type]
    return HTMLResponse(rendering.page(view, site), status)
