"""The same comparison as Prefect tasks, for instance on a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from operator import add
from typing import TYPE_CHECKING, Any

import cloudpickle
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from hokusai_mlflow.errors import HokusaiError
from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.stats.comparison import Comparison
from hokusai_mlflow.stats.partial_ranking import MAX_BINS
from hokusai_mlflow.stats.result import require_level
from hokusai_mlflow.streaming.compare import BATCH_ROWS
from hokusai_mlflow.streaming.fold import fold, located
from hokusai_mlflow.streaming.plan import Names, Parts, Plan
from hokusai_mlflow.streaming.source import Batch, Source, open_dataset, read_fragments, split

if TYPE_CHECKING:
    from pyarrow.dataset import Dataset

ROWS_PER_TASK = 5_000_000


class ExtraMissing(HokusaiError, ImportError):
    """An optional part of the package is not installed."""


def compare_in_tasks(
    source: Source,
    *,
    target: Names | None,
    baseline: Names,
    candidate: Names,
    metrics: Sequence[str | Metric],
    level: float = 0.05,
    min_effect_bps: float = 10.0,
    classes: Sequence[Any] | None = None,
    max_bins: int = MAX_BINS,
    rows_per_task: int = ROWS_PER_TASK,
) -> dict[str, Comparison]:
    """`compare_parquet` with a task per part of the data; call it inside a flow.

    Tasks run wherever the flow's task runner puts them (threads, Dask, Ray), read their own row
    groups and send back sums, so the data must be reachable from there under the same path. The
    result equals the one in a single process to rounding.

    Parameters
    ----------
    source, target, baseline, candidate, metrics, level, min_effect_bps, classes, max_bins
        As in `compare_parquet`.
    rows_per_task : int
        About how many rows a task reads; row groups are not divided.

    Raises
    ------
    InputError
        As `compare_parquet`.
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
    dataset = open_dataset(source, plan.columns)
    counted = _mapped(dataset, rows_per_task, plan.columns, plan.count)
    placings = plan.placings(counted)
    placed = None
    if plan.ranked:
        place = partial(plan.place, placings)
        placed = _mapped(dataset, rows_per_task, plan.ranked, place)
    return plan.finish(counted, placings, placed, level, min_effect_bps)


def compare_on_dask(
    source: Source,
    *,
    address: str | None = None,
    cluster_kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> dict[str, Comparison]:
    """`compare_in_tasks` as a flow of its own on a Dask cluster.

    Parameters
    ----------
    source : path, paths, or pyarrow.dataset.Dataset
        Reachable from every worker.
    address : str, optional
        Of a running scheduler; a local cluster is started when not given.
    cluster_kwargs : mapping, optional
        For the local cluster, such as `n_workers`.
    **options
        As in `compare_in_tasks`.

    Raises
    ------
    ExtraMissing
        When prefect-dask is not installed; `InputError` as `compare_parquet`.
    """
    try:
        from prefect_dask import DaskTaskRunner  # noqa: PLC0415
    except ImportError as error:
        raise ExtraMissing(
            f"comparing on Dask needs prefect-dask ({error}); "
            "install it with: pip install 'hokusai-mlflow[dask]'"
        ) from error
    runner = (
        DaskTaskRunner(cluster_kwargs=dict(cluster_kwargs or {}))
        if address is None
        else DaskTaskRunner(address=address)
    )

    @flow(name="compare on Dask", task_runner=runner, validate_parameters=False)
    def comparing() -> dict[str, Comparison]:
        return compare_in_tasks(source, **options)

    return comparing()


def _mapped(
    dataset: Dataset, rows: int, columns: Sequence[str], part: Callable[[Batch], Parts]
) -> Parts | None:
    # Pickled here: neither Prefect nor Dask then looks for futures inside of fragments and counts.
    futures = [
        sum_part.submit(cloudpickle.dumps((fragments, dataset.schema, columns, part)))
        for fragments in split(dataset, rows)
    ]
    sums = [future.result() for future in futures]
    found: list[Parts] = [outcome for outcome in sums if outcome is not None]
    return reduce(add, found) if found else None


@task(name="partial sums", cache_policy=NO_CACHE, persist_result=False)
def sum_part(share: bytes) -> Parts | None:
    """Sums of some fragments: one task's share of a pass."""
    fragments, schema, columns, part = cloudpickle.loads(share)
    batches = read_fragments(fragments, schema, columns, BATCH_ROWS)
    # One thread: the task runner decides how much runs side by side.
    return fold(batches, partial(located, part=part), threads=1)
