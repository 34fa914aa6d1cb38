"""The same flow pays only for predictions that are proven to be the registered models'."""

import json

import numpy as np
import pandas as pd
import pytest
from flow_project import MODEL

from hokusai_mlflow.chain.connect import connect
from hokusai_mlflow.chain.deployment import find_deployment
from hokusai_mlflow.chain.inference_verifier import InferenceVerifier
from hokusai_mlflow.chain.proof_verifier import ProofVerifier
from hokusai_mlflow.chain.verifier import Verifier
from hokusai_mlflow.cli.inference_checks import WHAT, check_inferred
from hokusai_mlflow.cli.proof_checks import assumptions, check_recorded
from hokusai_mlflow.ledger import Ledger

pytestmark = [pytest.mark.flow, pytest.mark.timeout(900)]

LINE = '''"""A line decides."""
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def build(seed):
    return make_pipeline(StandardScaler(), LogisticRegression())
'''
TREE = '''"""A tree decides."""
from sklearn.tree import DecisionTreeClassifier


def build(seed):
    return DecisionTreeClassifier(random_state=seed)
'''
CLIENT = "hokusai_mlflow.chain.inference_verifier:InferenceVerifier"


@pytest.fixture
def lines(project):
    """Twelve numbers, a line between two colours, and inference to be proven."""
    rng = np.random.default_rng(5)
    slope = rng.normal(size=12)

    def rows(n, name):
        x = rng.normal(size=(n, 12))
        colour = np.where(rng.random(n) < 0.02, x @ slope < 0, x @ slope > 0).astype(int)
        places = {f"x{k}": x[:, k] for k in range(12)}
        squares = [f"{name}-{i}" for i in range(n)]
        return pd.DataFrame({"square": squares, **places, "colour": colour})

    for name, n in (("pool", 500), ("east", 300), ("west", 200)):
        project.write(name, rows(n, name))
    (project.folder / "recipe.py").write_text(LINE)
    contributors = [one for one in project.spec["contributors"] if one["name"] != "mirror"]
    project.edit(
        contributors=contributors,
        verification="zk",
        gate={"detectable_bps": 2000},
        data={"split": {"reference": 0.06}},
        # 7 rows of every part, so that proofs take seconds.
        proof={"prove_inference": True, "capacity": 128, "bad_share": 0.3, "miss": 0.1},
    )
    return project


def chain_of(project):
    web3 = connect(rpc_url=None, chain_id=None, home=project.home)
    verifier = Verifier.of(web3, find_deployment(project.home, 31_337), home=project.home)
    return verifier, InferenceVerifier.find(ProofVerifier(verifier))


def evidence_of(project):
    with Ledger(f"sqlite:///{project.home / 'ledger.db'}") as ledger:
        (entry,) = ledger.entries(model=MODEL, kind="attempt.evidence")
    return entry.body["document"]


@pytest.mark.exhaustive
def test_killed_at_every_step_it_commits_once_and_pays_once(lines):
    """Some 60 s of one core."""
    lines.run()
    for call, when in (
        (f"{CLIENT}.commit_features", "after"),
        (f"{CLIENT}.commit_predictions", "after"),
        (f"{CLIENT}.fix_draw", "before"),
        (f"{CLIENT}.fix_draw", "after"),
        (f"{CLIENT}.prove", "before"),
        (f"{CLIENT}.prove", "after"),
    ):
        ran = lines.end(lines.start(kill={"call": call, "when": when}), seconds=300)
        assert ran.killed, (call, when, ran.trace or ran.output)
    ran = lines.end(lines.start(), seconds=300)
    assert ran.code == 0, ran.trace or ran.output
    assert ran.receipt["settlement"]["state"] == "confirmed", ran.receipt
    document = evidence_of(lines)
    verifier, contract = chain_of(lines)
    for name in ("PredictionsCommitted", "RowsDrawn", "FeaturesCommitted"):
        assert len(contract._contract.events[name]().get_logs(from_block=0)) == 1, name
    checks = check_recorded(document, verifier)
    assert [check for check in checks if check.ok is False] == []
    assert {WHAT, "draw", "inference proof 1", "inference proof 3"} <= {c.what for c in checks}
    stated = document["verification"]["inference"]
    assert stated["rows"] == 7
    assert 0.99 <= stated["models"]["candidate"]["agreement"] <= 1
    assert any("weights" in sentence for sentence in assumptions(document))

    assert len([c for c in checks if c.what.startswith("inference proof")]) == 3

    # What the chain has is held against the evidence, not taken from it.
    for path in (("weights", "champion"), ("features", 0)):
        changed = json.loads(json.dumps(document))
        holder = changed["verification"]["inference"][path[0]]
        holder[path[1]] = hex(int(holder[path[1]], 16) ^ 1)
        assert any(check.ok is False for check in check_inferred(changed, verifier)), path
    changed = json.loads(json.dumps(document))
    changed["verification"]["inference"]["rows"] = 8
    assert any(check.ok is False for check in check_inferred(changed, verifier))
    verifier.web3.provider.chain.close()


def test_a_model_that_cannot_be_proven_is_refused_before_anything_is_spent(lines):
    (lines.folder / "recipe.py").write_text(TREE)
    ran = lines.run(expect=None)
    assert ran.code != 0
    assert "cannot prove DecisionTreeClassifier" in ran.error, ran.trace
    with Ledger(f"sqlite:///{lines.home / 'ledger.db'}") as ledger:
        assert ledger.entries(model=MODEL) == []
    assert not (lines.home / "chain" / "31337.json").exists()


@pytest.mark.exhaustive
def test_a_champion_in_floats_cannot_be_challenged_in_whole_numbers(lines):
    lines.edit(proof=None)
    lines.run()
    lines.edit(proof={"prove_inference": True, "capacity": 128})
    verifier, _ = chain_of(lines)
    before = verifier.web3.eth.block_number
    ran = lines.run(expect=None)
    assert "registered without prove_inference" in ran.error, ran.trace
    assert verifier.web3.eth.block_number == before
    verifier.web3.provider.chain.close()
