"""`kill -9` anywhere: the next run finishes the job, with one promotion and one payment."""

import shutil
from dataclasses import dataclass
from typing import Any

import pytest
from flow_project import ADDRESSES, MODEL, OWNER, Project
from mlflow import MlflowClient

from hokusai_mlflow.chain.connect import connect
from hokusai_mlflow.chain.deployment import find_deployment
from hokusai_mlflow.chain.verifier import Verifier
from hokusai_mlflow.ledger import Ledger

pytestmark = pytest.mark.flow

STORE = "mlflow.store.artifact.local_artifact_repo:LocalArtifactRepository"

# In the order of the flow. What is killed is the second run: a baseline is there.
POINTS: dict[str, dict[str, Any]] = {
    "before the attempt has a run": {"call": "mlflow:MlflowClient.create_run", "when": "before"},
    "run made, no inputs kept": {"call": "mlflow:MlflowClient.create_run", "when": "after"},
    "half of the inputs kept": {
        "call": "shutil:copyfile",
        "during": f"{STORE}.log_artifacts",
        "when": "after",
        "nth": 3,
    },
    "inputs kept, training rows not": {
        "call": f"{STORE}.log_artifacts",
        "when": "before",
        "nth": 2,
    },
    "inputs kept, nothing fitted": {"call": "hokusai_mlflow.steps:train", "when": "before"},
    "model fitted, not kept": {"call": "hokusai_mlflow.tracking.models:save", "when": "after"},
    "model kept, attempt not opened": {"entry": "attempt.opened", "when": "before"},
    "attempt opened": {"entry": "attempt.opened", "when": "after"},
    "logged model made, empty": {
        "call": "mlflow:MlflowClient.create_logged_model",
        "when": "after",
    },
    "half of the model's files logged": {
        "call": "shutil:copyfile",
        "during": "mlflow:MlflowClient.log_model_artifacts",
        "when": "after",
        "nth": 2,
    },
    "logged model full, no version": {
        "call": "mlflow:MlflowClient.create_model_version",
        "when": "before",
    },
    "version registered": {"call": "mlflow:MlflowClient.create_model_version", "when": "after"},
    "half of the refits done": {
        "call": "hokusai_mlflow.refits:score_folds",
        "when": "after",
        "nth": 2,
    },
    "look written, not committed": {"entry": "look", "when": "in"},
    "look spent, nothing compared": {"entry": "look", "when": "after"},
    "compared, not decided": {"entry": "attempt.decided", "when": "before"},
    "decided, look not accepted": {"entry": "attempt.decided", "when": "after"},
    "hold-out retired, not committed": {"entry": "holdout.retired", "when": "in"},
    "hold-out retired": {"entry": "holdout.retired", "when": "after"},
    "alias moved, not written down": {"entry": "attempt.promoted", "when": "before"},
    "promotion written down": {"entry": "attempt.promoted", "when": "after"},
    "payment measured": {
        "call": "hokusai_mlflow.steps:value_contributions",
        "when": "before",
    },
    "half of the valuation done": {
        "call": "hokusai_mlflow.valuation_steps:added",
        "when": "after",
        "nth": 3,
    },
    "valued, no evidence": {"entry": "attempt.evidence", "when": "before"},
    "evidence written": {"entry": "attempt.evidence", "when": "after"},
    "attested, not enqueued": {"entry": "settlement.intent", "when": "before"},
    "payment enqueued": {"entry": "settlement.intent", "when": "after"},
    "transaction signed, not written down": {"entry": "settlement.signed", "when": "before"},
    "transaction signed, not sent": {"entry": "settlement.signed", "when": "after"},
    "transaction sent, not written down": {"entry": "settlement.broadcast", "when": "before"},
    "transaction sent, not confirmed": {"entry": "settlement.broadcast", "when": "after"},
    "paid, not written down": {"entry": "settlement.confirmed", "when": "before"},
    "paid, not published": {"entry": "settlement.confirmed", "when": "after"},
    "half of the metrics logged": {
        "call": "mlflow:MlflowClient.log_batch",
        "during": "hokusai_mlflow.showing:show_judged",
        "when": "after",
    },
    "half of the child runs made": {
        "call": "mlflow:MlflowClient.create_run",
        "during": "hokusai_mlflow.showing:show_judged",
        "when": "after",
        "nth": 2,
    },
    "half of the report logged": {
        "call": "shutil:copyfile",
        "during": "hokusai_mlflow.showing:show_report",
        "when": "after",
        "nth": 2,
    },
    "published, not closed": {"entry": "attempt.closed", "when": "before"},
}


@dataclass
class Books:
    """What ledger, registry and chain say after an attempt."""

    ledger: Ledger
    client: MlflowClient
    verifier: Verifier

    @classmethod
    def of(cls, project: Project) -> "Books":
        web3 = connect(rpc_url=None, chain_id=None, home=project.home)
        deployed = find_deployment(project.home, web3.eth.chain_id)
        return cls(
            Ledger(f"sqlite:///{project.home / 'ledger.db'}"),
            MlflowClient(*[f"sqlite:///{project.home / 'mlflow.db'}"] * 2),
            Verifier.of(web3, deployed, home=project.home),
        )

    def close(self) -> None:
        self.ledger.close()
        self.verifier.web3.provider.chain.close()

    def kinds(self, attempt: str) -> list[str]:
        return [entry.kind for entry in self.ledger.entries(attempt=attempt)]

    def versions(self) -> list[Any]:
        return self.client.search_model_versions(f"name = '{MODEL}'")

    def noted(self) -> tuple[Any, ...]:
        """What must not change any more."""
        block = self.verifier.web3.eth.block_number
        return self.ledger.head(), len(self.versions()), block, self.verifier.supply()


@pytest.fixture
def books(founded):
    opened = []

    def look() -> Books:
        opened.append(Books.of(founded))
        return opened[-1]

    yield look
    for one in opened:
        one.close()


ONCE = (
    "attempt.opened",
    "look",
    "attempt.decided",
    "look.accepted",
    "holdout.retired",
    "attempt.promoted",
    "attempt.evidence",
    "settlement.intent",
    "settlement.confirmed",
    "attempt.closed",
)


def _require_done_once(books: Books, receipt: dict[str, Any]) -> None:
    attempt = receipt["attempt"]
    kinds = books.kinds(attempt)
    assert {kind: kinds.count(kind) for kind in ONCE} == dict.fromkeys(ONCE, 1), kinds
    assert len(books.ledger.entries(kind="attempt.promoted")) == 2  # the baseline's, and this one
    assert len(books.ledger.entries(kind="look")) == 1
    written = books.ledger.entries()
    assert books.ledger.verify() == len(written)
    assert (written[-1].kind, written[-1].attempt) == ("attempt.closed", attempt)

    versions = books.versions()
    assert sorted(int(version.version) for version in versions) == [1, 2]
    made = [v for v in versions if v.tags["hokusai.attempt"] == attempt]
    assert [int(version.version) for version in made] == [2]
    assert books.client.get_model_version_by_alias(MODEL, "champion").version == made[0].version
    run = books.client.get_run(receipt["run_id"])
    assert run.info.status == "FINISHED"
    assert run.data.tags["hokusai.settlement"] == "rewarded"
    found = books.client.search_runs([run.info.experiment_id])
    children = [one for one in found if "mlflow.parentRunId" in one.data.tags]
    assert len(found) - len(children) == 2, "one run for the baseline, one for the attempt"
    # Two repeats of the refits, nobody and everybody, each once and finished.
    assert len({one.data.tags["hokusai.child"] for one in children}) == len(children) == 4
    assert {one.info.status for one in children} == {"FINISHED"}
    assert len(books.client.search_logged_models([run.info.experiment_id])) == 2

    events = [e for e in books.verifier.events() if e.name == "ImprovementRecorded"]
    assert [event.arguments["evidence"] for event in events] == ["0x" + receipt["evidence"]]
    reward = receipt["payment"]["paid_bps"] * 10**16
    assert books.verifier.supply() == reward
    paid = {line["name"]: int(line["wei"]) for line in receipt["contributors"]}
    assert sum(paid.values()) + int(receipt["owner_wei"]) == reward
    for name, address in ADDRESSES.items():
        assert books.verifier.balance(address) == paid[name]
    assert books.verifier.balance(OWNER) == int(receipt["owner_wei"])
    assert books.verifier.head(MODEL).removeprefix("0x") == made[0].tags["hokusai.digest"]


def _points(points: dict[str, dict[str, Any]]) -> list[Any]:
    """Every sixth in every run of the tests, the others where there is time for all."""
    return [
        name if at % 6 == 1 else pytest.param(name, marks=pytest.mark.exhaustive)
        for at, name in enumerate(points)
    ]


@pytest.mark.parametrize("point", _points(POINTS))
def test_a_killed_run_is_finished_by_the_next(founded, books, point):
    assert founded.run(expect=None, kill=POINTS[point]).killed
    spent = books().ledger.entries(kind="look")
    receipt, again = founded.run(times=2).receipts
    assert receipt["outcome"] == "promoted", receipt["message"]
    assert receipt["settlement"]["state"] == "confirmed"
    assert again["outcome"] == "nothing_new"
    after = books()
    _require_done_once(after, receipt)
    if spent:
        assert after.ledger.entries(kind="look") == spent, "a look that was spent stays as it was"


def test_killed_again_and_again(founded, books):
    for point in list(POINTS)[1::4]:
        assert founded.run(expect=None, kill=POINTS[point]).killed, point
    receipt = founded.run().receipt
    assert receipt["outcome"] == "promoted", receipt["message"]
    assert receipt["resumed"]
    before = books()
    _require_done_once(before, receipt)
    noted = before.noted()
    assert founded.run().receipt["outcome"] == "nothing_new"
    assert books().noted() == noted


def test_a_killed_run_is_finished_from_the_inputs_that_it_kept(founded, books):
    assert founded.run(expect=None, kill=POINTS["version registered"]).killed
    shutil.rmtree(founded.folder / "data")
    (founded.folder / "recipe.py").write_text("raise SystemExit('not this one')")
    founded.edit(owner=ADDRESSES["mirror"], seed=99, contributors=[])
    receipt = founded.run().receipt
    assert (receipt["outcome"], receipt["resumed"]) == ("promoted", True)
    assert receipt["owner"].lower() == OWNER
    _require_done_once(books(), receipt)


def test_after_a_kill_before_anything_was_fitted_the_files_count(founded, books):
    assert founded.run(expect=None, kill=POINTS["inputs kept, nothing fitted"]).killed
    founded.write("west", founded.data("west").iloc[:400])
    receipt = founded.run().receipt
    assert (receipt["outcome"], receipt["resumed"]) == ("promoted", False)
    assert next(c for c in receipt["contributors"] if c["name"] == "west")["given"] == 400
    assert [e.attempt for e in books().ledger.entries(kind="attempt.opened")][1:] == [
        receipt["attempt"]
    ]


FIRST = {
    "verifier signed, not sent": {
        "call": "hokusai_mlflow.chain.deployment:broadcast",
        "when": "before",
    },
    "verifier sent, not recorded": {
        "call": "hokusai_mlflow.chain.deployment:broadcast",
        "when": "after",
    },
    "split key and keys made": {
        "call": "hokusai_mlflow.bench:development_keys",
        "when": "after",
    },
    "registered model made": {
        "call": "mlflow:MlflowClient.create_registered_model",
        "when": "after",
    },
    "lineage founded": {"call": "hokusai_mlflow.reward:found_lineage", "when": "after"},
    "alias set, not written down": {"entry": "attempt.promoted", "when": "before"},
    "baseline described, not closed": {"entry": "attempt.closed", "when": "before"},
}


@pytest.mark.parametrize("point", _points(FIRST))
def test_a_killed_first_run_registers_one_baseline(project, point):
    assert project.run(expect=None, kill=FIRST[point]).killed
    receipt, promoted = project.run(times=2).receipts
    assert (receipt["outcome"], promoted["outcome"]) == ("baseline", "promoted")
    after = Books.of(project)
    try:
        _require_done_once(after, promoted)
    finally:
        after.close()
