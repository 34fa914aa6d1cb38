"""Oracles elsewhere: asked at a place, signing only what they have verified, once per head."""

import json

import pandas as pd
import pytest
from chain_world import CONTRIBUTORS, FAR
from oracles_world import Scene, document_about
from outbox_world import open_paying

from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.verification.claimed import improvement_from
from hokusai_mlflow.verification.exchange import Exchange

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow and web3 warn of themselves.


@pytest.fixture
def paying(world):
    opened = open_paying(world.home)
    yield opened
    opened.ledger.close()
    opened.provider.chain.close()


@pytest.fixture
def scene(paying, tmp_path):
    return Scene(paying, tmp_path)


def test_two_oracles_elsewhere_sign_and_it_is_paid(scene, paying):
    scene.ask()
    (waiting,) = scene.collect()
    assert (waiting.state, waiting.evidence) == ("waiting", scene.document.digest)
    assert "0 of 2 oracles have signed" in waiting.error
    for number in (0, 2):
        answered = scene.attest(number)
        assert answered.exit_code == 0, answered.output
        (address,) = json.loads(answered.stdout)["signatures"]
        assert address == scene.keys[number]["address"]
    assert scene.collect() == []
    (paid,) = scene.outbox.settle()
    assert paid.state == "confirmed"
    assert set(paid.paid) > set(CONTRIBUTORS[:2])
    assert scene.collect() == [], "what is enqueued is not asked for again"
    assert all(secret["private_key"][2:] not in str(scene.files()) for secret in scene.keys)


def test_asking_again_is_the_same_request(scene):
    from dataclasses import replace

    first = scene.ask()
    assert scene.ask(replace(scene.improvement, deadline=FAR + 5)) == first


def test_a_signature_again_is_the_same_and_the_log_holds(scene):
    scene.ask()
    first, again = scene.attest(0), scene.attest(0)
    assert (first.exit_code, again.stdout) == (0, first.stdout)
    with Ledger(f"sqlite:///{scene.folder / 'oracle-0' / 'oracle.db'}") as log:
        assert log.verify() == 2
        assert [entry.kind for entry in log.entries()] == ["oracle.admitted", "oracle.signed"]


def test_never_two_candidates_for_one_head(scene):
    scene.ask()
    assert scene.attest(0).exit_code == 0
    other = document_about(scene.folder / "other", candidate="3" * 64)
    scene.ask(improvement_from(other.document, FAR))
    answered = scene.attest(0, evidence_folder="other")
    assert answered.exit_code == 4
    assert "signs no other one for it" in json.loads(answered.stdout)["error"]["message"]
    assert scene.attest(1, evidence_folder="other").exit_code == 0, "another oracle may"


def change_one(scene, which, column):
    rows = pd.read_parquet(scene.folder / "evidence" / f"{which}.parquet")
    # A wrong answer that is wrong in another way would change no sum.
    right = rows.loc[7, column] == rows.loc[7, "target"]
    rows.loc[7, column] = (rows.loc[7, "target"] + 1) % 3 if right else rows.loc[7, "target"]
    path = scene.folder / "own.parquet"
    rows.to_parquet(path)
    return {("data" if which == "gate" else "payment-data"): path}


@pytest.mark.parametrize("which", ["gate", "payment"])
@pytest.mark.parametrize("column", ["target", "champion", "candidate"])
def test_one_different_value_in_the_own_data_and_nothing_is_signed(scene, which, column):
    scene.ask()
    answered = scene.attest(0, **change_one(scene, which, column))
    assert answered.exit_code == 4, answered.output
    assert "does not check out" in json.loads(answered.stdout)["error"]["message"]
    assert scene.files() == ["request.json"]
    assert not (scene.folder / "oracle-0" / "oracle.db").exists()


def test_the_payment_set_is_asked_for(scene):
    scene.ask()
    answered = scene.attest(0, **{"payment-data": None})
    assert answered.exit_code == 2
    assert "--payment-data" in json.loads(answered.stdout)["error"]["message"]


def test_a_request_that_asks_for_more_than_the_evidence_is_refused(scene, paying):
    from dataclasses import replace

    greedy = replace(scene.improvement, contributors=CONTRIBUTORS[1:], weights=(9_000, 1_000))
    scene.ask(greedy)
    answered = scene.attest(0)
    assert answered.exit_code == 4
    assert "another contributors, weights" in json.loads(answered.stdout)["error"]["message"]


def test_an_oracle_signs_for_its_own_contract_only(scene):
    scene.ask()
    for wrong in ({"chain-id": 1}, {"verifier": CONTRIBUTORS[0]}):
        answered = scene.attest(0, **wrong)
        assert answered.exit_code == 4
        assert "this oracle signs for" in json.loads(answered.stdout)["error"]["message"]


def test_what_others_put_there_does_not_count(scene):
    scene.ask()
    stranger = "0x" + "4c" * 32
    assert scene.attest(0).exit_code == 0
    assert scene.attest(0, key=stranger).exit_code == 0
    folder = scene.place / scene.document.digest
    (folder / "0xgarbage.json").write_text("{")
    (folder / "0xlist.json").write_text("[]")
    (folder / "0xshort.json").write_text('{"signature": "0x12"}')
    copied = (folder / f"{scene.keys[0]['address']}.json").read_text()
    (folder / "0xcopy.json").write_text(copied)
    assert "1 of 2 oracles have signed" in scene.collect()[0].error


def test_a_place_may_be_an_artifact_location(scene, monkeypatch):
    monkeypatch.setattr(Exchange, "_folder", None)
    scene.place = (scene.folder / "artifacts").as_uri()
    scene.ask()
    for number in (0, 1):
        assert scene.attest(number).exit_code == 0
    assert scene.collect() == []
    assert scene.outbox.settle()[0].state == "confirmed"
