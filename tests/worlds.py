"""Small inputs and attempts without any store."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from hokusai_mlflow.attempt import Attempt
from hokusai_mlflow.contributions.checks import check_contributions
from hokusai_mlflow.inputs import TrainingRows, read_inputs
from hokusai_mlflow.novelty import RECIPE_PLAYER, REFERENCE_PLAYER, Champion
from hokusai_mlflow.recipe import recipe_from_source
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.tracking.registry import Registered

RECIPE = '''"""The nearest example decides."""
from sklearn.neighbors import KNeighborsClassifier


def build(seed):
    return KNeighborsClassifier(n_neighbors=1)
'''
OTHER = """
from sklearn.dummy import DummyClassifier

def build(seed):
    return DummyClassifier()
"""
SPEC = {
    "model": "board",
    "task": "classification",
    "recipe": "recipe.py",
    "metric": "accuracy",
    "owner": "0x00000000000000000000000000000000000000aa",
    "seed": 7,
    "data": {
        "pool": "pool.csv",
        "target": "colour",
        "id": "square",
        "split": {"reference": 0.4, "payment": 0.2, "holdouts": 2, "key": "tests"},
    },
    "contributors": [
        {"name": "east", "address": "0x" + "0" * 38 + "a1", "data": "east.csv"},
        {"name": "west", "address": "0x" + "0" * 38 + "a2", "data": "west.csv"},
    ],
    "cross_validation": {"repeats": 2, "folds": 3},
    "valuation": {"repeats": 2, "folds": 3},
}


def board(rows: int, name: str, seed: int) -> pd.DataFrame:
    """Points on a chessboard of 3 × 3 fields."""
    x, y = np.random.default_rng(seed).uniform(0, 3, size=(2, rows))
    colour = (x.astype(int) + y.astype(int)) % 2
    return pd.DataFrame(
        {"square": [f"{name}-{i}" for i in range(rows)], "x": x, "y": y, "colour": colour}
    )


def write_files(folder: Path, **changes) -> Path:
    """Write a project; the spec's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows, seed in (("pool", 300, 1), ("east", 80, 2), ("west", 40, 3)):
        board(rows, name, seed).to_csv(folder / f"{name}.csv", index=False)
    (folder / "recipe.py").write_text(RECIPE)
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(SPEC | changes, sort_keys=False))
    return folder / "pipeline.yaml"


def read(spec_path: Path):
    """The inputs of a project."""
    return read_inputs(spec_path, Settings(home=spec_path.parent / ".hokusai").prepare())


def attempt_on(inputs, *, checks, training, players, champion: Champion) -> Attempt:
    """An attempt to improve a champion."""
    return Attempt("ab" * 8, "run", inputs, champion, checks, training, players, "holdout-1")


def registered(**changes) -> Registered:
    """A version in some registry."""
    return replace(Registered("board", 1, "cc" * 32, "dd" * 8, "run-1"), **changes)


def changed_attempt(inputs) -> Attempt:
    """Two contributors, another recipe, and a retired hold-out among the reference rows."""
    older = TrainingRows(inputs.part("reference"), {}).with_rows(
        "east", inputs.contributions[0].take(np.arange(20))
    )
    champion = Champion(registered(), recipe_from_source(OTHER), older)
    parts = {name: inputs.part(name) for name in ("reference", "payment", "holdout-1")}
    checks = check_contributions(inputs.contributions, parts, older.parts)
    training = TrainingRows(inputs.part("reference", "holdout-2"), older.contributed)
    for contribution, check in zip(inputs.contributions, checks, strict=True):
        training = training.with_rows(check.name, contribution.take(check.accepted))
    players = ("east", "west", RECIPE_PLAYER, REFERENCE_PLAYER)
    return attempt_on(inputs, checks=checks, training=training, players=players, champion=champion)
