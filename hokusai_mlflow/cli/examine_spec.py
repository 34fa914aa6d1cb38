"""What `hokusai doctor` sees of a spec's recipe and data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hokusai_mlflow.cli.finding import Finding, trying
from hokusai_mlflow.contributions.dataset import read_dataset
from hokusai_mlflow.recipe import load_recipe
from hokusai_mlflow.spec import Spec


def inputs(spec: Spec, spec_path: Path) -> Iterator[Finding]:
    """The recipe and every data file of a spec."""
    base = spec_path.resolve().parent

    def recipe() -> Finding:
        return Finding(
            "recipe", True, f"{spec.recipe}, {load_recipe(base / spec.recipe).digest[:12]}"
        )

    def read(name: str, file: str, unique: bool) -> Finding:
        rows = read_dataset(
            file,
            name=name,
            target=spec.data.target,
            id=spec.data.id,
            features=spec.data.features,
            base=base,
            unique=unique,
        )
        width = rows.features.shape[1]
        return Finding(f"data of {name}", True, f"{file}: {len(rows):,} rows, {width} features")

    yield trying("recipe", recipe)
    yield trying("data of pool", lambda: read("pool", spec.data.pool, True))
    for contributor in spec.contributors:
        name, file = contributor.name, contributor.data
        yield trying(f"data of {name}", lambda n=name, f=file: read(n, f, False))
