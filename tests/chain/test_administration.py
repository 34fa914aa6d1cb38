"""`hokusai chain oracle|pause|unpause|top-up|configure-model|deploy`, shown first, sent once."""

import json
import os
import threading

import pytest
from chain_world import GENESIS, MODEL, OWNER
from outbox_world import REWARD, open_paying
from typer.testing import CliRunner

from hokusai_mlflow.chain.local import serve
from hokusai_mlflow.cli import app

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow and web3 warn of themselves.
STRANGER = "0x0000000000000000000000000000000000000777"
SPEC = f"""\
model: {MODEL}
task: classification
recipe: recipe.py
metric: accuracy
owner: "{OWNER}"
data:
  pool: pool.csv
  target: label
  id: id
  split: {{reference: 0.5, payment: 0.2, holdouts: 1, key: test}}
chain: {{budget: 5}}
"""


@pytest.fixture
def paying(world, monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith(("HOKUSAI_", "MLFLOW_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOKUSAI_HOME", str(world.home))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipeline.yaml").write_text(SPEC)
    opened = open_paying(world.home)
    yield opened
    opened.ledger.close()
    opened.provider.chain.close()


def call(*arguments):
    runner = CliRunner(env={"COLUMNS": "200"})
    return runner.invoke(app, ["chain", *arguments, "--json"], prog_name="hokusai")


def told(*arguments, code=0):
    answered = call(*arguments)
    assert answered.exit_code == code, answered.output
    return json.loads(answered.stdout.splitlines()[0])


@pytest.mark.parametrize(
    ("command", "shown", "effect", "seen"),
    [
        (["oracle", "add", STRANGER], f"addOracle({STRANGER})", "oracles 3 → 4", "oracles"),
        (["oracle", "threshold", "3"], "setQuorum(3)", "signatures needed 2 → 3", "quorum"),
        (["pause"], "pause()", "payments wait", "is_paused"),
    ],
)
def test_what_is_shown_is_what_is_sent_and_once(paying, command, shown, effect, seen):
    state = getattr(paying.verifier, seen)
    before, block = state(), paying.verifier.web3.eth.block_number
    rehearsed = told(*command, "--dry-run")["dry_run"]
    assert (rehearsed["call"], rehearsed["refused"]) == (shown, None)
    assert effect in rehearsed["effect"]
    assert (state(), paying.verifier.web3.eth.block_number) == (before, block), "nothing was sent"
    sent = told(*command)
    transaction = paying.verifier.web3.eth.get_transaction(sent["transaction"])
    assert "0x" + bytes(transaction["input"]).hex() == rehearsed["data"]
    assert transaction["from"] == rehearsed["sender"]
    assert state() != before
    assert told(*command)["transaction"] is None


def test_removing_and_what_the_contract_would_refuse(paying):
    first, second, _ = paying.verifier.oracles()
    told("oracle", "remove", first)
    answered = call("oracle", "remove", second, "--dry-run")
    assert answered.exit_code == 2
    lines = [json.loads(line) for line in answered.stdout.splitlines()]
    assert "QuorumOutOfRange" in lines[0]["dry_run"]["refused"]
    assert "would be refused" in lines[1]["error"]["message"]
    assert call("oracle", "remove", second).exit_code == 3
    assert told("oracle", "remove", first)["effect"] == f"{first} is not an oracle"


def test_a_payment_waits_for_unpause_and_for_a_top_up(paying):
    paying.world.configure(budget=REWARD // 2)
    (improvement,) = paying.improvements(1)
    outbox = paying.outbox()
    paying.enqueue(outbox, improvement)
    told("pause")
    assert "EnforcedPause" in outbox.settle()[0].error
    told("unpause")
    assert "BudgetExceeded" in outbox.settle()[0].error
    before = paying.verifier.terms(MODEL)
    rehearsed = told("top-up", "pipeline.yaml", "10", "--dry-run")["dry_run"]
    assert "2.5 → 12.5 DeltaOne" in rehearsed["effect"]
    assert paying.verifier.terms(MODEL) == before
    told("top-up", "pipeline.yaml", "10")
    after = paying.verifier.terms(MODEL)
    assert after == before | {"budget": REWARD // 2 + 10 * 10**18}, "no other term changes"
    assert outbox.settle()[0].state == "confirmed"
    paying.require_paid(1)


def test_terms_are_rehearsed(paying):
    rehearsed = told("configure-model", "pipeline.yaml", "--dry-run")["dry_run"]
    assert rehearsed["call"].startswith("configureModel(0x")
    assert GENESIS in rehearsed["call"]
    assert "budget 5" in rehearsed["effect"]
    sent = told("configure-model", "pipeline.yaml")["transaction"]
    data = paying.verifier.web3.eth.get_transaction(sent)["input"]
    assert "0x" + bytes(data).hex() == rehearsed["data"]
    assert "already" in told("configure-model", "pipeline.yaml", "--dry-run")["dry_run"]["effect"]


def test_a_deployment_is_rehearsed_and_lands_where_it_said(paying, monkeypatch, tmp_path):
    key = json.loads((paying.world.home / "keys/development/oracle-1.json").read_text())
    server = serve(paying.world.web3.provider.chain)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        monkeypatch.setenv("HOKUSAI_HOME", str(tmp_path / "elsewhere"))
        monkeypatch.setenv("HOKUSAI_RPC_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("HOKUSAI_CHAIN_ID", "31337")
        monkeypatch.setenv("HOKUSAI_SIGNER_KEY", key["private_key"])
        command = ["deploy", "--oracle", STRANGER, "--quorum", "1"]
        rehearsed = told(*command, "--dry-run")["dry_run"]
        deployed = told(*command)["deployment"]
        assert deployed["address"] in rehearsed["effect"]
        assert rehearsed["code_digest"] == deployed["code_digest"]
        assert "nothing to send" in told(*command, "--dry-run")["dry_run"]["effect"]
        assert told(*command)["deployment"] == deployed
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
