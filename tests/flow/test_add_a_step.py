"""The example of a step of one's own: it is what its README says, and it runs."""

import difflib
import io
from pathlib import Path

import pandas as pd
import pytest
from flow_project import MODEL
from mlflow import MlflowClient

ROOT = Path(__file__).parents[2]
FLOW = ROOT / "flows" / "improve.py"
EXAMPLE = ROOT / "examples" / "add_a_step" / "improve.py"


def test_the_readme_shows_the_whole_difference_which_is_a_task_and_a_line():
    before, after = (path.read_text().splitlines() for path in (FLOW, EXAMPLE))
    difference = list(difflib.unified_diff(before, after, lineterm="", n=1))[2:]
    assert "\n".join(difference) in EXAMPLE.with_name("README.md").read_text()
    removed = [line for line in difference if line.startswith("-")]
    assert removed == ["-from prefect import flow"], "it became: from prefect import flow, task"
    flow = after.index("@flow" + FLOW.read_text().split("@flow")[1].splitlines()[0])
    assert set(after[flow:]) - set(before) == {"        report_by_class(judgement)"}


@pytest.mark.flow
def test_the_step_logs_every_class_to_the_run_of_the_attempt(founded, tmp_path):
    founded.flow = EXAMPLE
    assert "Warning" not in founded.run().output
    client = MlflowClient(*[f"sqlite:///{founded.home / 'mlflow.db'}"] * 2)
    promoted = client.get_model_version_by_alias(MODEL, "champion")
    assert str(promoted.version) == "2"
    run = client.get_run(promoted.run_id)
    kept = Path(client.download_artifacts(run.info.run_id, "by_class/recall.csv", str(tmp_path)))
    recall = pd.read_csv(io.StringIO(kept.read_text()), index_col="class")
    assert list(recall.columns) == ["champion", "candidate", "change"]
    changes = {f"by_class/{colour}/change": value for colour, value in recall["change"].items()}
    logged = {key: value for key, value in run.data.metrics.items() if key.startswith("by_class/")}
    assert logged == pytest.approx(changes)
    assert sorted(recall.index) == [0, 1]
    # Both classes are about as frequent: the mean of their recalls is the accuracy.
    for who, metric in (("champion", "baseline/accuracy"), ("candidate", "eval/accuracy")):
        assert recall[who].mean() == pytest.approx(run.data.metrics[metric], abs=0.01)
