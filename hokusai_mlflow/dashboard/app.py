"""The pages inside MLflow's own server: ``mlflow server --app-name hokusai``, or `hokusai ui`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

MOUNT = "/hokusai"
"""Where the pages are, below MLflow's own prefix."""


def create_app() -> FastAPI:
    """MLflow's server with our pages beside its own.

    The entry point ``hokusai`` of the group ``mlflow.app``. Stores are those of the settings in
    force; a ``--static-prefix`` is honoured.
    """
    import warnings  # noqa: PLC0415

    with warnings.catch_warnings():
        # MLflow's own use of a part of Starlette that is going away.
        warnings.simplefilter("ignore")
        from mlflow.server.fastapi_app import create_fastapi_app  # noqa: PLC0415
        from mlflow.server.handlers import STATIC_PREFIX_ENV_VAR  # noqa: PLC0415

        server: FastAPI = create_fastapi_app()
    from starlette.responses import RedirectResponse  # noqa: PLC0415
    from starlette.routing import Mount, Route  # noqa: PLC0415

    from hokusai_mlflow.dashboard.serving import pages  # noqa: PLC0415
    from hokusai_mlflow.settings import Settings  # noqa: PLC0415

    prefix = os.environ.get(STATIC_PREFIX_ENV_VAR, "").rstrip("/")
    at = f"{prefix}{MOUNT}"
    ours = [
        Mount(at, app=pages(Settings(), watch=True), name="hokusai"),
        # Links on the pages are relative: they need the last slash.
        Route(at, lambda request: RedirectResponse(f"{MOUNT[1:]}/")),
    ]
    # Before MLflow's own pages, which take every address that is left.
    server.router.routes[:0] = ours
    return server
