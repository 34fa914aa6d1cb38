"""`compare_parquet`: two models on more examples than fit in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.stats.comparison import Comparison
from hokusai_mlflow.stats.partial import PartialComparison
from hokusai_mlflow.stats.partial_ranking import MAX_BINS
from hokusai_mlflow.stats.result import require_level
from hokusai_mlflow.streaming.fold import fold, located
from hokusai_mlflow.streaming.identity import require_unique
from hokusai_mlflow.streaming.plan import Names, Plan
from hokusai_mlflow.streaming.source import Source, open_dataset, read

BATCH_ROWS = 2**16
"""Rows of one batch: enough to outweigh its cost, few enough to stay near the processor."""


def compare_parquet(
    source: Source,
    *,
    target: Names | None,
    baseline: Names,
    candidate: Names,
    metrics: Sequence[str | Metric],
    level: float = 0.05,
    min_effect_bps: float = 10.0,
    classes: Sequence[Any] | None = None,
    id: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    batch_rows: int = BATCH_ROWS,
    threads: int | None = None,
    max_bins: int = MAX_BINS,
) -> dict[str, Comparison]:
    """Compare two models' outputs in Parquet or Arrow data of any size.

    One pass in bounded memory; ROC-AUC takes a second one. Results equal those of
    `compare_outputs` on all rows to rounding; areas are exact while a model has at most `max_bins`
    distinct scores, and otherwise a `BinnedComparison`, whose interval and p-value include what
    the bins leave open.

    Parameters
    ----------
    source : path, paths, or pyarrow.dataset.Dataset
        Parquet file, directory of such files, or a dataset of any format.
    target, baseline, candidate : str or mapping of str to str
        Columns, or for every metric its column, where outputs are of several kinds.
    metrics : sequence of str or Metric
        Names, or metrics with their options.
    level, min_effect_bps : float
        As in `compare_outputs`.
    classes : sequence of labels, optional
        Every class there is, for metrics of classes; those of the targets when not given.
    id : str, optional
        Column whose values must differ. Checking takes 8 bytes of memory per row for whole
        numbers and 16 for strings (compared by 128-bit hashes), and half as much again to sort.
    progress : callable, optional
        Called with the rows done and the rows to do.
    batch_rows : int
        Rows per batch.
    threads : int, optional
        As many as there are processors when not given.
    max_bins : int
        Distinct scores per model before neighbours share bins; about 100 bytes each.

    Returns
    -------
    dict of str to Comparison
        By the metric's name, or its signature where one name occurs twice, in the given order.

    Raises
    ------
    InputError
        When an input is malformed, with file and row where that can be told; `MetricUndefined`
        when a value does not exist; `UnknownName` when there is no such column.
    """
    require_level(level, min_effect_bps)
    plan = Plan.of(
        metrics,
        target=target,
        baseline=baseline,
        candidate=candidate,
        classes=classes,
        max_bins=max_bins,
    )
    dataset = open_dataset(source, plan.columns + ([] if id is None else [id]))
    passes = 1 + bool(plan.ranked) + (id is not None)
    done = None if progress is None else _counted(progress, passes * dataset.count_rows())
    if id is not None:
        require_unique(read(dataset, [id], batch_rows), id, done)
    counted = fold(
        read(dataset, plan.columns, batch_rows),
        partial(located, part=plan.count),
        threads=threads,
        done=done,
    )
    placings = plan.placings(counted)
    placed = None
    if plan.ranked:
        placed = fold(
            read(dataset, plan.ranked, batch_rows),
            partial(located, part=partial(plan.place, placings)),
            threads=threads,
            done=done,
        )
    return plan.finish(counted, placings, placed, level, min_effect_bps)


def partial_parquet(
    source: Source,
    *,
    target: Names | None,
    baseline: Names,
    candidate: Names,
    metrics: Sequence[str | Metric],
    batch_rows: int = BATCH_ROWS,
    threads: int | None = None,
) -> dict[str, PartialComparison]:
    """The sums themselves, for adding up with others and for `PartialComparison.paired_sums`.

    Parameters
    ----------
    source, target, baseline, candidate, metrics, batch_rows, threads
        As in `compare_parquet`; metrics that need a second pass are refused.

    Returns
    -------
    dict of str to PartialComparison
        By the metric's name; metrics over the same columns share one.

    Raises
    ------
    InputError
        As `compare_parquet`.
    """
    plan = Plan.of(metrics, target=target, baseline=baseline, candidate=candidate)
    if plan.ranked:
        raise InputError("roc_auc is no function of sums over parts; use compare_parquet")
    dataset = open_dataset(source, plan.columns)
    batches = read(dataset, plan.columns, batch_rows)
    counted = fold(batches, partial(located, part=plan.count), threads=threads)
    return plan.by_name(counted)


def _counted(progress: Callable[[int, int], None], rows: int) -> Callable[[int], None]:
    so_far = 0

    def done(more: int) -> None:
        nonlocal so_far
        so_far += more
        progress(so_far, rows)

    return done
