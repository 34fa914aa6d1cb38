"""The MLflow run of an attempt: one per attempt, found again after a crash."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow.artifacts
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from hokusai_mlflow.errors import ChampionMissing
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.tracking.registry import ATTEMPT_TAG
from hokusai_mlflow.tracking.store import experiment

TAG_LENGTH = 8_000
"""MLflow's limit on the value of a run tag."""


def attempt_run(
    client: MlflowClient, settings: Settings, *, model: str, attempt: str, metric: str
) -> str:
    """Id of the run of an attempt, made when missing.

    Parameters
    ----------
    client : MlflowClient
        The store.
    settings : Settings
        Gives the artifact folder of the embedded store.
    model, attempt : str
        Which attempt.
    metric : str
        Name of the paid metric.
    """
    home = experiment(client, model, settings, metric=metric)
    found = client.search_runs(
        [home.experiment_id], f"tags.`{ATTEMPT_TAG}` = '{attempt}'", max_results=1
    )
    if found:
        run_id = str(found[0].info.run_id)
        # It may have failed before, and is under way again.
        client.update_run(run_id, status="RUNNING")
        return run_id
    run = client.create_run(
        home.experiment_id,
        run_name=f"{model} {attempt[:8]}",
        tags={ATTEMPT_TAG: attempt, "hokusai.model": model},
    )
    return str(run.info.run_id)


def tagged_run(client: MlflowClient, experiment_id: str, tag: str, value: str, *, name: str) -> str:
    """Id of the one run of an experiment with this tag, made when missing."""
    for run in client.search_runs([experiment_id], f"tags.`{tag}` != ''", max_results=100):
        if run.data.tags[tag] == value:
            return str(run.info.run_id)
    made = client.create_run(experiment_id, run_name=name, tags={tag: value})
    return str(made.info.run_id)


def log(
    client: MlflowClient,
    run_id: str,
    *,
    metrics: Mapping[str, float] | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
) -> None:
    """Log metrics, parameters and tags of a run.

    Numbers that are not finite are left out: SQL stores turn infinity into 1.8e308, and NaN breaks
    the run page. Logging the same again changes nothing that a reader sees.
    """
    finite = [
        Metric(name, float(value), 0, 0)
        for name, value in (metrics or {}).items()
        if math.isfinite(value)
    ]
    client.log_batch(
        run_id,
        metrics=finite,
        params=[Param(name, str(value)[:6_000]) for name, value in (params or {}).items()],
        tags=[RunTag(name, str(value)[:TAG_LENGTH]) for name, value in (tags or {}).items()],
    )


def fail(client: MlflowClient, run_id: str, reason: str) -> None:
    """Mark a run as failed, with the reason as its tag `hokusai.error`."""
    log(client, run_id, tags={"hokusai.outcome": "failed", "hokusai.error": reason})
    client.set_terminated(run_id, "FAILED")


def upload(client: MlflowClient, run_id: str, folder: Path, *, to: str) -> None:
    """Copy a folder into a run's artifacts, over what is there."""
    client.log_artifacts(run_id, str(folder), to)


def upload_text(client: MlflowClient, run_id: str, texts: Mapping[str, str]) -> None:
    """Write text artifacts, path by path."""
    for path, text in texts.items():
        client.log_text(run_id, text, path)


def read_text(client: MlflowClient, run_id: str, path: str) -> str | None:
    """A text artifact of a run; None when it has none of this path."""
    folder = path.rpartition("/")[0]
    if path not in [one.path for one in client.list_artifacts(run_id, folder)]:
        return None
    return str(mlflow.artifacts.load_text(f"runs:/{run_id}/{path}"))


def download(run_id: str, path: str, scratch: Path) -> Path:
    """Fetch an artifact folder of a run.

    Raises
    ------
    ChampionMissing
        When the artifact store does not have it any more.
    """
    try:
        found = mlflow.artifacts.download_artifacts(
            artifact_uri=f"runs:/{run_id}/{path}",
            dst_path=tempfile.mkdtemp(dir=scratch),
        )
    except Exception as problem:
        raise ChampionMissing(
            f"run {run_id} has no readable artifact {path!r} ({problem}); "
            "restore the run and its artifacts"
        ) from problem
    return Path(found)
