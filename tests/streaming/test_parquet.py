"""Parquet and Arrow data of any layout: equal to the comparison in memory, errors told by row."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest

from hokusai_mlflow.deltaone import PairedSums
from hokusai_mlflow.errors import InputError, MetricUndefined, MissingInput, UnknownName
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.stats.comparison import compare_outputs
from hokusai_mlflow.stats.paired import paired_scores
from hokusai_mlflow.stats.partial_ranking import BinnedComparison
from hokusai_mlflow.streaming import compare_parquet, partial_parquet

N = 1_000
KINDS = {"accuracy": "word", "f1": "word", "mse": "number", "roc_auc": "score"}
METRICS = ["accuracy", metric("f1", average="macro"), "mse"]


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    words = np.array(["cat", "dog", "emu"])
    truth = rng.integers(0, 3, N)
    number = rng.normal(5, 2, N)
    binary = rng.integers(0, 2, N)
    columns = {"word": words[truth], "number": number, "class": binary.astype(np.int8)}
    for model, agreement in (("b", 0.8), ("c", 0.85)):
        said = np.where(rng.random(N) < agreement, truth, rng.integers(0, 3, N))
        columns[f"word_{model}"] = words[said]
        columns[f"number_{model}"] = (number + rng.normal(0, 1, N)).astype(np.float32)
        columns[f"score_{model}"] = binary + rng.normal(0, 1, N)
    columns["id"] = np.arange(N)
    return pa.table(columns)


def asked(metrics=METRICS, **more):
    columns = {
        "target": {"accuracy": "word", "f1": "word", "mse": "number", "roc_auc": "class"},
        "baseline": {name: f"{of}_b" for name, of in KINDS.items()},
        "candidate": {name: f"{of}_c" for name, of in KINDS.items()},
    }
    return columns | {"metrics": metrics} | more


def in_memory(table, one, **options):
    one = metric(one) if isinstance(one, str) else one
    target = "class" if one.name == "roc_auc" else KINDS[one.name]
    names = (target, f"{KINDS[one.name]}_b", f"{KINDS[one.name]}_c")
    return compare_outputs(one, *(table.column(name).to_numpy() for name in names), **options)


def assert_equal(found, expected):
    found, expected = found.to_dict(), expected.to_dict()
    for name, value in expected.items():
        if isinstance(value, float):
            assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name
        else:
            assert found[name] == value, name


def written(folder, table, cuts=(), **options):
    folder.mkdir(exist_ok=True)
    bounds = [0, *cuts, len(table)]
    for at, start in enumerate(bounds[:-1]):
        part = table.slice(start, bounds[at + 1] - start)
        pq.write_table(part, folder / f"part-{at}.parquet", **options)
    return folder


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"row_group_size": 37},
        {"use_dictionary": False, "compression": "none"},
        {"version": "1.0", "compression": "gzip"},
    ],
)
@pytest.mark.parametrize("batch_rows", [64, 2**16])
def test_any_layout(tmp_path, table, options, batch_rows):
    folder = written(tmp_path / "data", table, (1, 1, 400), **options)
    done = []
    found = compare_parquet(
        folder,
        **asked([*METRICS, "roc_auc"]),
        batch_rows=batch_rows,
        progress=lambda *told: done.append(told),
    )
    assert list(found) == ["accuracy", "f1", "mse", "roc_auc"]
    for one in (*METRICS, "roc_auc"):
        name = one if isinstance(one, str) else one.name
        assert_equal(found[name], in_memory(table, one))
    assert done[-1] == (2 * N, 2 * N)


def test_one_file_several_paths_or_a_dataset(tmp_path, table):
    folder = written(tmp_path / "data", table, (300,))
    whole = compare_parquet(folder, **asked(level=0.01, min_effect_bps=-20))
    expected = in_memory(table, "mse", level=0.01, min_effect_bps=-20)
    assert_equal(whole["mse"], expected)
    pq.write_table(table, tmp_path / "one.parquet")
    sources = [
        tmp_path / "one.parquet",
        str(tmp_path / "one.parquet"),
        sorted(folder.iterdir()),
        pads.dataset(folder),
        pads.dataset(table),
    ]
    for source in sources:
        assert_equal(
            compare_parquet(source, **asked(level=0.01, min_effect_bps=-20))["mse"], expected
        )


def test_other_formats_and_columns_that_folders_name(tmp_path, table):
    pads.write_dataset(table, tmp_path / "feather", format="feather")
    found = compare_parquet(pads.dataset(tmp_path / "feather", format="feather"), **asked())
    assert_equal(found["f1"], in_memory(table, METRICS[1]))
    partitioning = pads.partitioning(pa.schema([("word", pa.string())]), flavor="hive")
    pads.write_dataset(table, tmp_path / "hive", format="parquet", partitioning=partitioning)
    found = compare_parquet(pads.dataset(tmp_path / "hive", partitioning=partitioning), **asked())
    assert_equal(found["accuracy"], in_memory(table, "accuracy"))


@pytest.mark.parametrize(
    "kind", [pa.int8(), pa.uint16(), pa.float32(), pa.bool_(), pa.dictionary(pa.int8(), pa.int64())]
)
def test_labels_of_every_type(tmp_path, kind):
    rng = np.random.default_rng(1)
    columns = [rng.integers(0, 2, 300) for _ in range(3)]
    names = ["t", "b", "c"]
    arrays = [
        pa.array(column).cast(kind)
        if not pa.types.is_dictionary(kind)
        else pa.array(column).dictionary_encode()
        for column in columns
    ]
    pq.write_table(pa.table(arrays, names=names), tmp_path / "x.parquet")
    found = compare_parquet(
        tmp_path / "x.parquet", target="t", baseline="b", candidate="c", metrics=["f1", "recall"]
    )
    assert_equal(found["f1"], compare_outputs(metric("f1"), *columns))


def test_classes_and_several_metrics_of_one_name(tmp_path, table):
    folder = written(tmp_path / "data", table)
    both = [metric("f1", average="macro"), metric("f1", average="weighted")]
    names = {one.signature: "word" for one in both}
    found = compare_parquet(
        folder,
        target="word",
        baseline="word_b",
        candidate="word_c",
        metrics=both,
        classes=["cat", "dog", "emu"],
    )
    assert len(found) == len(names)
    assert {result.metric for result in found.values()} == {"f1"}
    assert next(iter(found.values())).class_counts == in_memory(table, both[0]).class_counts


def test_paired_sums_of_what_can_be_paid(tmp_path, table):
    folder = written(tmp_path / "data", table, (10, 20))
    capped = metric("mse", cap=2)
    sums = partial_parquet(folder, **asked(["accuracy", capped]), batch_rows=100)
    names = ("number", "number_b", "number_c")
    expected = paired_scores(capped, *(table.column(name).to_numpy() for name in names))
    assert sums["mse"].paired_sums(capped) == PairedSums.of(*expected)
    assert sums["accuracy"].paired_sums(metric("accuracy")).n == N


def test_few_bins_are_said(tmp_path, table):
    folder = written(tmp_path / "data", table, (500,))
    found = compare_parquet(folder, **asked(["roc_auc"], max_bins=64))["roc_auc"]
    assert isinstance(found, BinnedComparison)
    exact = in_memory(table, "roc_auc")
    assert abs(found.improvement_bps - exact.improvement_bps) <= found.bin_error_bps


# ---------------------------------------------------------------------- bad input


def replaced(table, name, row, value):
    values = table.column(name).to_pylist()
    values[row] = value
    return table.set_column(table.schema.names.index(name), name, pa.array(values))


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("word_b", None, "found null"),
        ("number", None, "found null"),
        ("number_c", float("nan"), "found nan"),
        ("number", float("inf"), "found inf"),
    ],
)
def test_bad_rows_are_told_by_file_and_row(tmp_path, table, name, value, told):
    bad = replaced(table, name, 777, value)
    folder = written(tmp_path / "data", bad, (500,), row_group_size=100)
    with pytest.raises(InputError, match=rf"part-1\.parquet, row 277, .*{told}"):
        compare_parquet(folder, **asked(), batch_rows=33)


def test_an_empty_string_is_a_class(tmp_path, table):
    folder = written(tmp_path / "data", replaced(table, "word", 777, ""))
    assert compare_parquet(folder, **asked(["accuracy"]))["accuracy"].class_counts[""] == 1


def test_probabilities_are_no_labels(tmp_path):
    data = {"t": [0.0, 1.0, 1.0], "b": [0.0, 1.0, 0.0], "c": [0.0, 1.0, 0.9]}
    pq.write_table(pa.table(data), tmp_path / "x.parquet")
    with pytest.raises(InputError, match=r"row 2, .*turn probabilities into classes"):
        compare_parquet(
            tmp_path / "x.parquet", target="t", baseline="b", candidate="c", metrics=["accuracy"]
        )


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (["a", "b", "a"], "one kind"),
        (pd.to_datetime(["2020-01-01"] * 3), "dates"),
        ([[1], [2], [3]], "class labels"),
    ],
)
def test_columns_of_other_types(tmp_path, target, told):
    data = {"t": target, "b": [0, 1, 0], "c": [0, 1, 1]}
    pq.write_table(pa.table(data), tmp_path / "x.parquet")
    with pytest.raises(InputError, match=told):
        compare_parquet(
            tmp_path / "x.parquet", target="t", baseline="b", candidate="c", metrics=["accuracy"]
        )


def test_what_cannot_be_asked(tmp_path, table):
    folder = written(tmp_path / "data", table)
    with pytest.raises(MissingInput, match="found nothing"):
        compare_parquet(tmp_path / "none", **asked())
    with pytest.raises(UnknownName, match=r"no column 'words'.*did you mean 'word'"):
        compare_parquet(folder, **asked(["accuracy"]) | {"target": "words"})
    with pytest.raises(UnknownName, match="no column named for 'recall'"):
        compare_parquet(folder, **asked(["recall"]))
    with pytest.raises(InputError, match="every metric once"):
        compare_parquet(folder, **asked(["mse", "mse"]))
    with pytest.raises(InputError, match="at least one metric"):
        compare_parquet(folder, **asked([]))
    with pytest.raises(InputError, match="expected a level"):
        compare_parquet(folder, **asked(level=0.6))
    with pytest.raises(InputError, match="cannot be computed in parts"):
        compare_parquet(folder, **asked([metric("roc_auc", average="macro")]))
    with pytest.raises(InputError, match="without a filter"):
        compare_parquet(pads.dataset(folder).filter(pads.field("number") > 5), **asked())
    with pytest.raises(InputError, match="no function of sums"):
        partial_parquet(folder, **asked(["roc_auc"]))
    (tmp_path / "text.parquet").write_text("this is no Parquet")
    with pytest.raises(InputError, match=r"text\.parquet"):
        compare_parquet(tmp_path / "text.parquet", **asked())
    empty = written(tmp_path / "empty", table.slice(0, 0))
    with pytest.raises(InputError, match="at least two examples, found none"):
        compare_parquet(empty, **asked())
    cats = written(tmp_path / "cats", table.filter(pads.field("word") == "cat"))
    with pytest.raises(MetricUndefined, match="every target"):
        compare_parquet(cats, **asked([METRICS[1]]))


@pytest.mark.parametrize("kind", ["int64", "str"])
def test_every_id_once_when_asked(tmp_path, table, kind):
    ids = np.arange(N).astype(kind)
    at = table.schema.names.index("id")
    good = table.set_column(at, "id", pa.array(ids))
    compare_parquet(written(tmp_path / "good", good, (3,)), **asked(["mse"], id="id"))
    ids[900] = ids[4]
    bad = table.set_column(at, "id", pa.array(ids))
    with pytest.raises(InputError, match="column 'id': expected every id once, found 1 again"):
        compare_parquet(written(tmp_path / "bad", bad, (3,)), **asked(["mse"], id="id"))
    with pytest.raises(InputError, match="whole numbers or strings"):
        compare_parquet(tmp_path / "good", **asked(["mse"], id="number"))
