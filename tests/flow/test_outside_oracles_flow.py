"""The whole flow with oracles elsewhere: each in a process, with a home and data of its own.

Takes about a minute. The keys are known here, so that everything the run leaves behind, in MLflow,
Prefect, the ledger, logs and the exchange, can be searched for them.
"""

import json
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pytest
from flow_project import ADDRESSES, OWNER, clean_environment
from pydantic import SecretStr
from texts_project import TRANSLATOR, of_texts

from hokusai_mlflow.chain.connect import connect
from hokusai_mlflow.chain.deployment import deploy
from hokusai_mlflow.chain.local import LocalChain, serve
from hokusai_mlflow.chain.signer import LocalKey
from hokusai_mlflow.chain.verifier import Verifier

pytestmark = [pytest.mark.flow, pytest.mark.exhaustive]

SENDER = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
ORACLES = [f"{number}f" * 32 for number in (3, 4, 5)]


@pytest.fixture
def node(tmp_path):
    """A chain that is reached by its URL only."""
    keys = [LocalKey.from_secret(SecretStr(secret)) for secret in (SENDER, *ORACLES)]
    chain = LocalChain(tmp_path / "node.sqlite", endow=(keys[0].address,))
    server = serve(chain)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", keys
    server.shutdown()
    server.server_close()
    thread.join()
    chain.close()


def hokusai(*arguments, cwd, **environment):
    """A command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "hokusai_mlflow.cli", *map(str, arguments)],
        cwd=cwd,
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def copy_for_an_oracle(project, folder, part=".", target="colour"):
    """What an oracle has: the evidence, both models' predictions, and its own targets."""
    folder.mkdir()
    (evidence,) = project.home.rglob("gate/evidence.json")
    (folder / "evidence.json").write_bytes(evidence.read_bytes())
    truth = project.data("pool").set_index("square")[target]
    for which in ("gate", "payment"):
        rows = pd.read_parquet(evidence.parent / part / f"{which}-predictions.parquet")
        rows["target"] = truth.loc[rows["id"]].to_numpy()
        rows.to_parquet(folder / f"{which}.parquet")
    return folder


def attest(place, own, key, contract):
    return hokusai(
        *("attest", "evidence.json", "--place", place, "--data", "gate.parquet"),
        *("--payment-data", "payment.parquet", "--verifier", contract, "--json"),
        cwd=own,
        HOKUSAI_HOME=str(own / "home"),
        HOKUSAI_CHAIN_ID="31337",
        HOKUSAI_ORACLE_KEYS=key,
    )


def elsewhere(project, node, place):
    """A contract on a chain that is reached by its URL, and a spec that asks oracles at a place."""
    url, (sender, *oracles) = node
    reached = {"HOKUSAI_RPC_URL": url, "HOKUSAI_CHAIN_ID": "31337", "HOKUSAI_SIGNER_KEY": SENDER}
    web3 = connect(rpc_url=url, chain_id=31337, home=project.home)
    addresses = [oracle.address for oracle in oracles]
    deployment = deploy(web3, sender, oracles=addresses, quorum=2, home=project.home)
    project.edit(chain={"attestations": str(place)})
    project.env |= reached
    return Verifier.of(web3, deployment, home=project.home), reached


def end_sessions(web3):
    for session in web3.provider._request_session_manager.session_cache._data.values():
        session.close()


def forms_of(secret):
    raw = bytes.fromhex(secret)
    return secret.encode(), secret.upper().encode(), raw, str(int(secret, 16)).encode()


def test_a_run_whose_improvement_oracles_elsewhere_sign(project, node, tmp_path, tmp_path_factory):
    place = tmp_path / "place"
    addresses = [oracle.address for oracle in node[1][1:]]
    verifier, reached = elsewhere(project, node, place)

    baseline, promoted = project.run(times=2).receipts
    assert baseline["outcome"] == "baseline"
    assert promoted["outcome"] == "promoted", promoted["message"]
    assert promoted["settlement"]["state"] == "waiting"
    assert "0 of 2 oracles have signed" in promoted["settlement"]["error"]
    assert verifier.supply() == 0

    settle = {"cwd": project.folder, **reached}
    for number, secret in enumerate(ORACLES[:2]):
        own = copy_for_an_oracle(project, tmp_path / f"oracle-{number}")
        signed = attest(place, own, secret, verifier.address)
        assert signed.returncode == 0, signed.stderr
        assert list(json.loads(signed.stdout)["signatures"]) == [addresses[number]]
    settled = hokusai("settle", "pipeline.yaml", "--json", **settle)
    assert settled.returncode == 0, settled.stderr
    (told,) = json.loads(settled.stdout)["settlements"]
    assert told["state"] == "confirmed"
    due = {ADDRESSES[line["name"]] for line in promoted["contributors"] if line["share"]}
    assert {account.lower() for account in told["paid"]} == {OWNER, *due}
    assert int(told["reward"]) == verifier.supply() > 0
    audited = hokusai("chain", "audit", "pipeline.yaml", **settle)
    assert audited.returncode == 0, audited.stdout + audited.stderr

    searched = 0
    for path in tmp_path_factory.getbasetemp().rglob("*"):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            searched += 1
            for secret in (SENDER, *ORACLES):
                assert not [form for form in forms_of(secret) if form in content], path
    assert searched > 50
    end_sessions(verifier.web3)


@pytest.mark.timeout(900)
def test_a_hybrid_whose_public_part_oracles_elsewhere_sign(project, node, tmp_path):
    """Under a minute of one core. Of three oracles one has other data, and signs nothing."""
    pool = project.data("pool")
    pool["from"] = np.where(np.arange(len(pool)) % 2 == 0, "registry", "clinic")
    project.write("pool", pool)
    sources = {"registry": "public", "clinic": "private"}
    project.edit(verification="hybrid", data={"source": "from", "sources": sources})
    place = tmp_path / "place"
    verifier, reached = elsewhere(project, node, place)

    ran = project.end(project.start(times=2), seconds=800)
    assert ran.code == 0, ran.trace or ran.output
    assert ran.receipt["outcome"] == "promoted", ran.receipt["message"]
    assert "0 of 2 oracles have signed" in ran.receipt["settlement"]["error"]

    private = set(pool[pool["from"] == "clinic"].square)
    codes = []
    for number, secret in enumerate(ORACLES):
        own = copy_for_an_oracle(project, tmp_path / f"oracle-{number}", "public")
        seen = pd.read_parquet(own / "gate.parquet")
        assert not private & set(seen["id"])
        if number == 1:
            seen.loc[0, "candidate"] = 1 - seen.loc[0, "candidate"]
            seen.to_parquet(own / "gate.parquet")
        answered = attest(place, own, secret, verifier.address)
        codes.append(answered.returncode)
    assert codes == [0, 4, 0], answered.stderr
    (asked,) = place.iterdir()
    assert len(list(asked.glob("0x*.json"))) == 2

    settled = hokusai("settle", "pipeline.yaml", "--json", cwd=project.folder, **reached)
    assert settled.returncode == 0, settled.stderr
    (told,) = json.loads(settled.stdout)["settlements"]
    assert told["state"] == "confirmed"
    assert int(told["reward"]) == verifier.supply() > 0
    (evidence,) = project.home.rglob("gate/evidence.json")
    checked = hokusai(*("verify", evidence, "--chain", "--json"), cwd=project.folder, **reached)
    assert checked.returncode == 0, checked.stdout
    held = {line["what"]: line["ok"] for line in json.loads(checked.stdout)["checks"]}
    assert held["gate proof 1 of 1 (chain)"]
    assert held["payment sums ⇐ proofs"]
    end_sessions(verifier.web3)


def test_oracles_elsewhere_sign_for_texts(project, node, tmp_path):
    place = tmp_path / "place"
    of_texts(project, "translation", **TRANSLATOR)
    verifier, reached = elsewhere(project, node, place)
    promoted = project.run(times=2).receipt
    assert promoted["settlement"]["state"] == "waiting", promoted["message"]
    for number, secret in enumerate(ORACLES[:2]):
        own = copy_for_an_oracle(project, tmp_path / f"oracle-{number}", target="german")
        if not number:
            kept = (own / "payment.parquet").read_bytes()
            wrong = pd.read_parquet(own / "payment.parquet")
            wrong.loc[3, "target"] += " nicht"
            wrong.to_parquet(own / "payment.parquet")
            refused = attest(place, own, secret, verifier.address)
            assert refused.returncode == 4, refused.stdout + refused.stderr
            (own / "payment.parquet").write_bytes(kept)
        signed = attest(place, own, secret, verifier.address)
        assert signed.returncode == 0, signed.stdout + signed.stderr
    settled = hokusai("settle", "pipeline.yaml", "--json", cwd=project.folder, **reached)
    (told,) = json.loads(settled.stdout)["settlements"]
    assert told["state"] == "confirmed"
    end_sessions(verifier.web3)
