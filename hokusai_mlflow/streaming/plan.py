"""Which metrics are computed from which columns, and what one batch adds to each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hokusai_mlflow.errors import InputError, UnknownName, did_you_mean
from hokusai_mlflow.metrics import metric as metric_named
from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.metrics.ranking import RocAuc
from hokusai_mlflow.stats.comparison import Comparison
from hokusai_mlflow.stats.partial import PartialComparison
from hokusai_mlflow.stats.partial_ranking import MAX_BINS, Placing, RankingCounts
from hokusai_mlflow.streaming.columns import as_column
from hokusai_mlflow.streaming.source import Batch

if TYPE_CHECKING:
    import pyarrow as pa

Names = str | Mapping[str, str]
"""A column for every metric, or the column of each metric."""


@dataclass(frozen=True)
class Reading:
    """Metrics of one kind of output over the same three columns.

    Attributes
    ----------
    target, baseline, candidate : str
        Columns; no target for metrics that need none.
    metrics : dict of str to Metric
        By the name that their comparison gets.
    max_bins : int
        Distinct scores that are counted before neighbours share bins.
    """

    target: str | None
    baseline: str
    candidate: str
    metrics: dict[str, Metric]
    max_bins: int = MAX_BINS

    @property
    def columns(self) -> list[str]:
        """The columns that are read."""
        return [name for name in (self.target, self.baseline, self.candidate) if name is not None]

    @property
    def ranks(self) -> bool:
        """Whether the metric ranks all examples, which takes a second pass."""
        return isinstance(next(iter(self.metrics.values())), RocAuc)

    def count(self, rows: pa.RecordBatch) -> PartialComparison | RankingCounts:
        """What a batch adds in the first pass."""
        if self.ranks:
            return RankingCounts.of(*self._arrays(rows), max_bins=self.max_bins)
        return PartialComparison.of(list(self.metrics.values()), *self._arrays(rows))

    def place(self, rows: pa.RecordBatch, placing: Placing) -> Any:
        """What a batch adds in the second pass."""
        return placing.of(*self._arrays(rows))

    def _arrays(self, rows: pa.RecordBatch) -> list[Any]:
        metric = next(iter(self.metrics.values()))
        truth = None
        if self.target is not None:
            # What is true of a score is a class; of all else, what the output is.
            wanted = _LABELS if metric.output in ("score", "scores") else metric
            truth = as_column(self.target, rows.column(self.target), wanted)
        return [
            truth,
            *(
                as_column(name, rows.column(name), metric)
                for name in (self.baseline, self.candidate)
            ),
        ]


_LABELS = metric_named("accuracy")


@dataclass(frozen=True)
class Parts:
    """What every reading got from some rows; parts of disjoint rows add up with ``+``."""

    parts: tuple[Any, ...]

    def __add__(self, other: Parts) -> Parts:
        return Parts(tuple(a + b for a, b in zip(self.parts, other.parts, strict=True)))


@dataclass(frozen=True)
class Plan:
    """All readings of a comparison, and the names of its metrics in order."""

    readings: tuple[Reading, ...]
    names: tuple[str, ...]

    @classmethod
    def of(
        cls,
        metrics: Sequence[str | Metric],
        *,
        target: Names | None,
        baseline: Names,
        candidate: Names,
        classes: Sequence[Any] | None = None,
        max_bins: int = MAX_BINS,
    ) -> Plan:
        """Group metrics by what they read.

        Raises
        ------
        InputError
            When there is no metric, one twice, or one that cannot be computed in parts;
            `UnknownName` when a mapping lacks one.
        """
        found: dict[Any, dict[str, Metric]] = {}
        by_name = _by_name(metrics, classes)
        for name, metric in by_name.items():
            _require_streamable(metric)
            truth = _column(target, name) if target is not None and metric.needs_targets else None
            if truth is None and metric.needs_targets:
                raise InputError(f"{name}: expected the column of the targets; pass target=...")
            key = (truth, _column(baseline, name), _column(candidate, name), metric.output)
            # Every ranking has a second pass of its own.
            apart = name if isinstance(metric, RocAuc) else ""
            found.setdefault((*key, apart), {})[name] = metric
        readings = tuple(
            Reading(truth, said_b, said_c, of, max_bins)
            for (truth, said_b, said_c, *_), of in found.items()
        )
        return cls(readings, tuple(by_name))

    @property
    def columns(self) -> list[str]:
        """Columns that the first pass reads."""
        return sorted({column for reading in self.readings for column in reading.columns})

    @property
    def ranked(self) -> list[str]:
        """Columns that a second pass reads; none when there is none."""
        return sorted({column for reading in self._ranking for column in reading.columns})

    @property
    def _ranking(self) -> list[Reading]:
        return [reading for reading in self.readings if reading.ranks]

    def count(self, batch: Batch) -> Parts:
        """What a batch adds in the first pass."""
        return Parts(tuple(reading.count(batch.rows) for reading in self.readings))

    def placings(self, counted: Parts | None) -> list[Placing]:
        """What places examples in the second pass, from the first one's counts."""
        return [
            Placing(metric, part)
            for reading, part in zip(self.readings, _some(counted).parts, strict=True)
            for metric in reading.metrics.values()
            if isinstance(metric, RocAuc)
        ]

    def place(self, placings: list[Placing], batch: Batch) -> Parts:
        """What a batch adds in the second pass."""
        each = zip(self._ranking, placings, strict=True)
        return Parts(tuple(reading.place(batch.rows, placing) for reading, placing in each))

    def finish(
        self,
        counted: Parts | None,
        placings: list[Placing],
        placed: Parts | None,
        level: float,
        min_effect_bps: float,
    ) -> dict[str, Comparison]:
        """All comparisons, in the order of the metrics."""
        found = {}
        ranked = iter(() if placed is None else zip(placings, placed.parts, strict=True))
        for reading, part in zip(self.readings, _some(counted).parts, strict=True):
            for name, metric in reading.metrics.items():
                if reading.ranks:
                    placing, sums = next(ranked)
                    found[name] = placing.finish(sums, level, min_effect_bps)
                else:
                    found[name] = part.finish(metric, level, min_effect_bps)
        return {name: found[name] for name in self.names}

    def by_name(self, counted: Parts | None) -> dict[str, PartialComparison]:
        """The first pass's sums, by metric."""
        each = zip(self.readings, _some(counted).parts, strict=True)
        found = {name: part for reading, part in each for name in reading.metrics}
        return {name: found[name] for name in self.names}


def _some(counted: Parts | None) -> Parts:
    if counted is None:
        raise InputError("expected at least two examples, found none; bring more data")
    return counted


def _by_name(metrics: Sequence[str | Metric], classes: Sequence[Any] | None) -> dict[str, Metric]:
    if isinstance(metrics, (str, Metric)):
        metrics = [metrics]
    given = [metric_named(one) if isinstance(one, str) else one for one in metrics]
    if not given:
        raise InputError("expected at least one metric, found none")
    if classes is not None:
        listed = tuple(np.asarray(classes).tolist())
        given = [
            metric_named(one.name, **(one.options() | {"classes": listed}))
            if getattr(one, "classes", listed) is None
            else one
            for one in given
        ]
    names = [one.name for one in given]
    told = {one.name if names.count(one.name) == 1 else one.signature: one for one in given}
    if len(told) < len(given):
        raise InputError(f"expected every metric once, found {', '.join(names)}")
    return told


def _require_streamable(metric: Metric) -> None:
    if metric.mergeable or (isinstance(metric, RocAuc) and metric.average == "binary"):
        return
    raise InputError(
        f"{metric.signature} ranks all examples by every class and cannot be computed in parts; "
        "take average='binary', or compare in memory"
    )


def _column(names: Names, metric: str) -> str:
    if isinstance(names, str):
        return names
    if metric not in names:
        raise UnknownName(f"no column named for {metric!r}{did_you_mean(metric, names)}")
    return names[metric]
