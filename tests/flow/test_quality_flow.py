"""A spec's policy for data quality in a run: what is left out and refused, and all of it told."""

import json

import pytest
from mlflow import MlflowClient

from hokusai_mlflow.evidence import Evidence
from hokusai_mlflow.ledger import Ledger

pytestmark = pytest.mark.flow


def test_what_a_policy_excludes_and_refuses_is_not_trained_on(founded):
    project = founded
    east, mirror = project.data("east"), project.data("mirror")
    east.loc[[3, 4, 5], "x"] = 1e7
    project.write("east", east)
    mirror.loc[0, "square"] = "jane.doe@example.com"
    project.write("mirror", mirror)
    project.edit(quality={"exclude": ["outliers"], "refuse": ["personal-data"]})
    receipt = project.run().receipt
    assert receipt["outcome"] == "promoted", receipt["message"]
    lines = {line["name"]: line for line in receipt["contributors"]}
    assert lines["east"]["excluded"]["quality.outliers"] == 3
    assert lines["east"]["accepted"] == len(east) - sum(lines["east"]["excluded"].values())
    assert lines["mirror"]["excluded"] == {"refused.personal-data": len(mirror)}

    with Ledger(f"sqlite:///{project.home / 'ledger.db'}") as ledger:
        entry = ledger.get("attempt.evidence", receipt["attempt"])
    evidence = Evidence(entry.body["document"])
    told = evidence.document["contributions"]
    assert told["quality"]["exclude"] == ["outliers"]
    checks = {one["name"]: {f["code"]: f for f in one["quality"]} for one in told["checks"]}
    assert checks["east"]["outliers"]["action"] == "exclude"
    assert checks["east"]["label-noise"]["outcome"] == "passed"
    assert checks["mirror"]["personal-data"]["action"] == "refuse"

    store = f"sqlite:///{project.home / 'mlflow.db'}"
    client = MlflowClient(store, store)
    shown = {one.path for one in client.list_artifacts(receipt["run_id"], "quality")}
    names = ("findings.json", "east.html", "west.html", "mirror.html")
    assert shown == {f"quality/{name}" for name in names}
    folder = project.folder / "shown"
    folder.mkdir()
    page = client.download_artifacts(receipt["run_id"], "gate/report.html", str(folder))
    with open(page, encoding="utf-8") as stream:
        report = stream.read()
    assert "Data quality" in report
    assert "jane" not in report + json.dumps(evidence.document)
