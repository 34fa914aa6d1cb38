"""Models of texts through the whole flow: promoted, paid, recomputed from what was published."""

import json
import operator
import subprocess
import sys

import pandas as pd
import pytest
from flow_project import ADDRESSES, OWNER, clean_environment
from texts_project import TRANSLATOR, messages, of_texts

from hokusai_mlflow.ledger import Ledger

pytestmark = pytest.mark.flow


def verified(project, *options):
    """What `hokusai verify` says of the evidence and the published predictions."""
    (evidence,) = project.home.rglob("gate/evidence.json")
    command = [sys.executable, "-m", "hokusai_mlflow.cli", "verify", str(evidence), "--json"]
    tables = {which: evidence.with_name(f"{which}-predictions.parquet") for which in ("gate",)}
    tables["payment"] = evidence.with_name("payment-predictions.parquet")
    done = subprocess.run(
        [*command, "--data", tables["gate"], "--payment-data", tables["payment"], *options],
        env=clean_environment(HOKUSAI_HOME=str(project.home)),
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(done.stdout), tables


def require_paid(project):
    baseline, promoted, again = project.run(times=3).receipts
    assert baseline["outcome"] == "baseline"
    assert promoted["outcome"] == "promoted", promoted["message"]
    assert again["outcome"] == "nothing_new"
    assert promoted["settlement"]["state"] == "confirmed"
    paid = {account.lower() for account in promoted["settlement"]["paid"]}
    assert paid == {OWNER, ADDRESSES["east"]}
    found, tables = verified(project, "--chain")
    assert found["ok"], found
    return promoted, tables


def require_watched(project, better):
    """The monitor scores fresh texts with both models, and finds the champion still better."""
    fresh = project.folder / "fresh"
    fresh.mkdir()
    messages("fresh", 250, 7).to_csv(fresh / "monday.csv", index=False)
    project.edit(monitor={"data": "fresh"})
    told, again = project.run(times=2, flow="monitor").receipts
    assert (told["champion"], told["status"], len(told["batches"])) == (2, "ok", 1)
    assert again["batches"] == told["batches"]
    with Ledger(f"sqlite:///{project.home / 'ledger.db'}") as ledger:
        (measured,) = ledger.entries(kind="champion.measured")
        (evidence,) = ledger.entries(kind="attempt.evidence")
    assert (measured.body["n"], measured.body["status"]) == (250, "ok")
    assert better(measured.body["value"], evidence.body["document"]["comparison"]["baseline"])


def test_a_language_model(project):
    spec = {
        "task": "language_model",
        "metric": "perplexity",
        "metric_options": {"per": "byte"},
        "also_log": [],
        "data": {"target": "text"},
    }
    _, tables = require_paid(of_texts(project, "language_model", **spec))
    require_watched(project, operator.lt)
    frame = pd.read_parquet(tables["gate"])
    cells = frame["candidate"].map(lambda cell: {**cell, "tokenizer": "another"})
    cells[0] = cells[0] | {"log_likelihoods": cells[0]["log_likelihoods"] * 0.99}
    frame.assign(candidate=cells).to_parquet(tables["gate"])
    found, _ = verified(project)
    wrong = {line["what"] for line in found["checks"] if line["ok"] is False}
    assert wrong >= {"gate paired sums"}


@pytest.mark.exhaustive
def test_a_translator(project):
    promoted, tables = require_paid(of_texts(project, "translation", **TRANSLATOR))
    assert set(promoted["scores"]) == {"bleu", "chrf", "rougeL"}
    require_watched(project, operator.gt)
    frame = pd.read_parquet(tables["gate"])
    frame.loc[0, "candidate"] += " mehr"
    frame.to_parquet(tables["gate"])
    found, _ = verified(project)
    assert "gate paired sums" in {line["what"] for line in found["checks"] if line["ok"] is False}


@pytest.mark.exhaustive
def test_a_tokeniser_of_another_name_never_promotes(project):
    spec = {
        "task": "language_model",
        "metric": "perplexity",
        "also_log": [],
        "data": {"target": "text"},
    }
    of_texts(project, "language_model", **spec)
    assert project.run().receipt["outcome"] == "baseline"
    recipe = project.folder / "recipe.py"
    recipe.write_text(recipe.read_text().replace('"utf-8 bytes"', '"utf-8 bytes, otherwise"'))
    ran = project.run(expect=None)
    assert ran.code not in (0, None)
    assert "do not compare: the baseline's tokeniser is utf-8 bytes, the candidate's" in ran.error
