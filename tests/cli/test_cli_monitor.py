"""`hokusai monitor`: what it says when it cannot look, before anything is changed."""

import json

import pytest


@pytest.fixture
def project(project):
    """The folder."""
    return project.parent


def test_there_must_be_data(call, project):
    answered = call("monitor", "pipeline.yaml")
    assert answered.exit_code == 2
    assert "nothing says where fresh labelled data are" in answered.stderr
    assert "monitor: {data: fresh.parquet}" in answered.stderr


def test_there_must_be_a_champion(call, project):
    (project / "fresh.csv").write_text("id,label,x\n1,0,0.5\n")
    answered = call("monitor", "pipeline.yaml", "--data", "fresh.csv", "--json")
    assert answered.exit_code == 2
    told = json.loads(answered.stdout)["error"]
    assert told["type"] == "ChampionMissing"
    assert "board has no champion yet" in told["message"]


def test_a_misspelt_action_is_told(call, project):
    spec = (project / "pipeline.yaml").read_text()
    (project / "pipeline.yaml").write_text(spec + "monitor: {on_worse: rollback}\n")
    answered = call("monitor", "pipeline.yaml")
    assert answered.exit_code == 2
    assert "monitor.on_worse" in answered.stderr
    assert "'roll_back'" in answered.stderr


def test_a_misspelt_key_is_told(call, project):
    spec = (project / "pipeline.yaml").read_text()
    (project / "pipeline.yaml").write_text(spec + "monitor: {drift: {warm: 0.2}}\n")
    answered = call("monitor", "pipeline.yaml")
    assert "monitor.drift.warm: unknown key; did you mean 'warn'?" in answered.stderr
