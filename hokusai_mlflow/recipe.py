"""The user's recipe: one Python file with `build(seed)`, returning an unfitted estimator.

The file's text is the recipe's identity. It is kept with every model that it made, so that a later
run can refit the champion's recipe beside the candidate's.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd

from hokusai_mlflow.errors import MissingInput, RecipeError
from hokusai_mlflow.predicting import predict, quiet

__all__ = ["Recipe", "load_recipe", "predict", "recipe_from_source"]

_importing = threading.RLock()


@dataclass(frozen=True, repr=False)
class Recipe:
    """How a model is made.

    Attributes
    ----------
    source : str
        Text of the recipe file; it may import installed packages, not files beside it.
    build : callable
        ``build(seed) -> estimator`` with scikit-learn's ``fit`` and ``predict``.
    """

    source: str
    build: Callable[[int], Any] = field(compare=False)

    @property
    def digest(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.source.encode()).hexdigest()

    def __repr__(self) -> str:
        return f"Recipe({self.digest[:12]})"

    def __reduce__(self) -> tuple[Any, ...]:
        # The text travels, not the function: workers in other processes import it anew.
        return recipe_from_source, (self.source,)

    def fit(self, features: pd.DataFrame, targets: np.ndarray, *, seed: int, on: str) -> Any:
        """Fit a fresh estimator.

        Parameters
        ----------
        features : DataFrame
            Training rows.
        targets : ndarray, shape (n,)
            Training targets.
        seed : int
            Passed to `build`; it belongs to the pipeline, never to a submitter.
        on : str
            What the rows are, for the error message.

        Raises
        ------
        RecipeError
            When the recipe fails on these rows.
        """
        try:
            with quiet():
                return self.build(seed).fit(features, targets)
        except Exception as problem:
            text = [c for c in features.columns if not pd.api.types.is_numeric_dtype(features[c])]
            hint = (
                f" Columns that are not numeric: {', '.join(map(str, text[:5]))}; encode them in "
                "the recipe, or leave them out with data.features."
                if text
                else ""
            )
            raise RecipeError(
                f"the recipe could not be fitted on {on} ({len(features):,} rows): "
                f"{type(problem).__name__}: {problem}.{hint}"
            ) from problem


def recipe_from_source(source: str, *, name: str = "recipe") -> Recipe:
    """Import a recipe from its text.

    Raises
    ------
    RecipeError
        When the text does not run or defines no `build`.
    """
    digest = hashlib.sha256(source.encode()).hexdigest()
    module_name = f"hokusai_recipe_{digest[:16]}"
    # A second thread must not find the module half-way through its own text.
    with _importing:
        module = sys.modules.get(module_name) or _imported(source, module_name, f"{name}.py")
    build = getattr(module, "build", None)
    if not callable(build):
        raise RecipeError("the recipe defines no function build(seed) -> unfitted estimator")
    return Recipe(source, build)


def _imported(source: str, module_name: str, file_name: str) -> ModuleType:
    module = ModuleType(module_name)
    sys.modules[module_name] = module
    try:
        exec(compile(source, file_name, "exec"), module.__dict__)
    except Exception as problem:
        del sys.modules[module_name]
        raise RecipeError(
            f"the recipe does not run: {type(problem).__name__}: {problem}"
        ) from problem
    # A registered model must load where this recipe file is not importable.
    cloudpickle.register_pickle_by_value(module)
    return module


def load_recipe(path: Path) -> Recipe:
    """Read a recipe file.

    Raises
    ------
    MissingInput
        When there is no such file.
    RecipeError
        When it does not run or defines no `build`.
    """
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise MissingInput(
            f"no recipe can be read at {path} ({problem}); expected a Python file with build(seed)"
        ) from problem
    return recipe_from_source(source, name=path.stem)
