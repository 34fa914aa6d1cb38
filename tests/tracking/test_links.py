"""Addresses of pages in MLflow, and what an experiment's page says."""

import pytest
from mlflow import MlflowClient

from hokusai_mlflow.settings import Settings
from hokusai_mlflow.tracking.links import run_link, version_link
from hokusai_mlflow.tracking.store import experiment


def test_an_embedded_store_has_no_pages(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert run_link(Settings(home=tmp_path), "1", "a") == ""


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("https://me:secret@mlflow.example/prefix/", "https://mlflow.example/prefix"),
    ],
)
def test_a_server_has_pages_and_its_password_is_not_shown(tmp_path, uri, place):
    settings = Settings(home=tmp_path, tracking_uri=uri)
    assert run_link(settings, "7", "a b") == f"{place}/#/experiments/7/runs/a%20b"
    assert version_link(settings, "digits", 3) == f"{place}/#/models/digits/versions/3"


def test_an_experiment_is_about_its_paid_metric(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    settings = Settings(home=tmp_path).prepare()
    client = MlflowClient(*[settings.embedded_uri] * 2)
    found = experiment(client, "board", settings, metric="rmse")
    tags = client.get_experiment(found.experiment_id).tags
    assert tags["mlflow.experiment.primaryMetric.name"] == "gate/rmse/improvement_bps"
    assert tags["mlflow.experiment.primaryMetric.greaterIsBetter"] == "True"
    key = "orderByKey=metrics.%60gate%2Frmse%2Fimprovement_bps%60&orderByAsc=false"
    assert key in tags["mlflow.note.content"]
    assert experiment(client, "board", settings, metric="rmse").experiment_id == found.experiment_id
