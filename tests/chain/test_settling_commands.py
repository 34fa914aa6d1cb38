"""`hokusai settle --watch` and `hokusai chain audit` on a home with payments."""

import json
import os
import shutil
import signal
import threading
import time

import pytest
from outbox_world import REWARD, open_paying
from typer.testing import CliRunner

from hokusai_mlflow.cli import app
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.tracking.store import connect

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow and web3 warn of themselves.


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory):
    """An MLflow store in which nothing was ever logged: its migrations are paid once."""
    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    connect(Settings(home=file.parent, tracking_uri=f"sqlite:///{file}"))
    return file


@pytest.fixture
def paying(world, empty_store, monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith(("HOKUSAI_", "MLFLOW_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOKUSAI_HOME", str(world.home))
    shutil.copy(empty_store, world.home)
    monkeypatch.chdir(tmp_path)
    opened = open_paying(world.home)
    yield opened
    opened.ledger.close()
    opened.provider.chain.close()


def call(*arguments):
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, list(arguments), prog_name="hokusai")


def audited():
    answered = call("chain", "audit", "--json")
    return answered.exit_code, json.loads(answered.stdout)["audit"]


class Asking(threading.Thread):
    """Sends a signal to this process when something is so."""

    def __init__(self, number, ready):
        super().__init__(daemon=True)
        self.number, self.ready, self.asked_at = number, ready, None
        self.start()

    def run(self):
        while not self.ready():
            time.sleep(0.05)
        self.asked_at = time.monotonic()
        os.kill(os.getpid(), self.number)


@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.exhaustive)],
    ids=["SIGTERM", "SIGINT"],
)
def test_watching_settles_what_comes_and_ends_when_asked(paying, number):
    first, second = paying.improvements(2)
    paying.enqueue(paying.outbox(), first)
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)

    def ready():
        if paying.kinds().count("confirmed") == 1:
            paying.enqueue(paying.outbox(), second)
        return paying.kinds().count("confirmed") == 2

    asking = Asking(number, ready)
    answered = call("settle", "--watch", "--interval", "0.2", "--json")
    assert answered.exit_code == 0, answered.output
    assert time.monotonic() - asking.asked_at < 5
    told = [json.loads(line)["settlement"]["state"] for line in answered.stdout.splitlines()]
    assert told.count("confirmed") == 2
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
    assert audited() == (0, audited()[1])
    paying.require_paid(2)


def test_watching_ends_with_3_after_a_refusal_for_good(paying):
    (improvement,) = paying.improvements(1)
    paying.enqueue(paying.outbox(), improvement, paying.world.attest(improvement, count=1))
    Asking(signal.SIGTERM, lambda: "failed" in paying.kinds())
    answered = call("settle", "--watch", "--interval", "0.2")
    assert answered.exit_code == 3
    assert "QuorumMissing" in answered.stdout


def test_watching_outlives_a_chain_that_falls_silent(paying, monkeypatch):
    from hokusai_mlflow.chain.local import LocalProvider
    from hokusai_mlflow.errors import ChainUnreachable

    (improvement,) = paying.improvements(1)
    paying.enqueue(paying.outbox(), improvement)
    answer, silent = LocalProvider.make_request, []

    def sometimes(self, method, params):
        if len(silent) < 3:
            silent.append(method)
            raise ChainUnreachable("the RPC endpoint does not answer")
        return answer(self, method, params)

    monkeypatch.setattr(LocalProvider, "make_request", sometimes)
    Asking(signal.SIGTERM, lambda: "confirmed" in paying.kinds())
    answered = call("settle", "--watch", "--interval", "0.2")
    assert answered.exit_code == 0
    assert answered.stderr.count("trying again") == 1


def test_audit_says_what_differs_and_exits_with_4(paying):
    (improvement,) = paying.improvements(1)
    assert audited()[0] == 0
    paying.world.process(improvement)
    code, found = audited()
    assert (code, found["clean"], found["paid_on_chain"]) == (4, False, str(REWARD))
    told = call("chain", "audit")
    assert "✗ difference" in told.stdout
    assert "no settlement of it" in told.stdout


def test_an_audit_without_the_ledger_is_a_difference(paying):
    paying.world.process(paying.improvements(1)[0])
    paying.ledger.close()
    (paying.world.home / "ledger.db").unlink()
    answered = call("chain", "audit")
    assert answered.exit_code == 4
    assert "there is no ledger" in answered.output


@pytest.mark.parametrize(
    "command",
    [("settle",), ("chain", "audit"), ("chain", "status"), ("chain", "deploy")],
    ids=" ".join,
)
def test_nobody_takes_a_development_chain_for_a_public_one(paying, command):
    (improvement,) = paying.improvements(1)
    paying.enqueue(paying.outbox(), improvement)
    answered = call(*command)
    assert answered.exit_code == 0, answered.output
    assert "development chain: what it pays is worth nothing" in answered.stdout
