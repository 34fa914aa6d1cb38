"""Oracles elsewhere: who asks, who signs, and the place between them."""

import json
import os

import numpy as np
import pandas as pd
from chain_world import CONTRIBUTORS, FAR, GENESIS
from typer.testing import CliRunner

from hokusai_mlflow import evidence
from hokusai_mlflow.cli import app
from hokusai_mlflow.contributions.digests import evaluation_digest
from hokusai_mlflow.deltaone import PairedSums, improvement_bps
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.stats.comparison import compare_outputs
from hokusai_mlflow.stats.paired import paired_scores
from hokusai_mlflow.verification.claimed import improvement_from
from hokusai_mlflow.verification.requests import ask, collect

FINDING = {"code": "significance", "outcome": "passed", "message": "", "remedy": "", "figures": {}}


def predictions(seed):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, 500)
    said = [np.where(rng.random(500) < p, truth, (truth + 1) % 3) for p in (0.7, 0.9)]
    ids = [f"{n:04d}" for n in range(500)]
    return pd.DataFrame({"id": ids, "target": truth, "champion": said[0], "candidate": said[1]})


def document_about(folder, candidate="2" * 64):
    """Evidence of a payable improvement, with the predictions that it was made from."""
    folder.mkdir()
    of, sums, sets = metric("accuracy"), {}, {}
    for which, seed in (("gate", 1), ("payment", 2)):
        rows = predictions(seed)
        rows.to_parquet(folder / f"{which}.parquet")
        scores = paired_scores(of, rows.target, rows.champion, rows.candidate)
        sums[which] = PairedSums.of(*scores)
        digest = evaluation_digest(rows.id.to_numpy(), rows.target.to_numpy())
        sets[which] = {"part": which, "digest": digest, "n": len(rows)}
        if which == "gate":
            compared = compare_outputs(of, rows.target, rows.champion, rows.candidate)
    made = build(
        candidate=candidate,
        evaluation=sets,
        comparison=compared.to_dict(),
        gate_sums=sums["gate"],
        payment_sums=sums["payment"],
    )
    (folder / "evidence.json").write_text(made.to_json())
    return made


def build(*, candidate, payment_sums, **sections):
    """Evidence of a payable improvement of accuracy."""
    return evidence.build(
        model="digits",
        champion={"version": 1, "digest": GENESIS[2:]},
        candidate={"version": 2, "digest": candidate},
        metric="accuracy",
        metric_options={},
        policy={"alpha": 0.05},
        look={"number": 1, "quota": 20, "level": 0.05},
        crossval={},
        decision={"verdict": "promote", "findings": [FINDING], "signature": ""},
        payment_sums=payment_sums,
        payment={"paid_bps": improvement_bps("linear", payment_sums)},
        contributions={
            "shares": {"east": 6_000, "west": 4_000},
            "addresses": {"east": CONTRIBUTORS[1], "west": CONTRIBUTORS[0]},
        },
        versions={},
        seeds={},
        **sections,
    )


class Scene:
    """Who asks, who signs, and the place between them."""

    def __init__(self, paying, folder, document=None):
        self.paying, self.folder = paying, folder
        self.place = folder / "place"
        self.document = document or document_about(folder / "evidence")
        self.improvement = improvement_from(self.document.document, FAR)
        self.outbox = paying.outbox()
        self.keys = [
            json.loads((paying.world.home / f"keys/development/oracle-{n}.json").read_text())
            for n in (1, 2, 3)
        ]

    def ask(self, improvement=None, **changes):
        asked = improvement or self.improvement
        return ask(
            self.paying.ledger, self.paying.verifier, str(self.place), asked, attempt="a", **changes
        )

    def collect(self):
        return collect(self.paying.ledger, self.paying.verifier, self.outbox)

    def attest(self, number, *, key=None, evidence_folder="evidence", **options):
        """`hokusai attest` by an oracle with a home of its own."""
        own = self.folder / evidence_folder
        given = {
            "place": self.place,
            "data": own / "gate.parquet",
            "payment-data": own / "payment.parquet",
            "chain-id": 31337,
            "verifier": self.paying.verifier.address,
        } | options
        environment = {name: None for name in os.environ if name.startswith("HOKUSAI_")}
        environment |= {
            "HOKUSAI_HOME": str(self.folder / f"oracle-{number}"),
            "HOKUSAI_ORACLE_KEYS": key or self.keys[number]["private_key"],
        }
        arguments = ["attest", str(own / "evidence.json"), "--json"]
        for name, value in given.items():
            if value is not None:
                arguments += [f"--{name}", str(value)]
        return CliRunner(env=environment).invoke(app, arguments, prog_name="hokusai")

    def files(self):
        return sorted(path.name for path in (self.place / self.document.digest).iterdir())
