"""Models of texts through the whole flow: promoted, paid, recomputed from what was published."""

import json
import operator
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from flow_project import ADDRESSES, OWNER, clean_environment

from hokusai_mlflow.ledger import Ledger

pytestmark = pytest.mark.flow

EXAMPLES = Path(__file__).parents[2] / "examples"
SUBJECTS = ["the model", "a row", "every fold", "the metric", "one example", "this rule", "NA"]
VERBS = ["predicts", "is trained on", "holds", "scores", "is drawn from", "leaves out", "returns"]
OBJECTS = ["all targets", "its own mean", "no copies", "été", "the sealed rows", "null", "a class"]
GERMAN = [
    *("das Modell", "eine Zeile", "jede Falte", "das Maß", "ein Beispiel", "diese Regel", "NA"),
    *("sagt", "lernt aus", "hält", "bewertet", "kommt aus", "lässt weg", "gibt zurück"),
    *("alle Ziele", "ihr Mittel", "keine Kopien", "Sommer", "die Zeilen", "nichts", "eine Klasse"),
]
SAID = dict(zip(SUBJECTS + VERBS + OBJECTS, GERMAN, strict=True))
# Words enough that few rows do not teach all of them.
for kind, words in (("s", SUBJECTS), ("v", VERBS), ("o", OBJECTS)):
    for at, (one, other) in enumerate(product("aeiou", "aeiou")):
        words.append(f"{kind}{one}n{other}l")
        SAID[words[-1]] = f"{other}{'bdgkt'[at % 5]}{one}r{kind}u"


def messages(name, n, seed):
    random = np.random.default_rng(seed)
    kept, seen = [], set()
    while len(kept) < n:
        parts = [
            str(random.choice(words))
            for words in (SUBJECTS, VERBS, OBJECTS, SUBJECTS, VERBS, OBJECTS)
        ]
        text = " ".join(parts[:3]) + " and " + " ".join(parts[3:])
        if text not in seen:
            seen.add(text)
            german = [SAID[part] for part in parts]
            kept.append((text, " ".join(german[:3]) + " und " + " ".join(german[3:])))
    frame = pd.DataFrame(kept, columns=["text", "german"])
    frame.insert(0, "square", [f"{name}-{at}" for at in range(n)])
    return frame


def of_texts(project, example, **spec):
    """The project with texts and an example's recipe; one contributor helps, one copies."""
    pool = messages("pool", 600, 1)
    project.write("pool", pool)
    project.write("east", messages("east", 200, 2))
    project.write("mirror", pool.head(80).assign(square=[f"mirror-{at}" for at in range(80)]))
    shutil.copy(EXAMPLES / example / "recipe.py", project.folder / "recipe.py")
    data = project.spec["data"] | spec["data"]
    given = project.spec | spec | {"data": data}
    given["contributors"] = [one for one in given["contributors"] if one["name"] != "west"]
    data["split"] = {"reference": 0.06, "payment": 0.3, "key": "texts"}
    given["valuation"] = {"repeats": 5, "folds": 3}
    project.spec_path.write_text(yaml.safe_dump(given, sort_keys=False))
    return project


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
    spec = {
        "task": "text_generation",
        "metric": "bleu",
        "also_log": ["chrf", "rougeL"],
        "data": {"target": "german", "features": ["text"]},
        "gate": {
            "detectable_bps": 900,
            "guardrails": [{"metric": "length_ratio", "margin_bps": 500}],
        },
    }
    promoted, tables = require_paid(of_texts(project, "translation", **spec))
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
