"""Reading what a spec names."""

from __future__ import annotations

from pathlib import Path

from hokusai_mlflow.contributions.dataset import read_dataset
from hokusai_mlflow.contributions.partition import partition
from hokusai_mlflow.inputs.inputs import Inputs
from hokusai_mlflow.inputs.soundness import require_sound
from hokusai_mlflow.recipe import load_recipe
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.spec import load_spec


def read_inputs(spec_path: str | Path, settings: Settings) -> Inputs:
    """Read everything that a spec names.

    Parameters
    ----------
    spec_path : str or Path
        The `pipeline.yaml`; paths in it are relative to its folder.
    settings : Settings
        Keeps the split key when the spec gives none.

    Raises
    ------
    InputError
        When anything is missing or malformed; nothing has been changed then.
    """
    path = Path(spec_path)
    spec = load_spec(path)
    base = path.resolve().parent
    recipe = load_recipe(base / spec.recipe)
    kind = spec.kind
    columns = {
        "target": spec.data.target,
        # A model of the texts themselves learns from nothing else.
        "features": (spec.data.target,) if kind.scores_targets else spec.data.features,
        "base": base,
        "text": kind.targets == "text",
    }
    pool = read_dataset(
        spec.data.pool,
        name="pool",
        id=spec.data.id,
        unique=True,
        metadata=spec.data.metadata,
        time=spec.data.time,
        **columns,
    )
    contributions = tuple(
        read_dataset(
            contributor.data,
            name=contributor.name,
            id=spec.data.id,
            unique=False,
            leave_out=spec.data.metadata,
            **columns,
        )
        for contributor in spec.contributors
    )
    split = spec.data.split
    parts = partition(
        pool.ids if spec.data.group is None else pool.told_by(spec.data.group),
        settings.split_key(spec.model, split.key),
        reference=split.reference,
        payment=split.payment,
        holdouts=split.holdouts,
    )
    inputs = Inputs(spec, recipe, pool, parts, contributions)
    require_sound(inputs)
    return inputs
