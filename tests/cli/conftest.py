"""A folder that no command has touched, and the ways to call `hokusai` in it."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from typer.testing import CliRunner

SPEC = """\
model: board
task: classification
recipe: recipe.py
metric: accuracy
owner: "0x00000000000000000000000000000000000000aa"
data:
  pool: pool.csv
  target: label
  id: id
  split: {reference: 0.5, payment: 0.2, holdouts: 1, key: test}
contributors:
  - {name: east, address: "0x00000000000000000000000000000000000000a1", data: east.csv}
"""
RECIPE = """\
from sklearn.linear_model import LogisticRegression


def build(seed):
    return LogisticRegression(random_state=seed)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty current folder, and no setting of this machine."""
    for name in list(os.environ):
        if name.startswith(("HOKUSAI_", "MLFLOW_", "PREFECT_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call():
    """Run a command in this process; the result has exit_code, stdout and stderr."""
    from hokusai_mlflow.cli import app

    # Wide, so that tables do not wrap what tests look for.
    runner = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"})

    def invoke(*arguments):
        return runner.invoke(app, [str(argument) for argument in arguments], prog_name="hokusai")

    return invoke


@pytest.fixture(scope="session")
def mlflow_loaded():
    """MLflow, Prefect and web3 imported: their own warnings are not this package's errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.pyfunc
        import mlflow.sklearn
        import prefect.main
        import web3

    return mlflow, prefect, web3


@pytest.fixture
def hokusai(tmp_path):
    """Run a command in a process of its own."""

    def start(*arguments, **environment):
        return subprocess.run(
            [sys.executable, "-m", "hokusai_mlflow.cli", *map(str, arguments)],
            cwd=tmp_path,
            env=os.environ | {"COLUMNS": "200", "PREFECT_HOME": str(tmp_path / "p")} | environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    return start


@pytest.fixture
def project(folder):
    """A spec, a recipe and data; the spec's path."""
    rows = ["id,x,label", *(f"{n},{n % 7},{n % 2}" for n in range(200))]
    (folder / "pool.csv").write_text("\n".join(rows))
    (folder / "east.csv").write_text("\n".join(["id,x,label", "e1,3,1", "e2,4,0"]))
    (folder / "recipe.py").write_text(RECIPE)
    path = folder / "pipeline.yaml"
    path.write_text(SPEC)
    return Path(path)
