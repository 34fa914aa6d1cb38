"""What `hokusai doctor` sees of a spec's recipe and data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hokusai_mlflow.cli.finding import Finding, trying
from hokusai_mlflow.contributions.dataset import Dataset
from hokusai_mlflow.inputs import read_contribution, read_pool
from hokusai_mlflow.recipe import load_recipe
from hokusai_mlflow.spec import Spec


def inputs(spec: Spec, spec_path: Path) -> Iterator[Finding]:
    """The recipe and every data file of a spec."""
    base = spec_path.resolve().parent

    def recipe() -> Finding:
        return Finding(
            "recipe", True, f"{spec.recipe}, {load_recipe(base / spec.recipe).digest[:12]}"
        )

    def told(rows: Dataset, file: str) -> Finding:
        width = rows.features.shape[1]
        return Finding(
            f"data of {rows.name}", True, f"{file}: {len(rows):,} rows, {width} features"
        )

    yield trying("recipe", recipe)
    yield trying("data of pool", lambda: told(read_pool(spec, base), spec.data.pool))
    for contributor in spec.contributors:
        yield trying(
            f"data of {contributor.name}",
            lambda one=contributor: told(
                read_contribution(spec, base, one.data, name=one.name), one.data
            ),
        )
