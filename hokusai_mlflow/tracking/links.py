"""Addresses of runs in MLflow's UI."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from hokusai_mlflow.settings import Settings


def run_link(settings: Settings, experiment: str, run_id: str) -> str:
    """Address of a run's page; empty where MLflow is no server but an embedded store."""
    return _page(settings, f"/#/experiments/{quote(experiment)}/runs/{quote(run_id)}")


def version_link(settings: Settings, model: str, version: int) -> str:
    """Address of a model version's page; empty where MLflow is no server."""
    return _page(settings, f"/#/models/{quote(model)}/versions/{version}")


def _page(settings: Settings, path: str) -> str:
    parts = urlsplit(settings.mlflow_uri)
    if parts.scheme not in ("http", "https"):
        return ""
    # Never a password in what is shown.
    where = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{where}{port}{parts.path.rstrip('/')}{path}"
