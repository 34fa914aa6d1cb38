"""Copies of inputs as plain files.

An attempt keeps one with its MLflow run. After a crash it is finished from that copy, whatever has
happened to the files since.
"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from hokusai_mlflow.contributions.dataset import PART, Dataset
from hokusai_mlflow.inputs.inputs import Inputs
from hokusai_mlflow.recipe import recipe_from_source
from hokusai_mlflow.spec import Spec


def write_snapshot(inputs: Inputs, folder: Path) -> None:
    """Copy the inputs into a folder of plain files.

    Parameters
    ----------
    inputs : Inputs
        What to keep. The split key is not written; the cut itself is.
    folder : Path
        Existing, empty folder.
    """
    (folder / "spec.json").write_text(json.dumps(inputs.spec.to_dict(), sort_keys=True))
    (folder / "recipe.py").write_text(inputs.recipe.source, encoding="utf-8")
    inputs.pool.to_frame().assign(**{PART: inputs.parts}).to_parquet(folder / "pool.parquet")
    for contribution in inputs.contributions:
        contribution.to_frame().to_parquet(folder / f"contribution-{contribution.name}.parquet")


def read_snapshot(folder: Path) -> Inputs:
    """Inverse of `write_snapshot`."""
    spec = Spec.model_validate(json.loads((folder / "spec.json").read_text()))
    recipe = recipe_from_source((folder / "recipe.py").read_text(encoding="utf-8"))
    pool = pd.read_parquet(folder / "pool.parquet")
    parts = pool.pop(PART).to_numpy(dtype=str)
    contributions = tuple(
        Dataset.from_frame(
            pd.read_parquet(folder / f"contribution-{contributor.name}.parquet"),
            name=contributor.name,
        )
        for contributor in spec.contributors
    )
    return Inputs(spec, recipe, Dataset.from_frame(pool, name="pool"), parts, contributions)
