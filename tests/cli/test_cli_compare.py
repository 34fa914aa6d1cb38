"""`hokusai compare`: files good and bad, and registered models."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, f1_score, mean_squared_error

from hokusai_mlflow import compare as compare_arrays


@pytest.fixture
def frames():
    """Truth and two models' predictions of 400 examples, the second one better."""
    rng = np.random.default_rng(4)
    ids = [f"{n:04d}" for n in range(400)]
    truth = rng.integers(0, 2, 400)
    said = [np.where(rng.random(400) < p, truth, 1 - truth) for p in (0.7, 0.9)]
    first = pd.DataFrame({"id": ids, "prediction": said[0], "target": truth})
    second = pd.DataFrame({"id": ids, "prediction": said[1]}).sample(frac=1, random_state=1)
    return first, second


@pytest.fixture
def files(frames, folder):
    first, second = frames
    first.to_csv(folder / "old.csv", index=False)
    second.to_parquet(folder / "new.parquet")
    return "old.csv", "new.parquet"


def test_csv_and_parquet_are_joined_by_id(call, files, frames):
    answered = call("compare", *files, "--metric", "accuracy", "--json")
    assert answered.exit_code == 0, answered.output
    found = json.loads(answered.stdout)
    first, second = frames
    second = second.set_index("id").loc[first["id"]]
    truth, old, new = (x.to_numpy() for x in (first.target, first.prediction, second.prediction))
    assert found["baseline"] == accuracy_score(truth, old)
    assert found["candidate"] == accuracy_score(truth, new)
    expected = compare_arrays(truth, old, new, metric="accuracy").to_dict()
    assert {name: found[name] for name in expected} == expected
    assert found["significant"] is True
    assert found["signature"].startswith("accuracy|n:400|test:tango|level:0.05|min:10bps")


def test_people_get_values_interval_p_and_test(call, files):
    answered = call(
        "compare", *files, "--metric", "accuracy", "--level", "0.01", "--min-effect", 50
    )
    for told in ("accuracy, baseline", "95 % interval", "H0: Δ ≤ 50 bps", "at level 0.01", "tango"):
        assert told in answered.stdout


def test_options_of_the_metric_are_read_as_in_a_spec(call, files, frames):
    arguments = ["compare", *files, "--metric", "f1", "--option", "average=binary", "--json"]
    answered = call(*arguments, "--option", "positive=1")
    assert answered.exit_code == 0, answered.output
    first, _ = frames
    assert json.loads(answered.stdout)["baseline"] == pytest.approx(
        f1_score(first.target, first.prediction), abs=1e-12
    )


def test_the_truth_may_lie_in_a_file_of_its_own(call, frames, folder):
    first, second = frames
    first[["id", "target"]].rename(columns={"id": "row", "target": "y"}).to_csv("truth.csv")
    for name, frame in (("old.csv", first), ("new.csv", second)):
        frame[["id", "prediction"]].rename(columns={"id": "row", "prediction": "p"}).to_csv(name)
    columns = ["--data", "truth.csv", "--target", "y", "--id", "row", "--prediction", "p"]
    answered = call("compare", "old.csv", "new.csv", "--metric", "mse", *columns, "--json")
    assert answered.exit_code == 0, answered.output
    assert json.loads(answered.stdout)["baseline"] == pytest.approx(
        mean_squared_error(first.target, first.prediction)
    )


def _without(column):
    return lambda frame: frame.drop(columns=column)


def _at(row, column, value):
    def change(frame):
        changed = frame.astype(object)
        changed.iloc[row, changed.columns.get_loc(column)] = value
        return changed

    return change


BAD = {
    "duplicate id": (_at(3, "id", "0007"), "repeat an id, such as '0007'"),
    "unpaired id": (_at(3, "id", "x"), "unpaired: 1 ids are only in old.csv and 1 only in new.csv"),
    "missing row": (lambda f: f.iloc[1:], "unpaired: 1 ids are only in old.csv"),
    "missing id": (_at(3, "id", None), "the id is missing in row 4"),
    "no prediction column": (_without("prediction"), "there is no column 'prediction'"),
    "no id column": (_without("id"), "there is no column 'id'"),
    "missing prediction": (_at(3, "prediction", None), "has no prediction for 1 examples"),
    "no rows": (lambda f: f.iloc[:0], "there are no rows"),
    "other truth": (lambda f: f.assign(target=7), "have different targets for 400 examples"),
}


@pytest.mark.parametrize("case", BAD)
def test_files_that_do_not_fit_are_refused(call, frames, case):
    change, message = BAD[case]
    first, second = frames
    first.to_csv("old.csv", index=False)
    change(second.sort_values("id")).to_csv("new.csv", index=False)
    answered = call("compare", "old.csv", "new.csv", "--metric", "accuracy")
    assert answered.exit_code == 2, answered.stdout
    assert message in answered.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["old.csv", "gone.csv", "--metric", "accuracy"], "gone.csv does not exist"),
        (["old.csv", "new.parquet", "--metric", "acuracy"], "did you mean 'accuracy'"),
        (["old.csv", "new.parquet", "--metric", "f1", "--option", "averag=macro"], "'average'"),
        (["old.csv", "new.parquet", "--metric", "f1", "--option", "macro"], "KEY=VALUE"),
        (["old.csv", "new.parquet", "--metric", "mse", "--target", "y"], "no column 'y'"),
        (["old.csv", "models:/m/1", "--metric", "accuracy"], "not one of each"),
        (["models:/m/1", "models:/m/2", "--metric", "accuracy"], "--data FILE"),
        (["old.csv", "README.md", "--metric", "accuracy"], "expected .csv or .parquet"),
        (["old.csv", "torn.parquet", "--metric", "accuracy"], "not a valid .parquet file"),
    ],
)
def test_bad_arguments_are_refused(call, files, folder, arguments, message):
    (folder / "README.md").write_text("no table")
    (folder / "torn.parquet").write_text("no table")
    answered = call("compare", *arguments)
    assert answered.exit_code == 2, answered.stdout
    assert message in answered.stderr
    assert not (folder / ".hokusai").exists()


@pytest.mark.filterwarnings("ignore")  # MLflow's own, of a store made anew
def test_registered_models_are_compared_on_data(mlflow_loaded, call, folder, monkeypatch):
    import mlflow
    from sklearn.linear_model import LogisticRegression

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/store.db")
    mlflow.set_tracking_uri(f"sqlite:///{folder}/store.db")
    rng = np.random.default_rng(1)
    rows = pd.DataFrame(rng.normal(size=(300, 2)), columns=["a", "b"])
    truth = (rows.a + 0.3 * rng.normal(size=300) > 0).astype(int)
    for name, strength in (("weak", 1e-6), ("good", 1.0)):
        model = LogisticRegression(C=strength).fit(
            rows.assign(a=rows.a if strength == 1 else 0), truth
        )
        mlflow.sklearn.save_model(
            model, folder / name, serialization_format="cloudpickle", pip_requirements=[]
        )
        client = mlflow.MlflowClient()
        client.create_registered_model(name)
        client.create_model_version(name, str(folder / name))
    rows.assign(id=range(300), label=truth).to_csv("rows.csv", index=False)
    arguments = ["--data", "rows.csv", "--target", "label", "--metric", "roc_auc", "--json"]
    answered = call("compare", "models:/weak/1", "models:/good/1", *arguments)
    assert answered.exit_code == 0, answered.output
    found = json.loads(answered.stdout)
    assert found["candidate"] > 0.9 > found["baseline"]
    gone = call("compare", "models:/weak/1", "models:/weak/9", *arguments[:-1])
    assert gone.exit_code == 2
    assert "no model can be loaded from models:/weak/9" in gone.stderr
