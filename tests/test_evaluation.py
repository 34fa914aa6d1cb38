"""`compare` by name: columns, prediction files, models; whatever is ambiguous is an error."""

import numpy as np
import pandas as pd
import pytest

from hokusai_mlflow import compare, compare_all
from hokusai_mlflow.errors import InputError, MissingInput, UnknownName

N = 200


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, N)
    said = [np.where(rng.random(N) < share, truth, 1 - truth) for share in (0.7, 0.9)]
    return pd.DataFrame(
        {
            "key": [f"{at:03d}" for at in range(N)],
            "label": truth,
            "old": said[0],
            "new": said[1],
            "new_score": said[1] * 0.5 + rng.random(N) * 0.4,
            "old_score": said[0] * 0.5 + rng.random(N) * 0.4,
            "user": np.arange(N) // 4,
            "rater": np.arange(N) % 8,
            "weight": rng.random(N),
            "region": rng.choice(["east", "west"], N),
        }
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def plain(rows):
    return compare(
        rows.label.to_numpy(), rows.old.to_numpy(), rows.new.to_numpy(), metric="accuracy"
    )


def test_columns_of_a_frame(rows, plain):
    assert compare("label", "old", "new", data=rows, metric="accuracy") == plain


def test_columns_of_files(rows, plain, folder):
    rows.to_csv("rows.csv", index=False)
    rows.to_parquet("rows.parquet")
    for path in ("rows.csv", folder / "rows.parquet"):
        assert compare("label", "old", "new", data=path, metric="accuracy") == plain


def test_arrays_beside_columns(rows, plain):
    assert compare(rows.label.to_numpy(), "old", "new", data=rows, metric="accuracy") == plain
    assert compare("label", "old", rows.new.to_list(), data=rows, metric="accuracy") == plain


def test_an_index_that_repeats_is_no_id(rows, plain):
    assert compare("label", "old", "new", data=rows.set_index("user"), metric="accuracy") == plain


def test_prediction_files_are_joined_by_id(rows, plain, folder):
    mixed = rows.sample(frac=1, random_state=1)
    mixed[["key", "new"]].rename(columns={"new": "prediction"}).to_csv("new.csv", index=False)
    mixed[["key", "old"]].to_parquet("old.parquet")
    found = compare("label", "old", "new.csv", data=rows, id="key", metric="accuracy")
    assert found == plain
    found = compare(
        "label",
        folder / "old.parquet",
        "new",
        data=rows,
        id="key",
        prediction="old",
        metric="accuracy",
    )
    assert found == plain


def test_groups_and_weights_by_name(rows):
    named = compare(
        "label", "old", "new", data=rows, metric="f1", groups=("user", "rater"), weights="weight"
    )
    arrays = {name: rows[name].to_numpy() for name in rows.columns}
    straight = compare(
        arrays["label"],
        arrays["old"],
        arrays["new"],
        metric="f1",
        groups=(arrays["user"], arrays["rater"]),
        weights=arrays["weight"],
    )
    assert named == straight
    assert (named.test, named.weighted) == ("two-way-t", True)
    once = compare("label", "old", "new", data=rows, metric="f1", groups="user")
    assert once.groups == N // 4


def test_several_metrics_and_slices_by_name(rows):
    found = compare_all(
        "label",
        {"label": "old", "score": "old_score"},
        {"label": "new", "score": "new_score"},
        data=rows,
        metrics=["accuracy", "roc_auc"],
        slices=["region"],
    )
    assert [row.name for row in found] == [
        "accuracy",
        "roc_auc",
        "region = east",
        "region = west",
    ]
    assert found["roc_auc"].test == "delong"


def test_arrays_of_strings_are_labels_not_names():
    truth = ("a", "b", "a", "b")
    found = compare(truth, ["a", "a", "a", "a"], list(truth), metric="accuracy")
    assert found.candidate == 1.0


def _bad(**given):
    return {"targets": "label", "baseline": "old", "candidate": "new", "metric": "accuracy"} | given


@pytest.mark.parametrize(
    "case",
    [
        ({"targets": "lable"}, UnknownName, "targets: .* did you mean 'label'"),
        ({"candidate": "nwe"}, UnknownName, "candidate: 'nwe' is no column.* did you mean 'new'"),
        ({"groups": "usr"}, UnknownName, "groups: .* did you mean 'user'"),
        ({"groups": ("user", "ratr")}, UnknownName, "did you mean 'rater'"),
        ({"weights": "wight"}, UnknownName, "weights: .* did you mean 'weight'"),
        ({"candidate": "gone.csv", "id": "key"}, MissingInput, "gone.csv does not exist"),
        ({"candidate": "new.csv"}, InputError, "joined by example id; name the column with id="),
        ({"candidate": "new.csv", "id": "kye"}, UnknownName, "id: .* did you mean 'key'"),
        ({"candidate": "short.csv", "id": "key"}, InputError, "unpaired: 1 ids are only in"),
        ({"candidate": "twice.csv", "id": "key"}, InputError, "repeat an id, such as '000'"),
        ({"candidate": "holes.csv", "id": "key"}, InputError, "no prediction for 1 examples"),
        ({"candidate": "other.csv", "id": "key"}, UnknownName, "no column 'prediction'"),
        ({"features": ["odl"]}, UnknownName, "features: .* did you mean 'old'"),
        ({"data": 7}, InputError, "expected a data frame or the path"),
        ({"data": "gone.parquet"}, MissingInput, "gone.parquet does not exist"),
        ({"data": pd.DataFrame({"label": []})}, InputError, "there are no rows"),
        ({"data": None}, InputError, "names something in the data; give the data with data="),
    ],
)
def test_what_cannot_be_meant(rows, folder, case):
    given, error, message = case
    table = rows[["key", "new"]].rename(columns={"new": "prediction"})
    table.to_csv("new.csv", index=False)
    table.iloc[1:].to_csv("short.csv", index=False)
    table.assign(key=["000", *table.key[:-1]]).to_csv("twice.csv", index=False)
    table.astype(object).assign(prediction=[None, *table.prediction[1:]]).to_csv(
        "holes.csv", index=False
    )
    table.rename(columns={"prediction": "said"}).to_csv("other.csv", index=False)
    with pytest.raises(error, match=message):
        compare(**_bad(**{"data": rows} | given))


def test_a_name_with_two_meanings(rows, folder):
    rows.to_csv("new.csv", index=False)
    both = rows.rename(columns={"new": "new.csv"})
    with pytest.raises(InputError, match="is a column of the data and also a file"):
        compare("label", "old", "new.csv", data=both, id="key", metric="accuracy")
    with pytest.raises(InputError, match="also a model"):
        compare(
            "label",
            "old",
            "models:/m/1",
            data=rows.rename(columns={"new": "models:/m/1"}),
            metric="accuracy",
        )


def test_slices_by_name_need_data(rows):
    for slices in ("region", ["region"], {"where": "region"}):
        with pytest.raises(InputError, match="give the data with data="):
            compare_all(rows.label, rows.old, rows.new, metrics="accuracy", slices=slices)
