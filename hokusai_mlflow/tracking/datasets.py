"""Data sets as inputs of a run, by name and content digest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag

DIGEST_LENGTH = 36
"""MLflow's limit on a data set's digest; the whole one stands in its source."""


@dataclass(frozen=True)
class Used:
    """A data set that an attempt used.

    Attributes
    ----------
    name, digest : str
        Which, by content.
    context : str
        What for: training, gate, payment, contribution.
    rows : int
        How many.
    columns : mapping of str to str
        Features by type.
    """

    name: str
    digest: str
    context: str
    rows: int
    columns: Mapping[str, str]


def log_datasets(client: MlflowClient, run_id: str, used: list[Used]) -> None:
    """Log data sets as inputs; one that is there already is not logged twice."""
    client.log_inputs(
        run_id,
        [
            DatasetInput(
                Dataset(
                    name=one.name,
                    digest=one.digest[:DIGEST_LENGTH],
                    source_type="code",
                    source=json.dumps({"tags": {"hokusai.digest": one.digest}}),
                    schema=json.dumps({"mlflow_colspec": _columns(one.columns)}),
                    profile=json.dumps({"num_rows": one.rows}),
                ),
                [InputTag("mlflow.data.context", one.context)],
            )
            for one in used
        ],
    )


MOST_COLUMNS = 200
"""MLflow keeps at most 65 535 characters of a schema."""
KINDS = {"i": "long", "u": "long", "f": "double", "b": "boolean"}


def _columns(columns: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {"type": KINDS.get(kind, "string"), "name": name[:200], "required": True}
        for name, kind in list(columns.items())[:MOST_COLUMNS]
    ]
