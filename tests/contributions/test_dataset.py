import time

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer

from hokusai_mlflow.contributions import (
    Dataset,
    concatenate,
    evaluation_digest,
    read_dataset,
    row_digests,
)
from hokusai_mlflow.errors import InputError, MissingInput, UnknownName
from hokusai_mlflow.inputs import TrainingRows
from hokusai_mlflow.tables import read_table

FIXED_ROWS = ["bf2028148809cce7245cc31db5fbefd9", "d3eeb6d71973111045a2910b1a5c54fc"]
FIXED_EVALUATION = "98c667f76ea3e73d835267fdf602361c736994458492d462dbc3f1afea5d173b"


def frame(**columns):
    return pd.DataFrame(columns)


def read(table, **options):
    return read_dataset(table, **{"name": "pool", "target": "y", "id": "id", **options})


@pytest.fixture
def table():
    return frame(
        id=["007", "b", "c"], x=[1, 2, 3], z=[0.1, -0.0, np.nan], t=["é", "u", None], y=[0, 1, 0]
    )


def test_csv_and_parquet_give_the_same_digests(table, tmp_path):
    table.to_csv(tmp_path / "t.csv", index=False)
    table[["y", "t", "x", "id", "z"]].astype({"x": float}).to_parquet(tmp_path / "t.parquet")
    csv, parquet = read("t.csv", base=tmp_path), read(tmp_path / "t.parquet")
    assert csv.ids.tolist() == ["007", "b", "c"]
    assert csv.rows.tolist() == parquet.rows.tolist() == read(table).rows.tolist()
    assert csv.digest == parquet.digest == read(table).digest
    assert len(set(csv.rows.tolist())) == 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1, 2], [1.0, 2.0]),
        ([1, 0], [True, False]),
        ([0.0, 1.0], [-0.0, 1.0]),
        (["é", "a"], ["é", "a"]),
        ([1.0, np.nan], pd.array([1, None], dtype="Int64")),
        (["a", None], pd.Categorical(["a", np.nan])),
        ([1, "a"], [1.0, "a"]),
        ([2**60, 1], [float(2**60), 1.0]),
        (np.array([1, 2], dtype=np.uint8), np.array([1, 2], dtype=np.int64)),
    ],
)
def test_equal_values_have_equal_digests(one, other):
    assert row_digests(frame(x=one)).tolist() == row_digests(frame(x=other)).tolist()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1], ["1"]),
        ([0], [None]),
        ([""], [None]),
        ([2**60], [2**60 + 1]),
        ([0.1], [0.1 + 1e-17 + 2e-17]),
        ([10**400], [10**400 + 1]),
        (["a"], ["A"]),
    ],
)
def test_other_values_have_other_digests(one, other):
    assert row_digests(frame(x=one)).tolist() != row_digests(frame(x=other)).tolist()


def test_digests_are_fixed_forever():
    # A change here breaks every ledger: digests of earlier versions would no longer match.
    table = frame(b=["é", None], a=[1, 2.5])
    assert row_digests(table).tolist() == FIXED_ROWS
    assert row_digests(table[["a", "b"]]).tolist() == FIXED_ROWS
    assert row_digests(table.rename(columns={"a": "c"})).tolist() != FIXED_ROWS
    assert evaluation_digest(["p", "q"], [1, 2]) == FIXED_EVALUATION


def test_evaluation_digest_binds_ids_to_targets():
    digest = evaluation_digest(["p", "q"], [1, 2])
    assert evaluation_digest(["q", "p"], [2.0, 1.0]) == digest
    assert evaluation_digest(["p", "q"], [2, 1]) != digest
    assert evaluation_digest(["p", "q"], ["1", "2"]) != digest
    with pytest.raises(InputError, match="one target per id"):
        evaluation_digest(["p"], [1, 2])


def test_snapshot_round_trip(table, tmp_path):
    for target in (table["y"], table["y"] * 0.5, table["y"].map({0: "no", 1: "yes"})):
        dataset = read(table.assign(y=target))
        dataset.to_frame().to_parquet(tmp_path / "s.parquet")
        back = Dataset.from_frame(pd.read_parquet(tmp_path / "s.parquet"), name="pool")
        assert back.digest == dataset.digest
        assert back.targets.dtype == dataset.targets.dtype
        assert list(back.features) == list(dataset.features)


def test_take_and_concatenate(table):
    whole = read(table)
    parts = [whole.take(np.array([True, False, False])), whole.take([1, 2]), whole.take([])]
    again = concatenate(parts)
    assert [len(part) for part in parts] == [1, 2, 0]
    assert again.digest == whole.digest
    assert again.features.index.tolist() == [0, 1, 2]
    assert repr(whole).startswith("Dataset(pool: 3 rows × 3 features, ")
    with pytest.raises(InputError, match="nothing"):
        concatenate([])


def test_without_an_id_column(table):
    plain = read(table.drop(columns="id"), id=None)
    assert plain.ids.tolist() == plain.rows.tolist()
    twice = pd.concat([table, table]).drop(columns="id")
    assert len(read(twice, id=None)) == 6
    with pytest.raises(InputError, match=r"add a column of example ids .*data\.id"):
        read(twice, id=None, unique=True)
    assert read(table.drop(columns="id"), unique=False).ids.tolist() == plain.ids.tolist()


def test_ids_are_text(table):
    assert read(table.assign(id=[1, 2, 3])).ids.tolist() == ["1", "2", "3"]
    assert read(table.assign(id=[1.0, 2.0, 3.0])).ids.tolist() == ["1", "2", "3"]
    large = read(table.assign(id=[1e300, -2e300, 2.0**63])).ids.tolist()
    assert large == [str(int(1e300)), str(int(-2e300)), "9223372036854775808"]


def test_the_largest_integers_are_targets(table):
    most = [2**63 - 1, -(2**63), 0]
    assert read(table.assign(y=most)).targets.tolist() == most
    assert read(table.assign(y=pd.Series(most, dtype=object))).targets.tolist() == most
    small = np.array([1, 2, 3], np.uint64)
    assert read(table.assign(y=small)).targets.dtype == np.int64


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": [0, np.nan, 1]}, r"target 'y' is missing \(NaN\) in 1 row\(s\), first in row 2"),
        ({"y": [0, np.inf, 1]}, "target 'y' is infinite in row 2"),
        ({"y": [0, "one", 1]}, "mixes kinds"),
        ({"y": np.array([0, 2**63, 1], np.uint64)}, "'y' is 9223372036854775808 in row 2"),
        ({"y": pd.array([0, 2**64 - 1, 1], "UInt64")}, "'y' is 18446744073709551615 in row 2"),
        ({"y": [0, 1, -(2**63) - 1]}, "'y' is -9223372036854775809 in row 3.*expected integers"),
        ({"id": [1e300, 2.0, 1e300]}, "for example '10000000000000000525"),
        ({"id": ["a", "b", "a"]}, "for example 'a'"),
        ({"id": ["a", None, "c"]}, "id column 'id' is missing in row 2"),
        ({"z": [0.0, 1.0, -np.inf]}, "column 'z' is infinite in 1 row"),
        ({"t": [[1], [2], [3]]}, "not single values"),
        ({"t": [b"a", b"b", b"c"]}, "holds a bytes"),
    ],
)
def test_unusable_content(table, change, message):
    with pytest.raises(InputError, match=message):
        read(table.assign(**{key: pd.Series(value) for key, value in change.items()}))


def test_columns(table):
    with pytest.raises(UnknownName, match="did you mean 'id'"):
        read(table, id="idd")
    with pytest.raises(UnknownName, match="no column 'label'"):
        read(table, target="label")
    with pytest.raises(UnknownName, match="no column 'w'"):
        read(table, features=["x", "w"])
    with pytest.raises(InputError, match="other than the target"):
        read(table, features=["x", "y"])
    with pytest.raises(InputError, match="appear twice"):
        read(pd.concat([table, table[["x"]]], axis=1))
    with pytest.raises(InputError, match="no rows"):
        read(table.iloc[:0])
    assert list(read(table, features=["z", "x"]).features) == ["z", "x"]


@pytest.mark.parametrize(
    ("file", "content", "error", "message"),
    [
        ("t.csv", b"id,y,x\na,1,2\nb,0,3,4\n", InputError, "not a valid"),
        ("t.csv", b"id,y,x\na,1,2,9\nb,0,3,4\n", InputError, "not a valid"),
        ("t.csv", b"id,y,x,x\na,1,2,3\n", InputError, "appear twice"),
        ("t.csv", b"\n \t\r\nid,y,x,x\na,1,2,3\n", InputError, "appear twice"),
        ("t.csv", b"y,id,x\n1,a,3\n0,b,4\n1", InputError, r"^pool: line 4 has 1 .* expected 3"),
        ("t.csv", b"y,id,x\n1,a\n0,b,4\n", InputError, r"line 2 has 2 .* may be cut off"),
        ("t.csv", b'\ny,id,x\n1,"a\nb",3\n\n0,"c\n\nd"\n', InputError, "line 6 has 2 cell"),
        ("t.csv", b'y,id,x\n1,a,3\n""\n', InputError, "line 3 has 1 cell"),
        ("t.csv", b"y,id,x\n1,a," + b"z" * 200_000 + b"\n0,b", InputError, "line 3 has 2 cell"),
        ("t.csv", b"id,y,x\na,18446744073709551615,1\n", InputError, "target 'y' is 18446744073"),
        ("t.csv", b"", InputError, "empty"),
        ("t.csv", b"id,y,x\na,1,\xff\n", InputError, "not UTF-8"),
        ("t.parquet", b"PAR1 cut off", InputError, "not a valid"),
        ("t.xls", b"", InputError, r"expected \.csv or \.parquet"),
    ],
)
def test_unreadable_files(tmp_path, file, content, error, message):
    (tmp_path / file).write_bytes(content)
    with pytest.raises(error, match=message):
        read(file, base=tmp_path)


@pytest.mark.parametrize(
    ("content", "x"),
    [
        (b"y,id,x\n1,a,\n0,b,4\n\n", [None, 4.0]),
        (b"\r\ny,id,x\r\n1,a,3\r\n \r\n0,b,\r\n\r\n", [3.0, None]),
        (b'y,id,x\n1,"a\n,",""\n0,b,4', [None, 4.0]),
        (b"y,id,x\n1," + b"a" * 200_000 + b",\n0,b,4", [None, 4.0]),
    ],
)
def test_csv_with_empty_cells_and_blank_lines(tmp_path, content, x):
    (tmp_path / "t.csv").write_bytes(content)
    found = read("t.csv", base=tmp_path)
    assert found.features["x"].astype(object).where(found.features["x"].notna(), None).tolist() == x
    assert found.targets.tolist() == [1, 0]


def test_csv_of_one_column(tmp_path):
    # A blank line holds nothing, an empty cell in quotes is a missing value.
    (tmp_path / "t.csv").write_bytes(b'x\n1\n\n""\n2\n\n')
    table = read_table(tmp_path / "t.csv", name="given")
    assert table["x"].fillna(0).tolist() == [1, 0, 2]


def test_missing_files(tmp_path):
    with pytest.raises(MissingInput, match="does not exist"):
        read("none.csv", base=tmp_path)
    with pytest.raises(MissingInput, match="is a folder"):
        read(tmp_path)


def test_schemas_must_agree(table):
    whole = read(table)
    for other, message in [
        (table.drop(columns="x"), r"columns \['x'\] of pool are missing"),
        (table.assign(w=1), r"columns \['w'\] are not in pool"),
        (
            table.assign(x=["1", "2", "?"]),
            "column 'x' holds text or other values, expected numbers",
        ),
        (table.assign(y=["a", "b", "c"]), "targets are text, expected numbers"),
    ]:
        with pytest.raises(InputError, match=message):
            concatenate([whole, read(other, name="given")])


MISSING = {
    "None": pd.Series([None] * 3, dtype=object),
    "NaN": pd.Series([np.nan] * 3),
    "NaT": pd.Series([pd.NaT] * 3),
    "NA": pd.Series([pd.NA] * 3, dtype="string"),
    "no category": pd.Series([None] * 3, dtype="category"),
    "Int64": pd.Series([pd.NA] * 3, dtype="Int64"),
}


@pytest.mark.parametrize("missing", MISSING)
def test_columns_without_any_value_have_the_kind_of_the_others(table, missing):
    dated = table.assign(d=pd.to_datetime(["2026-01-01"] * 3))
    empty = dict.fromkeys(("x", "z", "t", "d"), MISSING[missing])
    whole, given = read(dated), read(dated.assign(**empty), name="given")
    assert given.rows[0] == read(dated.assign(**dict.fromkeys("xztd"))).rows[0]
    rows = TrainingRows(whole, {"east": given})
    for both in (
        rows.everything,
        rows.with_rows("east", whole).with_rows("west", given).everything,
    ):
        kinds = both.features.dtypes
        assert kinds["z"] == whole.features["z"].dtype
        assert kinds["t"] == whole.features["t"].dtype
        assert kinds["d"] == whole.features["d"].dtype
        assert list(both.features.select_dtypes("number")) == ["x", "z"]
        assert both.features["x"].isna().sum() >= 3
        assert row_digests(both.features).tolist() == both.rows.tolist()
        assert np.isfinite(SimpleImputer().fit_transform(both.features[["x", "z"]])).all()
    # As refits put them together.
    together = pd.concat([whole.features, *(one.features for one in rows.parts)])
    assert list(together.select_dtypes("number")) == ["x", "z"]


@pytest.mark.parametrize("kind", ["bool", "boolean"])
def test_booleans_among_numbers_are_numbers(table, kind):
    given = read(table.assign(x=pd.array([True, False, True], kind)), name="given")
    both = concatenate([read(table), given])
    assert both.features["x"].tolist() == [1, 2, 3, 1, 0, 1]
    assert pd.api.types.is_integer_dtype(both.features["x"].dtype)
    assert row_digests(both.features).tolist() == both.rows.tolist()


def test_large_tables_are_digested_in_seconds():
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.normal(size=(100_000, 50)))
    start = time.perf_counter()
    rows = row_digests(table)
    assert len(set(rows.tolist())) == 100_000
    assert time.perf_counter() - start < 15
