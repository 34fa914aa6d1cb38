"""Reading what a spec names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.contributions.dataset import Dataset, read_dataset
from hokusai_mlflow.contributions.partition import partition
from hokusai_mlflow.inputs.inputs import Inputs
from hokusai_mlflow.inputs.soundness import require_sound
from hokusai_mlflow.recipe import load_recipe
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.spec import Spec, load_spec


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
    pool = read_pool(spec, base)
    contributions = tuple(
        read_contribution(spec, base, contributor.data, name=contributor.name)
        for contributor in spec.contributors
    )
    parts = cut(spec, pool, settings.split_key(spec.model, spec.data.split.key))
    inputs = Inputs(spec, recipe, pool, parts, contributions)
    require_sound(inputs)
    return inputs


def read_pool(spec: Spec, base: Path) -> Dataset:
    """The owner's examples; `base` is the spec's folder."""
    data = spec.data
    return read_dataset(
        data.pool,
        name="pool",
        id=data.id,
        unique=True,
        metadata=data.metadata,
        time=data.time,
        **_columns(spec, base),
    )


def read_contribution(spec: Spec, base: Path, file: str | Path, *, name: str) -> Dataset:
    """One contributor's rows; `base` is the folder that relative paths start from."""
    data = spec.data
    return read_dataset(
        file,
        name=name,
        id=data.id,
        unique=False,
        leave_out=data.metadata,
        **_columns(spec, base),
    )


def _columns(spec: Spec, base: Path) -> dict[str, Any]:
    """What the pool and contributions are read alike by."""
    return {
        "target": spec.data.target,
        "features": spec.features,
        "base": base,
        "text": spec.kind.targets == "text",
    }


def cut(spec: Spec, pool: Dataset, key: bytes) -> npt.NDArray[np.str_]:
    """The part of every pool example under this key."""
    split = spec.data.split
    return partition(
        pool.ids if spec.data.group is None else pool.told_by(spec.data.group),
        key,
        reference=split.reference,
        payment=split.payment,
        holdouts=split.holdouts,
    )
