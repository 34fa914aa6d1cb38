"""The label owner: commits to diagnoses, later proves how often two models were right about them.

python label_owner.py commit | prove
"""

import json
import platform
import sys
import time

import numpy as np
import pandas as pd
import parties

from hokusai_mlflow import compare, evidence, gate
from hokusai_mlflow.chain.outbox import Outbox
from hokusai_mlflow.chain.proof_verifier import ProofVerifier
from hokusai_mlflow.chain.proven import Proof, Proven, context_of
from hokusai_mlflow.chain.signer import development_keys
from hokusai_mlflow.deltaone import improvement_bps
from hokusai_mlflow.gate import Case, GatePolicy
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.verification.claimed import improvement_from
from hokusai_mlflow.verification.zk import proving
from hokusai_mlflow.verification.zk.circuit import Rows
from hokusai_mlflow.verification.zk.columns import Column, new_salt
from hokusai_mlflow.verification.zk.keys import KeyStore, verifying_key

MINE = parties.DATA / "label_owner"
SECRET = MINE / "salt.json"
WEEK = 7 * 86_400


def commit() -> None:
    """Fix the diagnoses on chain, and publish the cases without them."""
    cases = pd.read_csv(MINE / "cases.csv")
    salt = new_salt()
    SECRET.write_text(json.dumps(hex(salt)))
    labels = parties.STATEMENT.labels(cases["malignant"])
    commitment = parties.circuit().commitment(Column.LABELS, labels, salt)
    bench, home = parties.chain(), Settings().prepare().home
    signer = development_keys(home).oracles[2]
    found = ProofVerifier(bench.verifier).commit(signer, parties.MODEL, [commitment])
    cases.drop(columns="malignant").to_csv(parties.EXCHANGE / "cases.csv", index=False)
    parties.publish("labels.json", {"evaluation_set": found, "labels": hex(commitment)})
    print(f"{len(cases)} diagnoses are fixed on chain as {found[:18]}…")


def prove() -> None:
    """Write the evidence, prove its sums, and have the improvement paid."""
    statement, home = parties.STATEMENT, Settings().prepare().home
    cases = pd.read_csv(MINE / "cases.csv").set_index("case")["malignant"]
    said = pd.read_csv(MINE / "from_model_owner" / "predictions.csv").set_index("case")
    said = said.loc[cases.index]
    salts = json.loads((MINE / "from_model_owner" / "salts.json").read_text())
    rows = Rows(
        statement.labels(cases),
        statement.predictions(said["champion"]),
        statement.predictions(said["candidate"]),
        tuple(int(x, 16) for x in (json.loads(SECRET.read_text()), *salts.values())),
    )
    key = KeyStore(home / "zk").get(parties.circuit())
    document = written(cases.to_numpy(), said, rows, key)
    bench = parties.chain()
    improvement = improvement_from(document, int(time.time()) + WEEK)
    context = context_of(improvement, bench.verifier.domain)
    found = proving.prove(parties.circuit(), rows, context, KeyStore(home / "zk"))
    _, n, label, champion, candidate, *counts = found.inputs
    proof = Proof(n, champion, candidate, tuple(counts), tuple(found.proof.words()))
    proven = Proven(tuple(verifying_key(key).words()), (label,), (proof,))
    parties.publish("evidence.json", document)
    told = {"chain_id": bench.verifier.chain_id, "contract": bench.verifier.address}
    told |= {"improvement": improvement.to_dict(), "proven": proven.to_dict()}
    parties.publish("proof.json", told)
    # Whoever has the proof may hand it in; it pays whom it names.
    with Ledger(f"sqlite:///{MINE / 'ledger.db'}") as ledger:
        outbox = Outbox(ledger, bench.verifier, development_keys(home).oracles[2])
        outbox.enqueue(improvement, [], model=parties.MODEL, attempt=None, proven=proven)
        (settlement,) = outbox.settle()
    print(settlement)


def written(truth: np.ndarray, said: pd.DataFrame, rows: Rows, key) -> dict:
    """The evidence: what was compared and found, in commitments."""
    models = [parties.published(f"{name}.json") for name in ("champion", "candidate")]
    labels = parties.published("labels.json")
    offered = parties.published("contribution.json")
    policy = GatePolicy(detectable_bps=900)
    of = metric("accuracy", classes=(0, 1))
    found = compare(truth, said["champion"].to_numpy(), said["candidate"].to_numpy(), metric=of)
    decision = gate.decide(Case.of(of, found, None, policy, same_model=False))
    if not decision.promoted:
        raise SystemExit(f"nothing to pay: {decision!r}")
    sums = parties.STATEMENT.sums(
        parties.STATEMENT.tally(rows.labels, rows.champion, rows.candidate)
    )
    evaluation_set = labels["evaluation_set"].removeprefix("0x")
    examined = {"part": "cases", "digest": evaluation_set, "n": len(truth)}
    chunk = {"n": len(truth), "labels": labels["labels"], **models[1]["predictions"]}
    bps = improvement_bps("linear", sums)
    made = evidence.build(
        model=parties.MODEL,
        champion={"version": 1, "digest": models[0]["digest"]},
        candidate={"version": 2, "digest": models[1]["digest"]},
        evaluation={"gate": examined, "payment": examined, "columns": {}},
        metric="accuracy",
        metric_options={"classes": [0, 1]},
        policy=policy.to_dict(),
        look={"number": 1, "quota": 1, "level": 0.05},
        comparison=found.to_dict(),
        crossval={},
        decision=decision.to_dict(),
        gate_sums=sums,
        payment_sums=sums,
        payment={"policy": "measured", "measured_bps": bps, "paid_bps": bps, "n": len(truth)},
        contributions={
            "shares": {"contributor": 10_000},
            "addresses": {"contributor": offered["address"]},
            "data": offered["digest"],
        },
        versions={"python": platform.python_version()},
        seeds={},
        verification={
            "method": "zk",
            "oracles_too": False,
            "statement": parties.STATEMENT.to_dict(),
            "key": key.hash,
            "mode": key.mode,
            "evaluation_set": evaluation_set,
            "shown": None,
            "gate": [chunk],
            "payment": [],
        },
    )
    return made.to_dict()


if __name__ == "__main__":
    {"commit": commit, "prove": prove}[sys.argv[1]]()
