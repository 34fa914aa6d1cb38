"""The same sums as Prefect tasks: in threads, and on a real local Dask cluster."""

import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.testing.utilities import prefect_test_harness

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.stats.comparison import compare_outputs
from hokusai_mlflow.streaming.source import open_dataset, split
from hokusai_mlflow.streaming.tasks import ExtraMissing, compare_in_tasks, compare_on_dask

pytestmark = [
    pytest.mark.flow,
    # Of Prefect, Dask and their servers, not ours.
    pytest.mark.filterwarnings("ignore"),
]

N = 4_000
METRICS = [metric("accuracy"), metric("f1", average="macro"), metric("mse"), metric("roc_auc")]
ASKED = {
    "target": {"accuracy": "t", "f1": "t", "mse": "y", "roc_auc": "z"},
    "baseline": {"accuracy": "t_b", "f1": "t_b", "mse": "y_b", "roc_auc": "y_b"},
    "candidate": {"accuracy": "t_c", "f1": "t_c", "mse": "y_c", "roc_auc": "y_c"},
    "metrics": METRICS,
}


@pytest.fixture(scope="module")
def columns():
    rng = np.random.default_rng(0)
    truth, y = rng.integers(0, 5, N), rng.normal(0, 1, N)
    found = {"t": truth, "y": y, "z": (y > 0).astype(np.int8)}
    for model, agreement in (("b", 0.8), ("c", 0.84)):
        found[f"t_{model}"] = np.where(rng.random(N) < agreement, truth, rng.integers(0, 5, N))
        found[f"y_{model}"] = y + rng.normal(0, 1, N)
    return found


@pytest.fixture
def folder(tmp_path, columns):
    table = pa.table(columns)
    for at, (start, end) in enumerate(((0, 1_500), (1_500, N))):
        part = table.slice(start, end - start)
        pq.write_table(part, tmp_path / f"part-{at}.parquet", row_group_size=700)
    return tmp_path


@pytest.fixture(scope="module")
def _prefect():
    with prefect_test_harness(server_startup_timeout=120):
        yield


def assert_equal_to_memory(found, columns):
    for one in METRICS:
        names = (ASKED[role][one.name] for role in ("target", "baseline", "candidate"))
        expected = compare_outputs(one, *(columns[name] for name in names)).to_dict()
        for field, value in found[one.name].to_dict().items():
            if isinstance(value, float):
                assert value == pytest.approx(expected[field], rel=1e-9, abs=1e-9), field
            else:
                assert value == expected[field], field


def test_parts_are_whole_row_groups_of_every_row(folder):
    parts = split(open_dataset(folder, ["t"]), 1_400)
    sizes = [[sum(g.num_rows for g in piece.row_groups) for piece in part] for part in parts]
    # Row groups follow one another, across files too.
    assert sizes == [[700, 700], [100, 700], [700, 700], [400]]


@pytest.mark.usefixtures("_prefect")
def test_a_dask_cluster_finds_what_memory_does(folder, columns):
    found = compare_on_dask(
        folder,
        cluster_kwargs={"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None},
        rows_per_task=1_000,
        **ASKED,
    )
    assert_equal_to_memory(found, columns)


@pytest.mark.usefixtures("_prefect")
def test_any_task_runner_will_do(folder, columns):
    @flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
    def comparing(**more):
        return compare_in_tasks(folder, rows_per_task=1_000, **ASKED | more)

    assert_equal_to_memory(comparing(), columns)
    bad = pa.table(columns | {"y_b": np.where(np.arange(N) == 9, np.nan, columns["y_b"])})
    pq.write_table(bad, folder / "part-2.parquet")
    with pytest.raises(InputError, match=r"part-2\.parquet, row 9, .*found nan"):
        comparing()


def test_the_extra_is_named_when_it_is_missing(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "prefect_dask", None)
    with pytest.raises(ExtraMissing, match=r"hokusai-mlflow\[dask\]"):
        compare_on_dask(folder, **ASKED)
