"""Connecting to an MLflow store that answers."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from urllib.parse import quote, urlsplit

from mlflow import MlflowClient, set_registry_uri, set_tracking_uri
from mlflow.entities import Experiment
from mlflow.exceptions import MlflowException

from hokusai_mlflow.errors import TrackingUnreachable
from hokusai_mlflow.settings import Settings

ANSWER_SECONDS = 5.0


def connect(settings: Settings) -> MlflowClient:
    """A client of the store in force, after it has answered.

    Parameters
    ----------
    settings : Settings
        Names the store.

    Returns
    -------
    MlflowClient
        The store is also made the process' current one, which MLflow's own loaders require.

    Raises
    ------
    TrackingUnreachable
        When a server does not answer within 5 seconds, or a database cannot be opened.
    """
    uri = settings.mlflow_uri
    scheme = urlsplit(uri).scheme
    if scheme in ("http", "https"):
        _ask(uri)
    elif scheme == "sqlite":
        Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    # Migrations and copied files are no news to people who run a pipeline.
    for name in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(name).setLevel(logging.WARNING)
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    _make_current(uri)
    try:
        client = MlflowClient(uri)
        client.search_experiments(max_results=1)
    except Exception as problem:
        raise TrackingUnreachable(
            f"the MLflow store at {_shown(uri)} cannot be used: {problem}; "
            "check MLFLOW_TRACKING_URI"
        ) from problem
    return client


def _make_current(uri: str) -> None:
    """Make a store the process' current one, and leave the environment as it was.

    MLflow writes the URI into `MLFLOW_TRACKING_URI`; there it would be taken for the user's choice
    by the next run, which may have another home.
    """
    chosen = os.environ.get("MLFLOW_TRACKING_URI")
    set_tracking_uri(uri)
    set_registry_uri(uri)
    if chosen is None:
        os.environ.pop("MLFLOW_TRACKING_URI", None)
    else:
        os.environ["MLFLOW_TRACKING_URI"] = chosen


def _ask(uri: str) -> None:
    import requests  # noqa: PLC0415

    try:
        # MLflow's own client retries for minutes before it says anything.
        answer = requests.get(uri.rstrip("/") + "/health", timeout=ANSWER_SECONDS)
        if answer.status_code >= requests.codes.server_error:
            # A gateway without its server.
            answer.raise_for_status()
    except requests.RequestException as problem:
        raise TrackingUnreachable(
            f"the MLflow server at {_shown(uri)} did not answer within {ANSWER_SECONDS:g} s; "
            "start it, or correct MLFLOW_TRACKING_URI (unset: an embedded SQLite store)"
        ) from problem


def _shown(uri: str) -> str:
    """A URI without its password."""
    parts = urlsplit(uri)
    if parts.password is None:
        return uri
    return uri.replace(f":{parts.password}@", ":…@")


def _note(experiment_id: str, metric: str) -> str:
    """What an experiment's page says: no tag sets MLflow's order of runs, but a link does."""
    key = quote(f"metrics.`gate/{metric}/improvement_bps`", safe="")
    best = f"#/experiments/{experiment_id}/runs?orderByKey={key}&orderByAsc=false"
    return (
        f"Attempts to improve the model, judged by **{metric}** on sealed hold-outs: "
        f"[the largest improvement first]({best}). Positive is better, whatever the metric."
    )


def experiment(client: MlflowClient, model: str, settings: Settings, *, metric: str) -> Experiment:
    """The experiment of a model, made when missing, with its paid metric as the UI's default.

    Parameters
    ----------
    client : MlflowClient
        The store.
    model : str
        Registered model name, also the experiment's.
    settings : Settings
        Gives the artifact folder of the embedded store.
    metric : str
        Name of the paid metric.
    """
    found = client.get_experiment_by_name(model)
    if found is None:
        tags = {"mlflow.experiment.primaryMetric.name": f"gate/{metric}/improvement_bps"}
        tags |= {"mlflow.experiment.primaryMetric.greaterIsBetter": "True"}
        # Otherwise the UI guesses, and shows the page meant for language-model evaluation.
        tags |= {"mlflow.experimentKind": "custom_model_development"}
        try:
            made = client.create_experiment(model, settings.artifact_root, tags)
            client.set_experiment_tag(made, "mlflow.note.content", _note(made, metric))
        except MlflowException:
            # Another process made it in between; then it is there now.
            if client.get_experiment_by_name(model) is None:
                raise
        found = client.get_experiment_by_name(model)
    return found
