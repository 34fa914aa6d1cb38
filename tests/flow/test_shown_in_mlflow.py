"""What a promotion leaves in MLflow, and that showing it again changes nothing."""

import json
import re
from pathlib import Path

import mlflow
import pytest
from flow_project import ADDRESSES, MODEL
from mlflow import MlflowClient

from hokusai_mlflow.report import Report
from hokusai_mlflow.showing import DESCRIPTION, _children, show_report
from hokusai_mlflow.tracking.children import CHILD_TAG, log_children

pytestmark = pytest.mark.flow


@pytest.fixture(scope="module")
def shown(_founded, tmp_path_factory):
    """A project with a promotion, its store's client, and the attempt's run."""
    made = _founded.copy_to(tmp_path_factory.mktemp("shown") / "project")
    receipt = made.run().receipt
    assert receipt["outcome"] == "promoted", receipt["message"]
    client = MlflowClient(*[f"sqlite:///{made.home / 'mlflow.db'}"] * 2)
    return receipt, client, client.get_run(receipt["run_id"])


def _text(client: MlflowClient, run, path: str, folder: Path) -> str:
    return Path(client.download_artifacts(run.info.run_id, path, str(folder))).read_text()


def test_metrics_have_the_names_of_the_design(shown):
    receipt, _, run = shown
    found, compared = run.data.metrics, receipt["comparison"]
    assert found["eval/accuracy"] == compared["candidate"]
    assert found["baseline/accuracy"] == compared["baseline"]
    for name, key in (
        ("improvement_bps", "improvement_bps"),
        ("ci_low", "ci_low_bps"),
        ("ci_high", "ci_high_bps"),
        ("p_value", "p_value"),
    ):
        assert found[f"gate/accuracy/{name}"] == compared[key]
    # The metric that is logged beside it is compared too.
    assert found["gate/f1/ci_low"] <= found["gate/f1/improvement_bps"] <= found["gate/f1/ci_high"]
    assert found["reward/paid_bps"] == receipt["payment"]["paid_bps"]


def test_data_sets_are_inputs_with_their_purpose(shown):
    _, _, run = shown
    found = {one.dataset.name: one for one in run.inputs.dataset_inputs}
    contexts = {name: one.tags[0].value for name, one in found.items()}
    assert contexts.pop("reference") == "training"
    assert contexts.pop("holdout-1") == "gate"
    assert contexts.pop("payment") == "payment"
    # Who brought copies only is not in the training rows.
    assert set(contexts) == set(ADDRESSES) - {"mirror"}
    rows = json.loads(found["holdout-1"].dataset.profile)["num_rows"]
    assert rows == shown[0]["comparison"]["n"]


def test_every_rendering_of_the_report_is_an_artifact(shown, tmp_path):
    receipt, client, run = shown
    found = {one.path for one in client.list_artifacts(run.info.run_id, "gate")}
    names = ("report.html", "report.md", "report.json", "evidence.json", "forest_plot.svg")
    assert {f"gate/{name}" for name in (*names, "examples.json")} <= found
    report = Report.from_dict(json.loads(_text(client, run, "gate/report.json", tmp_path)))
    assert _text(client, run, "gate/report.html", tmp_path) == report.to_html()
    assert _text(client, run, "gate/report.md", tmp_path) == report.to_markdown()
    assert report.digest == receipt["evidence"] == run.data.tags["hokusai.evidence"]
    assert report.standing == "final"
    assert {"confusion", "roc", "calibration"} <= set(report.figures)
    for section in ("difference", "findings", "refits", "errors", "contributors", "payment"):
        assert section in {one.name for one in report.sections}


@pytest.fixture
def current_store(shown):
    """Loading tables asks the process' store, whatever client does it."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(shown[1].tracking_uri)
    yield
    mlflow.set_tracking_uri(before)


@pytest.mark.usefixtures("current_store")
def test_the_table_of_examples_is_one_that_mlflow_shows(shown):
    _, client, run = shown
    table = client.load_table(run.info.experiment_id, "gate/examples.json", [run.info.run_id])
    assert len(table) == shown[0]["comparison"]["n"]
    assert {"id", "target", "champion", "candidate"} <= set(table.columns)
    right = (table.target == table.candidate).mean()
    assert right == pytest.approx(shown[0]["comparison"]["candidate"])


def test_children_are_repeats_and_subsets_one_level_below(shown):
    _, client, run = shown
    every = client.search_runs([run.info.experiment_id], max_results=500)
    children = [r for r in every if r.data.tags.get("mlflow.parentRunId") == run.info.run_id]
    assert {r.data.params["kind"] for r in children} == {"refits", "subset"}
    assert sum(r.data.params["kind"] == "refits" for r in children) == 2
    # Nobody, and both east and west; what is between them are rows, of no contributor's choice.
    assert sum(r.data.params["kind"] == "subset" for r in children) == 2
    assert {r.info.status for r in children} == {"FINISHED"}
    parents = {r.data.tags["mlflow.parentRunId"] for r in children}
    assert parents == {run.info.run_id}
    repeat = next(r for r in children if r.data.tags[CHILD_TAG] == "repeat-1")
    history = client.get_metric_history(repeat.info.run_id, "folds/accuracy/improvement_bps")
    assert [one.step for one in history] == [0, 1]


def test_the_version_page_tells_the_verdict_within_what_databases_keep(shown):
    receipt, client, run = shown
    version = client.get_model_version(MODEL, str(receipt["candidate_version"]))
    assert version.description.startswith("## Promoted")
    assert len(version.description) <= DESCRIPTION
    assert "hokusai verify" in version.description
    assert re.search("[━▲]", version.description), "no forest plot"
    assert version.tags["hokusai.outcome"] == "promoted"
    assert version.tags["hokusai.settlement"] == "rewarded"
    assert len(run.data.tags["mlflow.note.content"]) <= 8_000
    assert client.get_model_version_by_alias(MODEL, "champion").version == version.version
    # Prefect's run, to find it from here.
    assert run.data.tags["hokusai.flow_run"]


def test_showing_it_again_changes_nothing(shown, tmp_path):
    _, client, run = shown
    report = Report.from_dict(json.loads(_text(client, run, "gate/report.json", tmp_path)))
    before = client.search_runs([run.info.experiment_id], max_results=500)
    log_children(client, run.info.run_id, _children(report))
    show_report(client, report)
    after = client.search_runs([run.info.experiment_id], max_results=500)
    assert {r.info.run_id for r in after} == {r.info.run_id for r in before}
    again = client.get_run(run.info.run_id)
    assert again.data.to_dictionary() == run.data.to_dictionary()
    for child in (r for r in after if CHILD_TAG in r.data.tags):
        for name in child.data.metrics:
            steps = [m.step for m in client.get_metric_history(child.info.run_id, name)]
            assert len(steps) == len(set(steps))
