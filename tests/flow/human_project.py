"""A small project that people judge, and raters who are simulated."""

import csv
import os
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from flow_project import ADDRESSES, OWNER, Project

MODEL = "phrases"
RECIPE = '''"""Says what it heard of a word's first syllable."""
import numpy as np


class Memory:
    def fit(self, features, targets):
        heard = [word.split()[0] for word in features.iloc[:, 0]]
        self.known_ = dict(zip(heard, targets, strict=True))
        return self

    def predict(self, features):
        asked = [word.split()[0] for word in features.iloc[:, 0]]
        return np.array([str(self.known_.get(word, "no idea")) for word in asked], dtype=object)


def build(seed):
    return Memory()
'''
SPEC: dict[str, Any] = {
    "model": MODEL,
    "task": "human",
    "recipe": "recipe.py",
    "owner": OWNER,
    "seed": 7,
    "human": {"scale": [1, 5], "raters_per_item": 2, "flagged": "exclude"},
    "data": {
        "pool": "data/pool.csv",
        "target": "phrase",
        "id": "id",
        "split": {"reference": 0.25, "payment": 0.3, "holdouts": 1, "key": "human-tests"},
    },
    "contributors": [
        {"name": name, "address": ADDRESSES[name], "data": f"data/{name}.csv"}
        for name in ("east", "west")
    ],
    "gate": {"quota": 1, "detectable_bps": 3000, "validation_runs": 0},
    "cross_validation": {"repeats": 2, "folds": 2},
    "valuation": {"repeats": 2, "folds": 2},
}
SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in "aeio"]
WORDS = [
    "amber",
    "bridge",
    "candle",
    "desert",
    "engine",
    "forest",
    "garden",
    "hollow",
    "island",
    "jungle",
    "kettle",
    "lantern",
]


def _phrase(rng: np.random.Generator) -> str:
    return " ".join(rng.choice(WORDS, 4))


def write_human_project(folder: Path) -> None:
    """Write spec, recipe and data: the owner's rows know some syllables, contributions the rest."""
    rng = np.random.default_rng(3)
    phrases = {syllable: _phrase(rng) for syllable in SYLLABLES}

    def rows(name: str, syllables: list[str]) -> pd.DataFrame:
        words = [f"{one} {name}{at}" for at, one in enumerate(syllables)]
        told = [phrases[one] for one in syllables]
        return pd.DataFrame({"id": words, "word": words, "phrase": told})

    (folder / "data").mkdir(parents=True)
    pool = rows("pool", rng.choice(SYLLABLES, 150).tolist())
    for name, table in (
        ("pool", pool),
        ("east", rows("east", SYLLABLES[:28])),
        ("west", rows("west", SYLLABLES[28:])),
    ):
        table.to_csv(folder / "data" / f"{name}.csv", index=False)
    (folder / "recipe.py").write_text(RECIPE)
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(SPEC, sort_keys=False))


def judged(name: str, answer: str, right: str, rng: np.random.Generator) -> int:
    """What a simulated rater gives; `chance` does not read."""
    if name == "chance":
        return int(rng.integers(1, 6))
    alike = SequenceMatcher(None, answer, right).ratio()
    return int(np.clip(np.round(1 + 4 * alike + rng.normal(0, 0.3)), 1, 5))


def fill_in(project: Project, sheet: Path, name: str) -> None:
    """Fill in a sheet as a simulated rater would."""
    pool = project.data("pool")
    right = dict(zip(pool.word, pool.phrase, strict=True))
    rng = np.random.default_rng([5, len(name), ord(name[0])])
    with open(sheet, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        for side in "ab" if row["answer_b"] else "a":
            given = judged(name, row[f"answer_{side}"], right[row["prompt"]], rng)
            row[f"rating_{side}"] = given
    write_rows(sheet, rows)


def write_rows(sheet: Path, rows: list[dict[str, Any]]) -> None:
    """Write a sheet's rows back."""
    with open(sheet, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def raters_rate(project: Project, names: tuple[str, ...]) -> None:
    """Every rater exports a sheet of everything, fills it in, and it is imported."""
    from hokusai_mlflow.cli.ratings import export, import_

    os.environ["HOKUSAI_HOME"] = str(project.home)
    for name in names:
        sheet = project.folder / f"{name}.csv"
        export(project.spec_path, name, sheet)
        fill_in(project, sheet, name)
        import_(project.spec_path, sheet, name)
