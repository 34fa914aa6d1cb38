"""A person's word between verdict and promotion: by tags in MLflow, by a form in Prefect."""

import json
import time
import urllib.request

import pytest
from flow_project import MODEL, Project
from mlflow import MlflowClient

from hokusai_mlflow.ledger import Ledger

pytestmark = pytest.mark.flow


def _client(project: Project) -> MlflowClient:
    return MlflowClient(*[f"sqlite:///{project.home / 'mlflow.db'}"] * 2)


def _entries(project: Project, kind: str) -> list:
    with Ledger(f"sqlite:///{project.home / 'ledger.db'}") as ledger:
        return ledger.entries(model=MODEL, kind=kind)


def _say(project: Project, version: int, **tags: str) -> None:
    client = _client(project)
    for key, value in tags.items():
        client.set_model_version_tag(MODEL, str(version), f"hokusai.{key}", value)


@pytest.fixture(scope="module")
def awaiting(_founded, tmp_path_factory):
    """A project whose candidate passed the gate and waits for a person."""
    made = _founded.copy_to(tmp_path_factory.mktemp("awaiting") / "project")
    made.edit(approval={"via": "mlflow"})
    return made, made.run().receipt


@pytest.fixture
def waiting(awaiting, tmp_path):
    project, receipt = awaiting
    return project.copy_to(tmp_path / "project"), receipt


def test_nothing_moves_before_the_word(awaiting):
    project, receipt = awaiting
    assert receipt["outcome"] == "awaiting"
    assert "hokusai.reviewer" in receipt["message"]
    client = _client(project)
    assert client.get_model_version_by_alias(MODEL, "champion").version == 1
    assert client.get_model_version_by_alias(MODEL, "challenger").version == 2
    version = client.get_model_version(MODEL, "2")
    assert version.description.startswith("## Awaits a reviewer")
    assert not _entries(project, "attempt.reviewed")
    assert len(_entries(project, "attempt.closed")) == 1, "the baseline's only"
    assert not _entries(project, "settlement.intent")


@pytest.mark.exhaustive
def test_a_word_without_a_name_is_none(waiting):
    project, _ = waiting
    _say(project, 2, approval="approve")
    assert project.run().receipt["outcome"] == "awaiting"
    assert not _entries(project, "attempt.reviewed")


def test_an_approval_promotes_and_pays_once_and_is_on_record(waiting):
    project, _ = waiting
    _say(project, 2, approval="Approve", reviewer="head of <b>data</b>", note="looks right")
    promoted, nothing = project.run(times=2).receipts
    assert promoted["outcome"] == "promoted", promoted["message"]
    assert promoted["settlement"]["state"] == "confirmed"
    assert nothing["outcome"] == "nothing_new"
    (word,) = _entries(project, "attempt.reviewed")
    assert word.body["state"] == "approved"
    assert word.body["by"] == "head of <b>data</b>"
    assert word.body["at"].endswith("+00:00")
    assert len(_entries(project, "look")) == 1, "asking again spends no look"
    client = _client(project)
    run = client.get_run(promoted["run_id"])
    path = client.download_artifacts(promoted["run_id"], "gate/addendum.json", str(project.folder))
    with open(path) as file:
        addendum = json.load(file)
    assert addendum["approval"] == dict(word.body)
    assert addendum["evidence"] == promoted["evidence"] == run.data.tags["hokusai.evidence"]
    page = client.download_artifacts(promoted["run_id"], "gate/report.html", str(project.folder))
    with open(page) as file:
        text = file.read()
    assert "head of &lt;b&gt;data&lt;/b&gt;" in text
    assert "<b>data" not in text


@pytest.mark.exhaustive
def test_a_refusal_is_recorded_as_such_and_stands(waiting):
    project, _ = waiting
    _say(project, 2, approval="refuse", reviewer="the owner", note="not before the audit")
    refused = project.run().receipt
    assert refused["outcome"] == "refused"
    assert "the owner" in refused["message"]
    assert "not before the audit" in refused["message"]
    # A change of mind comes too late; new data make a new attempt.
    _say(project, 2, approval="approve")
    assert project.run().receipt["outcome"] == "nothing_new"
    assert _client(project).get_model_version_by_alias(MODEL, "champion").version == 1
    assert not _entries(project, "settlement.intent")


def _post(url: str, body: object) -> object:
    data = json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def _paused(api: str, seconds: float = 90.0) -> str:
    until = time.monotonic() + seconds
    wanted = {"flow_runs": {"state": {"type": {"any_": ["PAUSED"]}}}}
    while time.monotonic() < until:
        found = _post(f"{api}/flow_runs/filter", wanted)
        if found:
            return found[0]["id"]
        time.sleep(0.2)
    raise AssertionError("no flow run was paused")


@pytest.mark.exhaustive
def test_a_form_in_prefect_is_asked_and_its_word_counts(founded, prefect_server):
    founded.edit(approval={"via": "prefect", "hours": 1})
    started = founded.start()
    run = _paused(prefect_server)
    assert _client(founded).get_model_version_by_alias(MODEL, "champion").version == 1
    nameless = {"run_input": {"word": "approve", "reviewer": " "}}
    assert _post(f"{prefect_server}/flow_runs/{run}/resume", nameless)["status"] == "REJECT"
    given = {"run_input": {"word": "approve", "reviewer": "the owner", "note": "go"}}
    assert _post(f"{prefect_server}/flow_runs/{run}/resume", given)["status"] == "ACCEPT"
    ran = founded.end(started)
    assert ran.code == 0, ran.trace or ran.output
    assert ran.receipt["outcome"] == "promoted"
    (word,) = _entries(founded, "attempt.reviewed")
    assert (word.body["via"], word.body["by"]) == ("prefect", "the owner")
