"""Child runs of an attempt: one per repeat of the refits, one per subset of contributors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

CHILD_TAG = "hokusai.child"


@dataclass(frozen=True)
class Child:
    """A run below an attempt's.

    Attributes
    ----------
    key : str
        Its identity within the attempt.
    name : str
        What the UI shows.
    metrics : mapping of str to sequence of float
        Values by step, for example one per fold.
    params : mapping of str to str
        What was run.
    """

    key: str
    name: str
    metrics: Mapping[str, tuple[float, ...]]
    params: Mapping[str, str] = field(default_factory=dict)


def log_children(client: MlflowClient, parent: str, children: Iterable[Child]) -> None:
    """Log children once each; those that are there and finished are left as they are."""
    experiment = client.get_run(parent).info.experiment_id
    query = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent}'"
    there = {
        run.data.tags.get(CHILD_TAG): run.info
        for run in client.search_runs([experiment], query, max_results=1_000)
    }
    for child in children:
        info = there.get(child.key)
        if info is not None and info.status == "FINISHED":
            continue
        if info is None:
            tags = {MLFLOW_PARENT_RUN_ID: parent, CHILD_TAG: child.key}
            info = client.create_run(experiment, run_name=child.name, tags=tags).info
        client.log_batch(
            info.run_id,
            metrics=[
                Metric(name, value, 0, step)
                for name, values in child.metrics.items()
                for step, value in enumerate(values)
                if math.isfinite(value)
            ],
            params=[Param(name, value[:6_000]) for name, value in child.params.items()],
        )
        client.set_terminated(info.run_id, "FINISHED")
