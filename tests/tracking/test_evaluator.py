"""The MLflow evaluator: models, functions and static predictions against a baseline."""

import math
import warnings

import mlflow
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from hokusai_mlflow import compare, compare_all
from hokusai_mlflow.errors import InputError, UnknownName
from hokusai_mlflow.tracking.evaluator import HokusaiEvaluator

N = 400
pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, of its libraries


@pytest.fixture(scope="module", autouse=True)
def _store(client, settings):
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        made = client.create_experiment("evaluator", settings.artifact_root)
        mlflow.set_experiment(experiment_id=made)
        yield
    while mlflow.active_run():
        mlflow.end_run()


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    rows = pd.DataFrame(rng.normal(size=(N, 2)), columns=["a", "b"])
    rows["true"] = (rows.a + rows.b + 0.3 * rng.normal(size=N) > 0).astype(int)
    rows["old"] = np.where(rng.random(N) < 0.7, rows.true, 1 - rows.true)
    rows["said"] = np.where(rng.random(N) < 0.9, rows.true, 1 - rows.true)
    rows["region"] = rng.choice(["east", "west"], N)
    return rows


@pytest.fixture(scope="module")
def models(client, data, tmp_path_factory):
    """URIs of a weak and a good registered classifier."""
    folder = tmp_path_factory.mktemp("models")
    found = {}
    for name, columns in (("weak", ["a"]), ("good", ["a", "b"])):
        model = LogisticRegression().fit(data[columns], data.true)
        mlflow.sklearn.save_model(
            model, folder / name, serialization_format="cloudpickle", pip_requirements=[]
        )
        client.create_registered_model(name)
        client.create_model_version(name, str(folder / name))
        client.set_registered_model_alias(name, "champion", "1")
        found[name] = model
    return found


def _evaluate(data, config, **given):
    usual = {"targets": "true", "model_type": "classifier", "evaluators": "hokusai"}
    with mlflow.start_run() as run:
        result = mlflow.models.evaluate(
            data=data, evaluator_config={"hokusai": config}, **usual | given
        )
    return result, mlflow.get_run(run.info.run_id)


def test_static_predictions_against_a_column(client, data):
    config = {"baseline": "old", "metrics": ["accuracy", "f1"], "slices": "region", "policy": {}}
    result, run = _evaluate(data, config, predictions="said")
    expected = compare(data.true, data.old, data.said, metric="accuracy")
    told = run.data.metrics
    assert told["eval/accuracy"] == expected.candidate
    assert told["baseline/accuracy"] == expected.baseline
    for name, value in (
        ("improvement_bps", expected.improvement_bps),
        ("ci_low", expected.ci_low_bps),
        ("ci_high", expected.ci_high_bps),
        ("p_value", expected.p_value),
    ):
        assert told[f"gate/accuracy/{name}"] == pytest.approx(value)
    assert {"eval/f1", "gate/f1/p_value"} <= set(told)
    assert result.metrics == told
    assert all(math.isfinite(value) for value in told.values())
    tags = run.data.tags
    assert (tags["hokusai.baseline"], tags["hokusai.metric"]) == ("old", "accuracy")
    assert tags["hokusai.verdict"] in ("promote", "hold", "reject")
    paths = {found.path for found in client.list_artifacts(run.info.run_id, "gate")}
    assert paths == {
        f"gate/{name}"
        for name in (
            "report.html",
            "report.md",
            "comparisons.json",
            "forest_plot.png",
            "examples.json",
        )
    }
    page = result.artifacts["gate/report.html"].content
    assert page.startswith("<!doctype html>")
    assert "region = east" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    table = mlflow.load_table("gate/examples.json", run_ids=[run.info.run_id])
    assert table["candidate"].tolist() == data.said.tolist()


def test_a_registered_model_against_the_champion(models, data):
    config = {"baseline": "models:/weak@champion", "metrics": ["accuracy", "roc_auc"]}
    result, _ = _evaluate(
        data[["a", "b", "true", "region"]], config | {"slices": "region"}, model="models:/good/1"
    )
    said = {name: model.predict(data[model.feature_names_in_]) for name, model in models.items()}
    expected = compare(data.true.to_numpy(), said["weak"], said["good"], metric="accuracy")
    assert result.metrics["gate/accuracy/improvement_bps"] == expected.improvement_bps
    assert result.metrics["eval/roc_auc"] > result.metrics["baseline/roc_auc"]


def test_the_library_compares_models_by_uri(models, data):
    rows = data[["a", "b", "true", "old", "region"]]
    found = compare_all(
        "true",
        "models:/weak@champion",
        "models:/good/1",
        data=rows,
        metrics=["accuracy", "roc_auc"],
        slices="region",
    )
    said = {name: model.predict(data[model.feature_names_in_]) for name, model in models.items()}
    scores = {
        name: model.predict_proba(data[model.feature_names_in_])[:, 1]
        for name, model in models.items()
    }
    usual = {"data": rows}
    assert found["accuracy"] == compare(
        "true", said["weak"], said["good"], metric="accuracy", **usual
    )
    assert found["roc_auc"] == compare(
        "true", scores["weak"], scores["good"], metric="roc_auc", **usual
    )
    assert len(found) == 4
    with pytest.raises(UnknownName, match="wants the column 'b'"):
        compare("true", "old", "models:/good/1", data=rows.drop(columns="b"), metric="accuracy")
    with pytest.raises(InputError, match="no model can be loaded from models:/nobody/1"):
        compare("true", "old", "models:/nobody/1", data=rows, metric="accuracy")


def test_a_function_against_a_column(data):
    result, _ = _evaluate(data, {"baseline": "old"}, model=lambda rows: (rows.a > 0).astype(int))
    assert result.metrics["eval/accuracy"] == ((data.a > 0).astype(int) == data.true).mean()


def test_a_prediction_file(data, tmp_path):
    rows = data.assign(id=range(N))
    old = rows[["id", "old"]].sample(frac=1, random_state=0)
    old.to_csv(tmp_path / "old.csv", index=False)
    config = {"baseline": str(tmp_path / "old.csv"), "id": "id", "prediction": "old"}
    result, _ = _evaluate(rows, config, predictions="said")
    assert result.metrics["baseline/accuracy"] == (data.old == data.true).mean()


def test_regressors_are_judged_by_rmse(data):
    model = LinearRegression().fit(data[["a"]], data.b)
    rows = data[["a", "b"]].assign(zero=0.0)
    result, run = _evaluate(
        rows,
        {"baseline": "zero", "groups": np.arange(N) // 4},
        model=lambda rows: model.predict(rows[["a"]]),
        targets="b",
        model_type="regressor",
    )
    assert run.data.tags["hokusai.metric"] == "rmse"
    assert "gate/rmse/improvement_bps" in result.metrics


def test_it_runs_beside_other_evaluators(data):
    with mlflow.start_run():
        result = mlflow.models.evaluate(
            data=data[["true", "old", "said"]],
            predictions="said",
            targets="true",
            model_type="regressor",
            evaluator_config={"hokusai": {"baseline": "old", "metrics": "accuracy"}},
        )
    assert {"mean_squared_error", "gate/accuracy/p_value"} <= set(result.metrics)


@pytest.mark.parametrize(
    "config",
    [None, {}, {"log_explainer": False}, {"metrics": ["accuracy"]}, {"level": 0.1}, "baseline", 3],
)
def test_without_its_config_it_never_runs(config):
    assert not HokusaiEvaluator.can_evaluate(model_type="classifier", evaluator_config=config)


@pytest.mark.parametrize(
    "config", [{"baseline": "old"}, {"hokusai": {}}, {"basline": "old"}, {"policy": {}}]
)
def test_with_its_config_it_runs(config):
    assert HokusaiEvaluator.can_evaluate(model_type=None, evaluator_config=config)


def test_a_flat_config_for_everybody_is_left_to_others(data, caplog):
    config = {"baseline": "old", "log_explainer": False}
    with mlflow.start_run():
        result = mlflow.models.evaluate(
            data=data[["true", "old", "said"]],
            predictions="said",
            targets="true",
            model_type="regressor",
            evaluator_config=config,
        )
    assert "mean_squared_error" in result.metrics
    assert not [name for name in result.metrics if name.startswith("gate/")]


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"basline": "old"}, UnknownName, "unknown option 'basline'; did you mean 'baseline'"),
        ({"baseline": "old", "metrcs": "f1"}, UnknownName, "did you mean 'metrics'"),
        ({"metrics": ["f1"], "policy": {}}, InputError, "names no baseline"),
        ({"baseline": "odl"}, UnknownName, "did you mean 'old'"),
        ({"baseline": "models:/nobody@champion"}, InputError, "no model can be loaded"),
        ({"baseline": "gone.csv", "id": "a"}, InputError, "gone.csv does not exist"),
        ({"baseline": "old", "metrics": ["acuracy"]}, UnknownName, "did you mean 'accuracy'"),
        ({"baseline": "old", "metrics": []}, InputError, "at least one"),
        ({"baseline": "old", "policy": {"alhpa": 0.1}}, InputError, "did you mean 'alpha'"),
        ({"baseline": "old", "policy": {"alpha": 3}}, InputError, "alpha"),
        ({"baseline": "old", "slices": "regoin"}, UnknownName, "did you mean 'region'"),
        ({"baseline": "old", "groups": "nobody"}, UnknownName, "no column 'nobody'"),
    ],
)
def test_a_bad_config_is_a_clear_error(data, config, error, message):
    with pytest.raises(error, match=message):
        _evaluate(data, config, predictions="said")


def test_neither_model_nor_predictions(data):
    with pytest.raises(InputError, match="expected a model, or the column of its predictions"):
        _evaluate(data, {"baseline": "old"})


def test_scores_of_a_function_do_not_exist(data):
    with pytest.raises(InputError, match="needs scores"):
        _evaluate(data, {"baseline": "old", "metrics": "roc_auc"}, model=lambda rows: rows.a)
