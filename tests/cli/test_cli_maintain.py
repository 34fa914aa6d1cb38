"""`hokusai chain maintain|held`: what is held back of a reward, decided by a later measurement."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hokusai_mlflow import terms
from hokusai_mlflow.bench import open_chain
from hokusai_mlflow.chain.audit import audit
from hokusai_mlflow.chain.maintenance import RECORDED, SIGNED
from hokusai_mlflow.deltaone import PairedSums
from hokusai_mlflow.errors import EvidenceMismatch
from hokusai_mlflow.evidence import build, digest
from hokusai_mlflow.history.monitoring import record_measurement
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.monitoring import holdback
from hokusai_mlflow.monitoring.watches import Look
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.spec import ChainSpec, load_spec
from hokusai_mlflow.stats.watching import Fresh
from hokusai_mlflow.terms import model_config
from hokusai_mlflow.verification import maintaining
from hokusai_mlflow.verification.claimed import improvement_from
from hokusai_mlflow.verification.maintaining import report_of
from hokusai_mlflow.verification.oracle import attest

SPEC = """\
model: board
task: classification
recipe: recipe.py
metric: accuracy
owner: "0x00000000000000000000000000000000000000aa"
data: {pool: pool.csv, target: label, id: id}
"""
GENESIS = "1" * 64
HELD = 3 * 10**18
PAYEE = "0x00000000000000000000000000000000000000a1"


def predictions(seed, better, n=400):
    """Answers of which the candidate's are right so many more times, of n."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    right = np.arange(n) < n * 0.7
    also = np.arange(n) < n * 0.7 + better
    return pd.DataFrame(
        {
            "id": [f"{seed}-{place}" for place in range(n)],
            "target": truth,
            "champion": np.where(right, truth, 1 - truth),
            "candidate": np.where(also, truth, 1 - truth),
        }
    )


@pytest.fixture
def paid(folder):
    """An improvement of 1 000 bps, 10 DeltaOnes, of which 30 % are held back for no time."""
    sums = PairedSums.of([1.0] * 280 + [0.0] * 120, [1.0] * 320 + [0.0] * 80)
    document = build(
        model="board",
        champion={"digest": GENESIS},
        candidate={"digest": "2" * 64},
        evaluation={which: {"digest": "5" * 64, "n": 400} for which in ("gate", "payment")},
        metric="accuracy",
        metric_options={},
        policy={},
        look={"number": 1},
        comparison={},
        crossval={},
        decision={},
        gate_sums=sums,
        payment_sums=sums,
        payment={"paid_bps": 1000},
        contributions={"shares": {"east": 10_000}, "addresses": {"east": PAYEE}},
        versions={},
        seeds={},
    )
    (folder / "evidence.json").write_text(document.to_json())
    (folder / "pipeline.yaml").write_text(SPEC + "chain: {holdback_percent: 30}\n")
    return document.to_dict()


@pytest.fixture
def bench(folder, paid):
    """The contract that pays it."""
    (folder / "recipe.py").write_text("def build(seed): ...\n")
    for name in ("pool", "east"):
        (folder / f"{name}.csv").write_text("id,label,x\n")
    return open_chain(ChainSpec(), Settings().prepare())


def pay(bench, document, **terms):
    config = replace(model_config(load_spec("pipeline.yaml")), **terms)
    bench.verifier.configure_model(bench.sender, "board", config, "0x" + GENESIS)
    improvement = improvement_from(document, 2**40)
    signatures = attest(improvement, bench.verifier.domain, bench.oracles)
    bench.verifier.transact(bench.sender, "processImprovement", improvement.message(), signatures)


def test_terms_come_from_the_spec(bench, paid):
    config = model_config(load_spec("pipeline.yaml"))
    assert (config.holdback, config.holdback_period) == (3_000, 30 * 86_400)
    pay(bench, paid)
    standing = bench.verifier.model("board")
    assert standing.has_terms(config)
    amount, due = bench.verifier.holding(digest(paid))
    now = bench.verifier.web3.eth.get_block("latest")["timestamp"]
    assert (amount, due) == (HELD, now + 30 * 86_400)


def test_off_by_default(bench, folder):
    (folder / "plain.yaml").write_text(SPEC)
    config = model_config(load_spec("plain.yaml"))
    assert (config.holdback, config.holdback_period) == (0, 0)
    assert config.daily_cap == config.budget


@pytest.mark.parametrize(("better", "lasts"), [(20, True), (0, False)])
def test_decided_once_from_the_command_line(bench, paid, call, better, lasts):
    pay(bench, paid, holdback_period=0)
    (line,) = json.loads(call("chain", "held", "--json").stdout)["held"]
    assert (line["evidence"], line["held"], line["due"]) == (digest(paid), str(HELD), True)
    assert "3 DeltaOne, may be decided now" in call("chain", "held", "pipeline.yaml").stdout

    predictions(7, better).to_parquet("later.parquet")
    asked = ("chain", "maintain", "evidence.json", "--data", "later.parquet")
    dry = call(*asked, "--dry-run").stdout
    assert ("3 DeltaOne paid" if lasts else "3 DeltaOne returned to the budget") in dry
    assert "3 signatures" in dry
    assert "not shown" in dry
    assert bench.verifier.held(digest(paid)) == HELD

    first = call(*asked, "--json", "--report", "report.json")
    assert first.exit_code == 0, first.stderr
    told = json.loads(first.stdout)["decision"]
    assert (told["maintained"], told["amount"], told["is_final"]) == (lasts, str(HELD), True)
    assert told["measured_bps"] == better * 25
    assert digest(json.loads(Path("report.json").read_text())) == told["report"]
    assert bench.verifier.supply() == 10**19 - HELD + HELD * lasts
    again = json.loads(call(*asked, "--json").stdout)["decision"]
    assert again == told
    assert "decided already" in call(*asked, "--dry-run").stdout
    assert call("chain", "held").stdout == "nothing is held back\n"
    with Ledger(Settings().ledger) as ledger:
        assert len(list(ledger.entries(kind=RECORDED))) == 1


def test_a_decision_before_the_ledger_heard_of_it(bench, paid, call, monkeypatch):
    """Killed between transaction and ledger: the same command finds what it did."""
    pay(bench, paid, holdback_period=0)
    predictions(7, 20).to_parquet("later.parquet")
    asked = ("chain", "maintain", "evidence.json", "--data", "later.parquet", "--json")

    def killed(event):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(maintaining, "decision_of", killed)
        assert call(*asked).exit_code != 0
    assert bench.verifier.held(digest(paid)) == 0
    assert call(*asked).exit_code == 0
    with Ledger(Settings().ledger) as ledger:
        assert (
            len(list(ledger.entries(kind=RECORDED))) == len(list(ledger.entries(kind=SIGNED))) == 1
        )
        found = audit(ledger, bench.verifier)
    assert found.decisions_by_others == 0
    assert found.vested == HELD


def fresh_batch(ledger, number, better, seed):
    """A batch that the monitor counted, of the version that the improvement was paid for."""
    rows = predictions(seed, better)
    hits = [(rows[name] == rows["target"]).to_numpy(float) for name in ("champion", "candidate")]
    look = Look(Fresh.of(*hits), (0.0, 1.0))
    batch = {"attempt": "a" * 16, "reign": "r" * 16, "digest": f"{number}" * 64}
    given = {"metric": "accuracy", "value": 0.8, "low": 0.7, "high": 0.9, "reference": 0.8}
    record_measurement(
        ledger,
        model="board",
        version=2,
        n=len(rows),
        batch=batch | {"look": look.to_dict()},
        key=batch["digest"],
        **given,
    )


@pytest.mark.parametrize(("better", "killed"), [(20, False), (20, True), (0, False), (0, True)])
def test_decided_by_the_monitor(bench, paid, monkeypatch, better, killed):
    lasts = better > 0
    spec, settings = load_spec("pipeline.yaml"), Settings()
    pay(bench, paid, holdback_period=0)
    with Ledger(settings.ledger) as ledger:
        body = {"digest": digest(paid), "document": paid}
        ledger.append("attempt.evidence", "a" * 16, body, model="board", attempt="a" * 16)
        # Nothing is decided before anything was measured.
        assert holdback.decide_due(spec, settings) == ()
        for number in (1, 2):
            fresh_batch(ledger, number, better, seed=20 + number)
        if killed:
            with monkeypatch.context() as patched:
                patched.setattr(maintaining, "settled_height", lambda *_: 1 / 0)
                with pytest.raises(ZeroDivisionError):
                    holdback.decide_due(spec, settings)
            # What comes later is not in the report that was signed.
            fresh_batch(ledger, 3, 400 - better, seed=30)
        (decision,) = holdback.decide_due(spec, settings)
        assert (decision.maintained, decision.measured_bps) == (lasts, better * 25)
        assert bench.verifier.supply() == 10**19 - HELD + HELD * lasts
        assert holdback.decide_due(spec, settings) == ()
        assert len(ledger.entries(kind=RECORDED)) == 1


def test_not_before_it_is_due(bench, paid):
    pay(bench, paid)
    with Ledger(Settings().ledger) as ledger:
        body = {"digest": digest(paid), "document": paid}
        ledger.append("attempt.evidence", "a" * 16, body, model="board", attempt="a" * 16)
        fresh_batch(ledger, 1, 20, seed=21)
    assert holdback.decide_due(load_spec("pipeline.yaml"), Settings()) == ()
    assert bench.verifier.held(digest(paid)) == HELD


def test_only_the_first_measurement_counts(bench, paid, call):
    pay(bench, paid, holdback_period=0)
    predictions(7, 0).to_parquet("bad.parquet")
    predictions(8, 40).to_parquet("good.parquet")
    asked = ("chain", "maintain", "evidence.json", "--data")
    bench.verifier.transact(bench.sender, "pause")
    assert "EnforcedPause" in call(*asked, "bad.parquet").stderr
    bench.verifier.transact(bench.sender, "unpause")
    refused = call(*asked, "good.parquet")
    assert refused.exit_code == 4
    assert "another measurement of this improvement was admitted" in refused.stderr
    assert call(*asked, "bad.parquet").exit_code == 0
    assert bench.verifier.supply() == 10**19 - HELD
    assert "decided by another measurement" in call(*asked, "good.parquet").stderr


def test_signatures_that_expired_are_renewed(bench, paid, call, monkeypatch):
    pay(bench, paid, holdback_period=0)
    predictions(7, 20).to_parquet("later.parquet")
    asked = ("chain", "maintain", "evidence.json", "--data", "later.parquet")
    bench.verifier.transact(bench.sender, "pause")
    with monkeypatch.context() as patched:
        patched.setattr(terms, "DAY", -86_400)
        assert "EnforcedPause" in call(*asked).stderr
    bench.verifier.transact(bench.sender, "unpause")
    assert call(*asked).exit_code == 0
    with Ledger(Settings().ledger) as ledger:
        assert len(list(ledger.entries(kind=SIGNED))) == 2


def test_too_early_and_nothing_held(bench, paid, call):
    predictions(7, 20).to_parquet("later.parquet")
    asked = ("chain", "maintain", "evidence.json", "--data", "later.parquet")
    assert "was not paid on chain" in call(*asked).stderr
    pay(bench, paid)
    refused = call(*asked)
    assert refused.exit_code == 2
    assert "too early" in refused.stderr
    assert "may be decided from" in call("chain", "held").stdout


def test_nothing_held(bench, paid, call):
    pay(bench, paid, holdback=0, holdback_period=0)
    predictions(7, 20).to_parquet("later.parquet")
    refused = call("chain", "maintain", "evidence.json", "--data", "later.parquet")
    assert "nothing of this improvement is held back" in refused.stderr


def test_examples_of_the_improvement_itself(paid):
    sums = PairedSums.of([0.0, 1.0], [1.0, 1.0])
    with pytest.raises(EvidenceMismatch, match="gate examples of the improvement itself"):
        report_of(paid, {"digest": "5" * 64, "n": 2}, sums)


def test_held_without_a_contract(folder, call):
    assert call("chain", "held").stdout == "nothing is held back\n"
