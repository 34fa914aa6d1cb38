"""What was seen of a model's fresh data so far: in the ledger, and as files in MLflow."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow import MlflowClient

from hokusai_mlflow.errors import ChampionMissing
from hokusai_mlflow.history.monitoring import MEASURED
from hokusai_mlflow.ledger import Entry, Ledger
from hokusai_mlflow.monitoring.watches import Look
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.tracking import runs
from hokusai_mlflow.tracking.store import experiment

MONITORING_TAG = "hokusai.monitoring"
BATCHES = "batches"


@dataclass(frozen=True, repr=False)
class Record:
    """Every batch that counted.

    Attributes
    ----------
    run_id : str
        The model's monitoring run in MLflow.
    entries : tuple of Entry
        Of all reigns, in order.
    """

    run_id: str
    entries: tuple[Entry, ...]

    @classmethod
    def of(
        cls, client: MlflowClient, ledger: Ledger, settings: Settings, model: str, metric: str
    ) -> Record:
        """The record of a model; its run is made when missing."""
        home = experiment(client, model, settings, metric=metric)
        run_id = runs.tagged_run(
            client, home.experiment_id, MONITORING_TAG, model, name="monitoring"
        )
        found = ledger.entries(model=model, kind=MEASURED)
        return cls(run_id, tuple(entry for entry in found if entry.body.get("batch")))

    def of_reign(self, reign: str) -> list[Mapping[str, Any]]:
        """Bodies of the entries of one reign, in order."""
        return [e.body for e in self.entries if e.body["batch"]["reign"] == reign]

    def looks(self, reign: str) -> list[Look]:
        """What a reign has shown so far."""
        return [Look.from_dict(body["batch"]["look"]) for body in self.of_reign(reign)]

    @property
    def files(self) -> frozenset[str]:
        """SHA-256 of the files that counted."""
        return frozenset(sha for entry in self.entries for _, sha in entry.body["batch"]["files"])

    def seen_ids(self) -> frozenset[str]:
        """Ids of every example that counted.

        Raises
        ------
        ChampionMissing
            When MLflow has lost a batch that the ledger has.
        """
        if not self.entries:
            return frozenset()
        found: set[str] = set()
        with tempfile.TemporaryDirectory() as scratch:
            folder = runs.download(self.run_id, BATCHES, Path(scratch))
            for entry in self.entries:
                path = folder / f"{entry.body['batch']['digest']}.parquet"
                if not path.is_file():
                    raise ChampionMissing(
                        f"run {self.run_id} has lost {BATCHES}/{path.name}, so that rows seen "
                        "before could not be told from fresh ones; restore the artifact store"
                    )
                found |= set(pd.read_parquet(path, columns=["id"])["id"].tolist())
        return frozenset(found)


def keep_batch(
    client: MlflowClient, run_id: str, digest: str, columns: Mapping[str, np.ndarray]
) -> None:
    """Keep a batch's examples with both models' outputs, before the ledger says that it counted."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / f"{digest}.parquet"
        pd.DataFrame({name: list(values) for name, values in columns.items()}).to_parquet(path)
        runs.upload(client, run_id, Path(scratch), to=BATCHES)
