"""`hokusai compare`: files good and bad, and registered models."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, f1_score, mean_squared_error

from hokusai_mlflow import compare as compare_arrays
from hokusai_mlflow import compare_all


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


@pytest.mark.parametrize("apart", [False, True])
def test_texts_are_compared_as_they_are_written(call, folder, apart):
    words = ["NA", "007", "", "null", "1e3", "a longer answer of words", "True", "2024"] * 5
    ids = [f"{n:03d}" for n in range(len(words))]
    truth = pd.DataFrame({"id": ids, "target": words})
    truth["target"] = truth["target"].replace("", "not empty")
    for name, said in (("old.csv", words), ("new.csv", words[::-1])):
        pd.DataFrame({"id": ids, "prediction": said}).to_csv(name, index=False)
    data = ["--data", "truth.csv"] if apart else []
    if not apart:
        truth.assign(prediction=words).to_csv("old.csv", index=False)
    truth.to_csv("truth.csv", index=False)
    answered = call("compare", "old.csv", "new.csv", "--metric", "chrf", *data, "--json")
    assert answered.exit_code == 0, answered.output
    same = compare_arrays(truth["target"].tolist(), words, words[::-1], metric="chrf")
    assert json.loads(answered.stdout)["baseline"] == same.baseline


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


@pytest.fixture
def wide(frames, folder):
    """One Parquet file with the truth, both models' predictions, and columns to part them by."""
    first, second = frames
    rng = np.random.default_rng(7)
    table = first.rename(columns={"prediction": "old"}).assign(
        new=second.set_index("id").loc[first.id, "prediction"].to_numpy(),
        region=rng.choice(["east", "west"], len(first)),
        user=np.arange(len(first)) // 4,
        rater=np.arange(len(first)) % 9,
        weight=rng.random(len(first)),
    )
    table.to_parquet(folder / "wide.parquet")
    return table


WIDE = ["compare", "old", "new", "--data", "wide.parquet"]


def test_several_metrics_and_slices(call, wide, folder):
    arguments = [*WIDE, "--metric", "accuracy", "--metric", "f1", "--slice", "region"]
    answered = call(*arguments, "--option", "f1.average=macro", "--json")
    assert answered.exit_code == 0, answered.output
    told = json.loads(answered.stdout)
    expected = compare_all(
        wide.target,
        wide.old,
        wide.new,
        metrics={"accuracy": None, "f1": {"average": "macro"}},
        slices={"region": wide.region},
    )
    assert told == json.loads(json.dumps(expected.to_dict()))
    shown = call(*arguments)
    assert "region = east" in shown.stdout
    assert "adjusted together (Holm)" in shown.stdout
    assert call(*arguments, "--markdown").stdout.startswith("|  | n | baseline |")


def test_slices_and_groups_of_joined_files(call, files, wide, folder):
    first = pd.read_csv("old.csv", dtype={"id": str})
    first.merge(wide[["id", "region", "user"]], on="id").to_csv("old.csv", index=False)
    arguments = ["compare", *files, "--metric", "accuracy", "--slice", "region", "--json"]
    answered = call(*arguments, "--group", "user")
    assert answered.exit_code == 0, answered.output
    row = json.loads(answered.stdout)["rows"][0]["comparison"]
    assert (row["groups"], row["test"]) == (100, "t+hall")


def test_groups_in_two_ways_and_weights(call, wide):
    arguments = ["--metric", "accuracy", "--group", "user", "--group", "rater"]
    answered = call(*WIDE, *arguments, "--weight", "weight", "--json")
    assert answered.exit_code == 0, answered.output
    told = json.loads(answered.stdout)
    expected = compare_arrays(
        wide.target,
        wide.old,
        wide.new,
        metric="accuracy",
        groups=(wide.user, wide.rater),
        weights=wide.weight,
    )
    assert {name: told[name] for name in expected.to_dict()} == expected.to_dict()


def test_a_verdict_by_a_policy(call, wide, folder):
    (folder / "policy.yaml").write_text("policy: {alpha: 0.01, detectable_bps: 900}\n")
    answered = call(*WIDE, "--metric", "accuracy", "--policy", "policy.yaml", "--json")
    assert answered.exit_code == 0, answered.output
    told = json.loads(answered.stdout)
    assert told["decision"]["verdict"] in ("promote", "hold")
    assert "spends no look" in told["note"]
    assert told["rows"][0]["comparison"]["level"] == 0.01


def test_bootstrap_intervals_are_added(call, wide):
    arguments = [*WIDE, "--metric", "f1", "--bootstrap", 500]
    answered = call(*arguments, "--json")
    assert answered.exit_code == 0, answered.output
    told = json.loads(answered.stdout)
    resampled = told["bootstrap"]["f1(average=binary)"]
    assert resampled["replicates"] == 500
    assert resampled["ci_low_bps"] == pytest.approx(told["ci_low_bps"], abs=150)
    assert "bootstrap 95 % interval" in call(*arguments).stdout


def test_pages_and_plots_are_written(call, wide, folder):
    arguments = [*WIDE, "--metric", "accuracy", "--html", "page.html", "--plot"]
    assert call(*arguments, "plot.svg").exit_code == 0
    assert call(*arguments, "plot.png").exit_code == 0
    assert "<svg" in (folder / "page.html").read_text(encoding="utf-8")
    assert "<svg" in (folder / "plot.svg").read_text(encoding="utf-8")
    assert (folder / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_a_streamed_file_gives_the_same_figures(call, wide, monkeypatch):
    arguments = [*WIDE, "--metric", "accuracy", "--metric", "mse", "--json"]
    straight, streamed = (json.loads(call(*arguments, *more).stdout) for more in ([], ["--stream"]))
    for mine, theirs in zip(straight["rows"], streamed["rows"], strict=True):
        for name in ("baseline", "improvement_bps", "ci_low_bps", "p_value"):
            assert mine["comparison"][name] == pytest.approx(theirs["comparison"][name], rel=1e-9)


def test_a_large_file_is_streamed_without_being_asked(call, wide, monkeypatch):
    from hokusai_mlflow import streaming
    from hokusai_mlflow.cli import compare_sources

    seen = []
    real = streaming.compare_parquet
    monkeypatch.setattr(compare_sources, "STREAM_BYTES", 1)
    monkeypatch.setattr(
        streaming, "compare_parquet", lambda *a, **k: seen.append(a) or real(*a, **k)
    )
    assert call(*WIDE, "--metric", "accuracy").exit_code == 0
    assert len(seen) == 1
    # Slices need the rows themselves.
    assert call(*WIDE, "--metric", "accuracy", "--slice", "region").exit_code == 0
    assert len(seen) == 1


def test_ratings_by_people(call, folder):
    rng = np.random.default_rng(0)
    rated = [
        {
            "item": f"i{item}",
            "rater": rater,
            "system": system,
            "rating": int(np.clip(rng.normal(2.6 + 0.8 * (system == "new") + item % 3, 0.6), 1, 5)),
        }
        for item in range(60)
        for rater in "abc"
        for system in ("old", "new")
    ]
    pd.DataFrame(rated).to_csv("ratings.csv", index=False)
    arguments = ["compare", "old", "new", "--ratings", "ratings.csv"]
    scale = ["--option", "low=1", "--option", "high=5"]
    answered = call(*arguments, *scale, "--json")
    assert answered.exit_code == 0, answered.output
    told = json.loads(answered.stdout)
    assert (told["metric"], told["test"]) == ("human_score", "two-way-t")
    assert 0 < told["agreement"]["alpha"] < 1
    assert "Krippendorff's α" in call(*arguments, *scale).stdout
    preferred = rng.choice(["old", "new", "tie"], (60, 3), p=[0.2, 0.6, 0.2])
    pd.DataFrame(
        [
            {"item": f"i{item}", "rater": rater, "preferred": preferred[item, at]}
            for item in range(60)
            for at, rater in enumerate("abc")
        ]
    ).to_csv("preferences.csv", index=False)
    answered = call("compare", "old", "new", "--ratings", "preferences.csv", "--json")
    assert answered.exit_code == 0, answered.output
    assert json.loads(answered.stdout)["metric"] == "preference"


@pytest.mark.parametrize("by", ["files", "columns"])
def test_a_label_plan_is_written_filled_in_and_compared(call, files, wide, folder, by):
    given = [*files] if by == "files" else WIDE[1:]
    plan = ("--metric", "accuracy", "--label-plan", "plan.csv", "--budget", 40, "--seed", 3)
    planned = call("compare", *given, *plan)
    assert planned.exit_code == 0, planned.output
    assert "40 of them, chosen at random (seed 3)" in planned.stdout
    table = pd.read_csv("plan.csv", dtype={"id": str})
    assert list(table.columns) == ["id", "label"]
    filled = table.assign(label=wide.set_index("id").target[table.id].to_numpy())
    filled.to_csv("filled.csv", index=False)
    answered = call("compare", *given, "--labels", "filled.csv", "--seed", 3, "--json")
    assert answered.exit_code == 0, answered.output
    told = json.loads(answered.stdout)
    disagreements = int((wide.old != wide.new).sum())
    assert told["n"] == round(400 * 40 / disagreements)
    assert (told["baseline"], told["significant"]) == (None, True)
    for more, message in (
        (["plan.csv", "--seed", 3], "40 of 40 examples have no label yet"),
        (["filled.csv"], "does not hold the examples that seed 0 chooses"),
    ):
        refused = call("compare", *given, "--labels", *more)
        assert refused.exit_code == 2
        assert message in refused.stderr
    again = call("compare", *given, "--label-plan", "plan.csv")
    assert "exists and may hold labels" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a metric with --metric"),
        (["--metric", "f1", "--metric", "f1"], "each metric once"),
        (["--metric", "f1", "--metric", "mse", "--option", "average=macro"], "f1.average=macro"),
        (["--metric", "f1", "--option", "f2.average=macro"], "no metric 'f2'"),
        (["--metric", "f1", "--slice", "regoin"], "did you mean 'region'"),
        (["--metric", "f1", "--group", "user", "--group", "x", "--group", "y"], "two-way"),
        (["--metric", "f1", "--weight", "wieght"], "did you mean 'weight'"),
        (["--metric", "f1", "--weight", "weight", "--bootstrap", 500], "knows no weights"),
        (["--metric", "f1", "--policy", "gone.yaml"], "no policy can be read"),
        (["--metric", "f1", "--policy", "wrong.yaml"], "did you mean 'alpha'"),
        (["--metric", "f1", "--stream", "--slice", "region"], "--stream does not go with --slice"),
        (["--metric", "f1", "--plot", "plot.gif"], "ending in .png"),
        (["--metric", "f1", "--html", "no/where/page.html"], "there is no folder"),
        (["--metric", "f1", "--markdown", "--json"], "choose one"),
        (["--metric", "f1", "--label-plan", "plan.csv"], "does not go with --metric"),
        (["--label-plan", "plan.csv", "--labels", "plan.csv"], "give one"),
        (["--label-plan", "plan.txt"], "ending in .csv"),
        (["--ratings", "gone.csv"], "gone.csv"),
        (["--ratings", "wrong.yaml", "--metric", "accuracy"], "--data"),
    ],
)
def test_options_that_do_not_fit_are_refused(call, wide, folder, arguments, message):
    (folder / "wrong.yaml").write_text("alhpa: 0.1\n")
    answered = call(*WIDE, *arguments)
    assert answered.exit_code == 2, answered.output
    told = json.loads(answered.stdout)["error"]["message"] if answered.stdout else answered.stderr
    assert message in told
