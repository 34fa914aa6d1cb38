"""`hokusai verify`: evidence alone, on its predictions, and changed afterwards."""

import json

import numpy as np
import pandas as pd
import pytest

from hokusai_mlflow import evidence
from hokusai_mlflow.contributions.digests import evaluation_digest
from hokusai_mlflow.deltaone import PairedSums, improvement_bps
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.stats.comparison import compare_outputs
from hokusai_mlflow.stats.paired import paired_scores

FINDING = {"code": "significance", "outcome": "passed", "message": "", "remedy": "", "figures": {}}


def _predictions(seed):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, 500)
    said = [np.where(rng.random(500) < p, truth, (truth + 1) % 3) for p in (0.7, 0.9)]
    ids = [f"{n:04d}" for n in range(500)]
    columns = {"id": ids, "target": truth, "champion": said[0], "candidate": said[1]}
    return pd.DataFrame(columns)


@pytest.fixture
def made(folder):
    """An evidence document with its predictions beside it: (path, document)."""
    of, sums, sets = metric("accuracy"), {}, {}
    for which, seed in (("gate", 1), ("payment", 2)):
        rows = _predictions(seed)
        rows.to_parquet(folder / f"{which}-predictions.parquet")
        scores = paired_scores(of, rows.target, rows.champion, rows.candidate)
        sums[which] = PairedSums.of(*scores)
        digest = evaluation_digest(rows.id.to_numpy(), rows.target.to_numpy())
        sets[which] = {"part": which, "digest": digest, "n": len(rows)}
        if which == "gate":
            compared = compare_outputs(of, rows.target, rows.champion, rows.candidate)
    document = evidence.build(
        model="board",
        champion={"version": 1, "digest": "1" * 64},
        candidate={"version": 2, "digest": "2" * 64},
        evaluation=sets,
        metric="accuracy",
        metric_options={},
        policy={"alpha": 0.05},
        look={"number": 1, "quota": 20, "level": 0.05},
        comparison=compared.to_dict(),
        crossval={},
        decision={"verdict": "promote", "findings": [FINDING], "signature": ""},
        gate_sums=sums["gate"],
        payment_sums=sums["payment"],
        payment={"paid_bps": improvement_bps("linear", sums["payment"])},
        contributions={"shares": {"east": 10_000}, "addresses": {}},
        versions={},
        seeds={},
    )
    path = folder / "evidence.json"
    path.write_text(document.to_json())
    return path, document


def _checks(answered):
    return {one["what"]: one["ok"] for one in json.loads(answered.stdout)["checks"]}


def test_evidence_with_its_predictions_beside_it_checks_out(call, made):
    path, document = made
    answered = call("verify", path, "--digest", document.digest, "--json")
    assert answered.exit_code == 0, answered.output
    checks = _checks(answered)
    for what in ("digest", "gate paired sums", "comparison", "payment paired sums"):
        assert checks[what] is True
    assert checks["chain"] is None


def test_what_could_not_be_checked_is_said(call, made, folder):
    path, _ = made
    for which in ("gate", "payment"):
        (folder / f"{which}-predictions.parquet").unlink()
    answered = call("verify", path)
    assert answered.exit_code == 0
    assert "– gate predictions  none given; give them with --data" in answered.stdout
    assert "– payment predictions  none given; give them with --payment-data" in answered.stdout
    assert "– chain  not asked" in answered.stdout
    assert "No evidence shows that labels are true" in answered.stdout


def test_another_digest_than_claimed(call, made):
    answered = call("verify", made[0], "--digest", "ab" * 32)
    assert answered.exit_code == 4
    assert "✗ digest" in answered.stdout


CHANGES = {
    "paid ≤ measured": lambda d: d["payment"].update(paid_bps=9_999),
    "policy digest": lambda d: d["policy"].update(alpha=0.5),
    "gate paired sums": lambda d: d["paired_sums"]["gate"].update(n=501),
    "gate commitment to ids and targets": lambda d: d["evaluation"]["gate"].update(digest="0" * 64),
    "gate examples": lambda d: d["evaluation"]["gate"].update(n=501),
    "comparison": lambda d: d["comparison"].update(p_value=0.9),
    "sections": lambda d: d.pop("paired_sums"),
    "sections of the predictions": lambda d: d.pop("evaluation"),
    "document": lambda d: d.update(policy=float("nan")),
    "format": lambda d: d.update(format="another/1"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_document_does_not_check_out(call, made, what):
    path, _ = made
    document = json.loads(path.read_text())
    CHANGES[what](document)
    what = what.removesuffix(" of the predictions")
    path.write_text(json.dumps(document))
    answered = call("verify", path, "--json")
    assert answered.exit_code == 4, answered.output
    assert _checks(answered)[what] is False


def test_changed_predictions_do_not_check_out(call, made, folder):
    rows = _predictions(1)
    rows.loc[3, "candidate"] = (rows.loc[3, "candidate"] + 1) % 3
    rows.to_csv(folder / "other.csv", index=False)
    answered = call("verify", made[0], "--data", "other.csv", "--json")
    assert answered.exit_code == 4
    checks = _checks(answered)
    assert checks["gate commitment to ids and targets"] is True
    assert checks["gate paired sums"] is False


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [(None, 2, "no evidence at"), ("{", 4, "is not JSON"), ("[]", 4, "expected an object")],
)
def test_what_is_no_evidence(call, folder, content, code, message):
    if content is not None:
        (folder / "it.json").write_text(content)
    answered = call("verify", "it.json")
    assert answered.exit_code == code
    assert message in answered.stderr


@pytest.mark.filterwarnings("ignore")
def test_a_chain_that_does_not_exist_yet_is_no_proof_of_anything(call, made, folder, mlflow_loaded):
    answered = call("verify", made[0], "--chain", "--json")
    assert answered.exit_code == 0
    assert _checks(answered)["chain"] is None
    assert not (folder / ".hokusai").exists()
