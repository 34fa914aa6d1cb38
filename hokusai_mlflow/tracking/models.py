"""Models as files: their content digest, writing them, reading them back unchanged."""

from __future__ import annotations

import hashlib
import logging
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow.artifacts
import mlflow.sklearn
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from hokusai_mlflow.errors import ChampionMissing, RecipeError

METADATA = frozenset(
    {
        "MLmodel",
        "conda.yaml",
        "python_env.yaml",
        "requirements.txt",
        "registered_model_meta",
        "input_example.json",
    }
)
"""Files that MLflow writes beside a model, with clocks and random identifiers in them."""


def content_digest(folder: Path) -> str:
    """Commitment to a model: a Merkle root over the names and bytes of its own files.

    Leaves are SHA-256(0x00 ‖ name ‖ 0x00 ‖ SHA-256(bytes)) in order of name, inner nodes
    SHA-256(0x01 ‖ left ‖ right); an odd node moves up unchanged. MLflow's metadata does not count.

    Parameters
    ----------
    folder : Path
        A saved model.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    ChampionMissing
        When the folder holds no model file.
    """
    files = sorted(
        (path.relative_to(folder).as_posix(), path)
        for path in folder.rglob("*")
        if path.is_file() and path.name not in METADATA
    )
    level = [
        hashlib.sha256(
            b"\0" + name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest()
        ).digest()
        for name, path in files
    ]
    if not level:
        raise ChampionMissing(f"there are no model files in {folder}; restore the artifact store")
    while len(level) > 1:
        paired = [
            hashlib.sha256(b"\1" + level[i] + level[i + 1]).digest()
            for i in range(0, len(level) - 1, 2)
        ]
        level = paired + ([level[-1]] if len(level) % 2 else [])
    return level[0].hex()


def save(model: Any, folder: Path, *, serialization: str) -> str:
    """Write a fitted estimator in MLflow's format and return its content digest.

    Parameters
    ----------
    model : estimator
        Fitted.
    folder : Path
        Where to; must not exist.
    serialization : {"cloudpickle", "skops"}
        The spec's stated policy. ``skops`` loads without running code but refuses many estimators.

    Raises
    ------
    RecipeError
        When the estimator cannot be serialised this way.
    """
    needed = ["scikit-learn", "numpy", "pandas"]
    if type(model).__module__.startswith("hokusai_mlflow."):
        # A model in whole numbers is a class of ours, so whoever serves it needs the package.
        needed.append("hokusai-mlflow")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # The choice between pickle and skops is the spec's, stated in its documentation.
            logging.getLogger("mlflow.sklearn").setLevel(logging.ERROR)
            mlflow.sklearn.save_model(
                model,
                str(folder),
                serialization_format=serialization,
                # Inference of requirements runs the model in a subprocess for seconds.
                pip_requirements=[f"{name}=={version(name)}" for name in needed],
            )
    except Exception as problem:
        raise RecipeError(
            f"the model cannot be saved with serialization: {serialization}: {problem}"
        ) from problem
    return content_digest(folder)


def load(client: MlflowClient, version_: ModelVersion, *, expected_digest: str) -> Any:
    """Load a registered version after checking that its files are the ones once registered.

    Raises
    ------
    ChampionMissing
        When the files are gone or are not those that were registered.
    """
    name = f"models:/{version_.name}/{version_.version}"
    with tempfile.TemporaryDirectory() as scratch:
        try:
            folder = Path(mlflow.artifacts.download_artifacts(name, dst_path=scratch))
        except Exception as problem:
            raise ChampionMissing(
                f"the files of {name} cannot be read ({problem}); restore the artifact store"
            ) from problem
        found = content_digest(folder)
        if found != expected_digest:
            raise ChampionMissing(
                f"the files of {name} have digest {found[:16]}…, registered was "
                f"{expected_digest[:16]}…; restore the registered files"
            )
        return read(folder)


def read(folder: Path) -> Any:
    """The estimator that `save` wrote."""
    return mlflow.sklearn.load_model(str(folder))
