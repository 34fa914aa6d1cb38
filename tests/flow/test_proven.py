"""The same flow pays by proof: labels fixed on chain before training, sums proven before pay."""

import json

import numpy as np
import pytest
from flow_project import MODEL, RECIPE
from mlflow import MlflowClient

from hokusai_mlflow.chain.connect import connect
from hokusai_mlflow.chain.deployment import find_deployment
from hokusai_mlflow.chain.events import ChainEvent
from hokusai_mlflow.chain.verifier import Verifier
from hokusai_mlflow.cli.evidence_checks import check_document, check_predictions
from hokusai_mlflow.cli.proof_checks import check_proofs, check_recorded
from hokusai_mlflow.evidence import digest
from hokusai_mlflow.ledger import Ledger

# Under a minute of one core each, most of it for keys and for pairings in Python.
pytestmark = [pytest.mark.flow, pytest.mark.exhaustive, pytest.mark.timeout(900)]


def _paid(project):
    """Run the baseline and a promotion; the promotion's evidence, and the contract's client."""
    ran = project.end(project.start(times=2), seconds=800)
    assert ran.code == 0, ran.trace or ran.output
    receipt = ran.receipt
    assert receipt["outcome"] == "promoted", receipt["message"]
    assert receipt["settlement"]["state"] == "confirmed", receipt["settlement"]
    with Ledger(f"sqlite:///{project.home / 'ledger.db'}") as ledger:
        (entry,) = ledger.entries(model=MODEL, kind="attempt.evidence")
    web3 = connect(rpc_url=None, chain_id=None, home=project.home)
    deployment = find_deployment(project.home, web3.eth.chain_id)
    return entry.body["document"], Verifier.of(web3, deployment, home=project.home)


def _artifacts(project, tmp_path):
    # Both places: an earlier test of this process may have named another registry.
    client = MlflowClient(*[f"sqlite:///{project.home / 'mlflow.db'}"] * 2)
    versions = client.search_model_versions(f"name = '{MODEL}'")
    (version,) = [one for one in versions if int(one.version) == 2]
    return client.download_artifacts(version.run_id, "gate", str(tmp_path))


def _require(checks):
    assert [check for check in checks if check.ok is False] == []


def test_a_promotion_is_paid_by_proof(project, tmp_path):
    project.edit(verification="zk")
    document, verifier = _paid(project)
    stated = document["verification"]
    assert (stated["method"], stated["mode"]) == ("zk", "development")
    assert document["evaluation"]["gate"]["digest"] == stated["evaluation_set"]
    assert check_document(document, digest(document)).failed is False
    _require(check_recorded(document, verifier))

    folder = _artifacts(project, tmp_path)
    proof = tmp_path / "gate" / "proof.json"
    assert str(proof).startswith(str(folder))
    proven = check_proofs(document, proof)
    _require(proven)
    assert {"gate proof 1 of 1", "payment proof 1 of 1"} <= {check.what for check in proven}
    for which in ("gate", "payment"):
        _require(
            check_predictions(document, which, proof.with_name(f"{which}-predictions.parquet"))
        )
    # Neither labels nor salts are in what is published.
    assert set(json.loads(proof.read_text())) == {"chain_id", "contract", "improvement", "proven"}

    events = verifier.web3.eth.get_logs({"address": verifier.proofs(), "fromBlock": 0})
    (moved,) = [event for event in verifier.events() if _is_payment(event)]
    assert max(log["blockNumber"] for log in events) < moved.block
    verifier.web3.provider.chain.close()


def test_public_sources_are_left_to_oracles(project):
    pool = project.data("pool")
    pool["from"] = np.where(np.arange(len(pool)) % 2 == 0, "registry", "clinic")
    project.write("pool", pool)
    sources = {"registry": "public", "clinic": "private"}
    project.edit(
        verification="hybrid",
        metric="f1",
        also_log=["accuracy"],
        data={"source": "from", "sources": sources},
    )
    document, verifier = _paid(project)
    assert document["verification"]["statement"]["counted"] == "confusion"
    proven = sum(chunk["n"] for chunk in document["verification"]["gate"])
    assert 0 < proven < document["evaluation"]["gate"]["n"]
    _require(check_recorded(document, verifier))
    verifier.web3.provider.chain.close()


def test_an_error_metric_is_paid_by_proof(project, tmp_path):
    """Targets in whole steps of a public range, losses clipped at the cap, pay by half a log."""
    rng = np.random.default_rng(9)
    for name in ("pool", "east", "west", "mirror"):
        rows = project.data(name)
        # A slope: how far the nearest example is tells how wrong it is.
        slope = (rows.x + rows.y) / 4 + rng.normal(0, 0.02, len(rows))
        project.write(name, rows.assign(colour=slope))
    regressor = RECIPE.replace("KNeighborsClassifier", "KNeighborsRegressor")
    (project.folder / "recipe.py").write_text(regressor)
    project.edit(
        task="regression",
        metric="rmse",
        metric_options={"cap": 0.25},
        also_log=["mae"],
        verification="zk",
        gate={"detectable_bps": 2_000},
        proof={"target_range": [-1, 5], "steps": 100},
    )
    document, verifier = _paid(project)
    stated = document["verification"]["statement"]
    assert (stated["counted"], stated["range"]) == ("squared_loss", 100)
    assert check_document(document, digest(document)).failed is False
    _artifacts(project, tmp_path)
    proof = tmp_path / "gate" / "proof.json"
    _require(check_proofs(document, proof))
    _require(check_predictions(document, "gate", proof.with_name("gate-predictions.parquet")))
    _require(check_recorded(document, verifier))
    verifier.web3.provider.chain.close()


def _is_payment(event: ChainEvent) -> bool:
    return event.name == "ImprovementRecorded"
