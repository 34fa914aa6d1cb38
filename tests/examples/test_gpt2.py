"""The language model's flow with a causal model of transformers; `make transformers` runs it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hokusai_mlflow.ledger import Ledger

pytest.importorskip("torch")
pytest.importorskip("transformers")

EXAMPLE = Path(__file__).parents[2] / "examples" / "language_model"


@pytest.mark.timeout(1800)
def test_promoted_and_paid(tmp_path):
    folder = tmp_path / "language_model"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("data", "__pycache__"))
    env = os.environ | {"HOKUSAI_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
    spec = str(folder / "gpt2.yaml")
    run = [sys.executable, "-m", "hokusai_mlflow.cli", "run", spec, spec]
    for command in ([sys.executable, str(folder / "make_data.py")], run):
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    with Ledger(f"sqlite:///{tmp_path / 'home' / 'ledger.db'}") as ledger:
        (decided,) = ledger.entries(kind="attempt.decided")
        (stored,) = ledger.entries(kind="attempt.evidence")
    assert decided.body["verdict"] == "promote"
    document = stored.body["document"]
    assert document["payment"]["paid_bps"] > 0
    assert document["contributions"]["shares"] == {"second-half": 10_000}
    assert document["versions"]["torch"].startswith("2.")
