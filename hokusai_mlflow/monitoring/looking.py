"""One look at a champion: fresh batches read, both models scored, the watches judged, kept."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from mlflow import MlflowClient

from hokusai_mlflow.contributions.dataset import Dataset
from hokusai_mlflow.contributions.digests import evaluation_digest
from hokusai_mlflow.deltaone import PairedSums
from hokusai_mlflow.errors import InputError, MetricUndefined
from hokusai_mlflow.evidence import digest, read_sums
from hokusai_mlflow.history.monitoring import record_measurement
from hokusai_mlflow.inputs import Inputs, read_snapshot
from hokusai_mlflow.inputs.inputs import PAYMENT, REFERENCE
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.ledger.looks import RETIRED
from hokusai_mlflow.metrics import Metric
from hokusai_mlflow.monitoring.drifting import measure_drift
from hokusai_mlflow.monitoring.fresh import (
    Batch,
    find_files,
    leave_out_known,
    pooled,
    read_batch,
)
from hokusai_mlflow.monitoring.record import Record, keep_batch
from hokusai_mlflow.monitoring.watches import Look, Verdict, judge
from hokusai_mlflow.novelty import trained_on
from hokusai_mlflow.predicting import predict
from hokusai_mlflow.reigning import Reign, current_reign
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.spec import load_spec
from hokusai_mlflow.spec.monitor import MonitorPlan
from hokusai_mlflow.stats.drift import Drift
from hokusai_mlflow.stats.fresh import Fresh
from hokusai_mlflow.stats.paired import paired_scores
from hokusai_mlflow.stats.quantiles import normal_quantile
from hokusai_mlflow.tracking import models, registry
from hokusai_mlflow.tracking.runs import download
from hokusai_mlflow.tracking.store import connect

BAND = normal_quantile(0.025)
"""Half the width of a 95 % interval in standard errors."""
FEWEST_OF_A_CLASS, WHOLE = 10, 2_000
"""A batch waits until it has so many examples of every class in it, or so many in all."""


@dataclass(frozen=True, repr=False)
class Found:
    """What one run of the monitor found.

    Attributes
    ----------
    reign : Reign
        The champion that was looked at.
    run_id : str
        Monitoring run in MLflow.
    new : tuple of mapping
        Bodies of the measurements that this run added, in order.
    all : tuple of mapping
        Bodies of all measurements of the reign.
    unlabelled : tuple of Drift
        Drift of rows that wait for labels, or for more rows.
    waiting : int
        Labelled rows that wait for more.
    dropped : mapping of str to int
        Rows that did not count, by reason.
    """

    reign: Reign
    run_id: str
    new: tuple[Mapping[str, Any], ...]
    all: tuple[Mapping[str, Any], ...]
    unlabelled: tuple[Drift, ...]
    waiting: int
    dropped: Mapping[str, int]

    @property
    def status(self) -> str:
        """The last verdict on this champion; ok before there is one."""
        return str(self.all[-1]["status"]) if self.all else "ok"

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why."""
        return tuple(self.all[-1]["reasons"]) if self.all else ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "model": self.reign.model,
            "champion": self.reign.champion.version,
            "beaten": self.reign.beaten and self.reign.beaten.version,
            "status": self.status,
            "reasons": list(self.reasons),
            "new": [dict(one) for one in self.new],
            "batches": len(self.all),
            "unlabelled": [one.to_dict() for one in self.unlabelled],
            "waiting": self.waiting,
            "dropped": dict(self.dropped),
        }

    def __repr__(self) -> str:
        return (
            f"Found({self.reign.model} version {self.reign.champion.version}: {self.status}, "
            f"{len(self.new)} new batches)"
        )


def look(spec_path: str | Path, settings: Settings, data: str | Path | None = None) -> Found:
    """Look at the champion of a spec's model on fresh labelled data.

    Every batch is one entry of the ledger: one that counted before counts no more, and a killed
    look goes on behind its last entry. Batches after one that calls for a rollback wait for the
    next champion.

    Parameters
    ----------
    spec_path : str or Path
        The `pipeline.yaml`.
    settings : Settings
    data : str or Path, optional
        File or folder, relative to the working folder, in place of the spec's `monitor.data`.

    Raises
    ------
    InputError
        When no data are named, or a file cannot be used; nothing of it was counted.
    ChampionMissing
        When there is no champion, or an artifact store has lost what is needed.
    """
    spec = load_spec(spec_path)
    if data is None and spec.monitor.data is None:
        raise InputError(
            f"{spec_path}: nothing says where fresh labelled data are; add monitor: {{data: "
            "fresh.parquet}} (a file or a folder of batches), or give --data"
        )
    place = Path(data) if data is not None else _beside(spec_path, str(spec.monitor.data))
    client = connect(settings)
    with Ledger(settings.ledger) as ledger:
        reign = current_reign(client, ledger, spec.model)
        watcher = Watcher(client, ledger, settings, reign, spec.monitor)
        return watcher.look(find_files(place))


def is_thin(metric: Metric, kind: str, targets: npt.ArrayLike) -> bool:
    """Whether a batch has too few examples of a class for a value that is no mean, such as F1.

    Such a value is biased then, and the batches' mean is not what larger ones would show.

    Parameters
    ----------
    metric : Metric
    kind : str
        Of targets.
    targets : array-like, shape (n,)
    """
    if metric.paired != "linearised" or kind != "class":
        return False
    _, counts = np.unique(np.asarray(targets), return_counts=True)
    return bool(counts.min() < FEWEST_OF_A_CLASS and counts.sum() < WHOLE)


class Watcher:
    """Looks at one reign.

    Parameters
    ----------
    client : MlflowClient
    ledger : Ledger
    settings : Settings
    reign : Reign
    plan : MonitorPlan
        From the spec as it is now; data and metric are those that the champion was made with.
    """

    def __init__(
        self,
        client: MlflowClient,
        ledger: Ledger,
        settings: Settings,
        reign: Reign,
        plan: MonitorPlan,
    ) -> None:
        self._client, self._ledger, self._reign, self._plan = client, ledger, reign, plan
        with tempfile.TemporaryDirectory() as scratch:
            folder = download(reign.champion.run_id, "inputs", Path(scratch))
            self._inputs: Inputs = read_snapshot(folder)
        if self._inputs.spec.kind.by_people:
            raise InputError(
                f"{reign.model} is rated by people: the monitor needs a metric that a machine "
                "computes; have fresh answers of both versions rated instead"
            )
        self._metric: Metric = self._inputs.metric
        metric = self._inputs.spec.metric
        self._record = Record.of(client, ledger, settings, reign.model, metric)
        stored = ledger.get("attempt.evidence", reign.attempt)
        self._evidence: Mapping[str, Any] | None = stored and stored.body["document"]

    def look(self, files: Sequence[Path]) -> Found:
        """Take up what is new of these files."""
        known = self._record.files
        read = [read_batch(path, self._inputs) for path in files]
        read = [one for one in read if not {sha for _, sha in one.files} <= known]
        if read:
            training = trained_on(self._reign.champion.run_id)
            read = leave_out_known(read, self._inputs, training, self._record.seen_ids())
        dropped = {
            k: sum(one.dropped[k] for one in read) for k in (read[0].dropped if read else ())
        }
        new: list[Mapping[str, Any]] = []
        # Files of which no labelled row is left say nothing more; unlabelled ones may.
        whole, waiting = pooled([one for one in read if len(one.features)], self._plan.min_examples)
        before = self._record.of_reign(self._reign.id)
        while whole and not self._ended([*before, *new]):
            batch, *whole = whole
            try:
                if not is_thin(self._metric, self._inputs.spec.kind.targets, batch.rows.targets):
                    new.append(self._take_up(batch, [*before, *new]))
                    continue
            except MetricUndefined:
                pass
            # One class only, say: it counts together with the next batch.
            if whole:
                whole[0] = batch.and_(whole[0])
            else:
                waiting = batch if waiting is None else batch.and_(waiting)
        unlabelled: tuple[Drift, ...] = ()
        if waiting is not None and not self._ended([*before, *new]):
            unlabelled = self._drift(waiting)
        return Found(
            self._reign,
            self._record.run_id,
            tuple(new),
            (*before, *new),
            unlabelled,
            0 if waiting is None else len(waiting.rows),
            dropped,
        )

    @staticmethod
    def _ended(bodies: Sequence[Mapping[str, Any]]) -> bool:
        return bool(bodies) and bodies[-1]["status"] == "roll_back"

    def _take_up(self, batch: Batch, before: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        of, rows = self._metric, batch.rows
        said = self._said(0, rows, "champion")
        beaten = said
        if self._reign.beaten is not None:
            beaten = self._said(1, rows, "beaten model")
        value, low, high = measured(of, rows.targets, said)
        groups = self._inputs.groups(rows)
        b, c = paired_scores(of, rows.targets, beaten, said, groups=groups)
        taken = Look(Fresh.of(b, c), (float(c.min()), float(c.max())))
        drift = self._drift(batch)
        looks = [Look.from_dict(one["batch"]["look"]) for one in before]
        verdict = self._judge([*looks, taken], drift)
        content = digest(
            {"reign": self._reign.id, "rows": evaluation_digest(rows.ids, rows.targets)}
        )
        columns = {"id": rows.ids, "target": rows.targets, "champion": beaten, "candidate": said}
        keep_batch(self._client, self._record.run_id, content, columns)
        entry = record_measurement(
            self._ledger,
            model=self._reign.model,
            version=self._reign.champion.version,
            metric=of.name,
            value=value,
            low=low,
            high=high,
            reference=self._reference(before, value),
            n=len(rows),
            inputs=[one.to_dict() for one in drift],
            status=verdict.status,
            reasons=verdict.reasons,
            batch={
                "reign": self._reign.id,
                "attempt": self._reign.attempt,
                "champion": self._reign.champion.remembered(),
                "beaten": self._reign.beaten and self._reign.beaten.remembered(),
                "number": len(before) + 1,
                "digest": content,
                "files": [list(one) for one in batch.files],
                "given": batch.given,
                "unlabelled": len(batch.unlabelled),
                "dropped": dict(batch.dropped),
                "look": taken.to_dict(),
                "watched": verdict.to_dict()["watched"],
            },
            key=content,
        )
        return entry.body

    def _said(self, which: int, rows: Dataset, name: str) -> np.ndarray:
        of = self._metric
        return predict(self._models[which], rows.features, of, name=name, targets=rows.targets)

    def _judge(self, looks: Sequence[Look], drift: Sequence[Drift]) -> Verdict:
        promotion: PairedSums | None = None
        if self._evidence is not None:
            promotion = read_sums(dict(self._evidence), "payment")
        return judge(
            self._plan,
            self._metric,
            looks,
            promotion=promotion,
            grouped=self._inputs.spec.data.group is not None,
            has_beaten=self._reign.beaten is not None,
            drift=drift,
        )

    def _reference(self, before: Sequence[Mapping[str, Any]], value: float) -> float:
        """What the champion was promoted with; of a baseline, its value on the first batch."""
        if self._evidence is not None:
            return float(self._evidence["comparison"]["candidate"])
        return float(before[0]["reference"]) if before else value

    def _drift(self, batch: Batch) -> tuple[Drift, ...]:
        plan = self._plan
        if plan.on_drift == "ignore" or not len(batch.features):
            return ()
        level = plan.drift.alpha / plan.batches_per_year
        return measure_drift(
            self._population, batch.features, level=level, seed=self._inputs.spec.seed
        )

    @cached_property
    def _population(self) -> pd.DataFrame:
        """The pool's inputs without any hold-out that is still sealed."""
        retired = self._ledger.entries(model=self._reign.model, kind=RETIRED)
        names = sorted({str(entry.body["holdout"]) for entry in retired})
        return self._inputs.part(REFERENCE, PAYMENT, *names).features

    @cached_property
    def _models(self) -> list[Any]:
        both = [self._reign.champion, *([self._reign.beaten] if self._reign.beaten else [])]
        return [
            models.load(
                self._client,
                registry.version(self._client, one.model, one.version),
                expected_digest=one.digest,
            )
            for one in both
        ]


def measured(of: Metric, targets: np.ndarray, said: np.ndarray) -> tuple[float, float, float]:
    """A metric's value on a batch, and its 95 % interval by the delta method."""
    value = of.score(targets, said)
    at = of.utility(value)
    influence = of.influence(of.statistics(targets, said))
    reach = BAND * math.sqrt(float((influence**2).mean()) / len(influence))
    ends = sorted(_value(of, at + side * reach) for side in (-1, 1))
    return value, min(ends[0], value), max(ends[1], value)


def _value(of: Metric, utility: float) -> float:
    """Inverse of `Metric.utility`."""
    signed = -utility if of.direction == "lower" else utility
    return math.exp(signed) if of.scale == "log_ratio" else signed


def _beside(spec_path: str | Path, given: str) -> Path:
    return Path(spec_path).resolve().parent / given
