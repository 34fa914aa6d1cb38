"""`hokusai doctor`, `ledger`, `settle` and `chain` on a home that is empty, whole or broken."""

import json
import os

import pytest

from hokusai_mlflow.ledger import Ledger

pytestmark = [
    pytest.mark.usefixtures("mlflow_loaded"),
    # MLflow, web3 and SQLAlchemy warn of themselves.
    pytest.mark.filterwarnings("ignore"),
]


def _findings(answered):
    return {one["what"]: one for one in json.loads(answered.stdout)["findings"]}


@pytest.mark.parametrize(
    "command",
    [["doctor"], ["ledger"], ["settle"], ["chain", "status"], ["ledger", "board", "--json"]],
)
def test_looking_at_an_empty_home_makes_nothing(call, folder, command):
    answered = call(*command)
    assert answered.exit_code == 0, answered.output
    assert not list(folder.iterdir())


def test_doctor_says_what_is_not_created_yet(call):
    found = _findings(call("doctor", "--json"))
    for what in ("home", "MLflow store", "ledger", "chain"):
        assert found[what]["ok"] is None
        assert "not created yet" in found[what]["detail"]
    assert found["packages"]["ok"] is True


def test_doctor_reads_spec_recipe_and_data(call, project):
    found = _findings(call("doctor", project, "--json"))
    assert found["spec"]["ok"] is True
    assert found["recipe"]["ok"] is True
    assert found["data of pool"]["detail"] == "pool.csv: 200 rows, 1 features"
    assert found["data of east"]["ok"] is True


def test_doctor_names_what_is_wrong_with_data_and_recipe(call, project, folder):
    (folder / "east.csv").unlink()
    (folder / "pool.csv").write_text("id,x,labl\n1,2,3\n")
    (folder / "recipe.py").write_text("import nowhere")
    answered = call("doctor", project)
    assert answered.exit_code == 3
    assert "✗ data of east" in answered.stdout
    assert "did you mean 'labl'?" in answered.stdout
    assert "✗ recipe" in answered.stdout


def test_doctor_reports_a_spec_that_is_not_one(call, folder):
    (folder / "pipeline.yaml").write_text("model: board\ntasks: x\n")
    answered = call("doctor", "pipeline.yaml")
    assert answered.exit_code == 3
    assert "did you mean 'task'" in answered.stdout


def _home(folder):
    home = folder / ".hokusai"
    home.mkdir(mode=0o700, exist_ok=True)
    with Ledger(f"sqlite:///{home}/ledger.db") as ledger:
        ledger.append("attempt.opened", "a1", {"run_id": "r"}, model="board", attempt="a1")
        ledger.append("attempt.closed", "a1", {"outcome": "hold"}, model="board", attempt="a1")
        ledger.append("attempt.opened", "b2", {"run_id": "s"}, model="ship", attempt="b2")
    return home


def test_doctor_verifies_the_ledger_and_counts_what_is_unfinished(call, folder):
    _home(folder)
    found = _findings(call("doctor", "--json"))["ledger"]
    assert found["ok"] is True
    assert "3 entries" in found["detail"]
    assert "1 attempts unfinished" in found["detail"]


def test_doctor_finds_a_damaged_ledger(call, folder):
    home = _home(folder)
    (home / "ledger.db").write_bytes(b"not a database, whatever its name says" * 200)
    for rest in home.glob("ledger.db-*"):
        rest.unlink()
    answered = call("doctor", "--json")
    assert answered.exit_code == 3
    assert _findings(answered)["ledger"]["ok"] is False


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_doctor_finds_keys_that_others_can_read(call, folder):
    keys = _home(folder) / "keys" / "development"
    keys.mkdir(parents=True)
    (keys / "admin.json").write_text("{}")
    (keys / "admin.json").chmod(0o644)
    answered = call("doctor")
    assert answered.exit_code == 3
    assert "chmod 600" in answered.stdout


@pytest.mark.parametrize(
    ("setting", "value", "what"),
    [
        ("MLFLOW_TRACKING_URI", "http://127.0.0.1:9", "MLflow store"),
        ("HOKUSAI_RPC_URL", "http://127.0.0.1:9", "chain"),
        ("HOKUSAI_LEDGER_URL", "mysql://nowhere/x", "ledger"),
    ],
)
def test_doctor_names_what_cannot_be_reached_and_the_remedy(
    call, monkeypatch, setting, value, what
):
    monkeypatch.setenv(setting, value)
    answered = call("doctor", "--json")
    assert answered.exit_code == 3
    assert _findings(answered)[what]["ok"] is False


def test_the_ledger_is_listed_newest_last(call, folder):
    _home(folder)
    told = call("ledger").stdout
    assert told.index("attempt.closed") < told.index("ship")
    assert "outcome hold" in told
    entries = json.loads(call("ledger", "board", "--json", "--limit", 1).stdout)["entries"]
    assert [entry["kind"] for entry in entries] == ["attempt.closed"]


def test_the_embedded_chain_is_deployed_to_once_and_shown(call, folder, project):
    made = json.loads(call("chain", "deploy", "--json").stdout)["deployment"]
    again = json.loads(call("chain", "deploy", "--json").stdout)["deployment"]
    assert made == again
    status = json.loads(call("chain", "status", project, "--json").stdout)["status"]
    assert (status["verifier"], status["quorum"]) == (made["address"], 2)
    assert (status["model"], status["configured"]) == ("board", False)
    found = _findings(call("doctor", "--json"))
    assert found["chain"]["ok"] is True
    assert "2 of 3 oracles sign" in found["chain"]["detail"]
    assert "never use them on a public chain" in found["keys"]["detail"]


def test_a_model_is_configured_only_with_a_champion(call, project):
    answered = call("chain", "configure-model", project)
    assert answered.exit_code == 2
    assert "board has no champion in the registry" in answered.stderr


def test_deploying_elsewhere_asks_for_what_it_needs(call, monkeypatch):
    monkeypatch.setenv("HOKUSAI_RPC_URL", "http://127.0.0.1:9")
    assert "HOKUSAI_CHAIN_ID" in call("chain", "deploy").stderr
    monkeypatch.setenv("HOKUSAI_CHAIN_ID", "1")
    assert "--oracle ADDRESS" in call("chain", "deploy").stderr
    answered = call("chain", "deploy", "--oracle", "0x" + "ab" * 20)
    assert answered.exit_code == 3
    assert "cannot be reached" in answered.stderr
