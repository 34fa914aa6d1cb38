"""Three parties in three folders: paid, verified, and no diagnosis in anybody else's hands."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "breast_cancer"


class Play:
    """The example with its data in a folder of the test's."""

    def __init__(self, place):
        self.data = place / "data"
        self.away = place / "away"
        self.env = os.environ | {
            "EXAMPLE_DATA": str(self.data),
            "HOKUSAI_HOME": str(place / "home"),
        }

    def __call__(self, script, *arguments, without=()):
        """One party's turn, while other parties' folders are gone."""
        self.away.mkdir(exist_ok=True)
        for folder in without:
            shutil.move(self.data / folder, self.away / folder)
        done = subprocess.run(
            [sys.executable, FOLDER / script, *arguments],
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        for folder in without:
            shutil.move(self.away / folder, self.data / folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def verify(self, *options):
        command = [sys.executable, "-m", "hokusai_mlflow.cli", "verify", *options, "--json"]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, check=False)
        return done.returncode, json.loads(done.stdout)


@pytest.mark.timeout(900)
@pytest.mark.exhaustive  # about a minute of one core: eleven processes, a key, a proof, a payment
def test_three_parties_who_keep_their_secrets(tmp_path):
    play = Play(tmp_path)
    play("make_data.py")
    play("model_owner.py", "champion", without=["label_owner", "contributor"])
    play("administrator.py", without=["label_owner", "contributor", "model_owner"])
    play("label_owner.py", "commit", without=["contributor", "model_owner"])
    play("contributor.py", without=["label_owner"])
    # The label owner's folder is there to take what is handed over, but empty of its own.
    secret = play.data / "label_owner"
    kept = tmp_path / "kept"
    shutil.move(secret, kept)
    secret.mkdir()
    play("model_owner.py", "candidate", without=["contributor"])
    shutil.copytree(secret, kept, dirs_exist_ok=True)
    shutil.rmtree(secret)
    shutil.move(kept, secret)
    told = play("label_owner.py", "prove", without=["contributor", "model_owner"])
    assert "confirmed" in told

    exchange = play.data / "exchange"
    published = "".join(path.read_text() for path in exchange.iterdir())
    salt = json.loads((secret / "salt.json").read_text())
    assert salt.removeprefix("0x") not in published
    assert "malignant" not in published
    assert len(pd.read_csv(exchange / "cases.csv").columns) == 31
    evidence = str(exchange / "evidence.json")
    code, found = play.verify(evidence, "--chain")
    assert (code, found["ok"]) == (0, True)
    lines = {line["what"]: line for line in found["checks"]}
    for what in ("gate proof 1 of 1", "gate proof 1 of 1 (chain)", "labels fixed before"):
        assert lines[what]["ok"] is True
    assert any("mode development" in told for told in found["assumptions"])

    # One count more than was proven.
    proof = json.loads((exchange / "proof.json").read_text())
    counts = proof["proven"]["gate"][0]["counts"]
    counts[1] = hex(int(counts[1], 16) + 1)
    lie = tmp_path / "lie.json"
    lie.write_text(json.dumps(proof))
    code, found = play.verify(evidence, "--proof", str(lie))
    wrong = {line["what"] for line in found["checks"] if line["ok"] is False}
    assert code != 0
    assert wrong == {"gate proof 1 of 1", "gate sums ⇐ proofs", "payment sums ⇐ proofs"}
