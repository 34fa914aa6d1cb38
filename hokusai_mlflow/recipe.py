"""The user's recipe: one Python file with `build(seed)`, returning an unfitted estimator.

The file's text is the recipe's identity. It is kept with every model that it made, so that a later
run can refit the champion's recipe beside the candidate's.
"""

from __future__ import annotations

import hashlib
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd

from hokusai_mlflow.errors import InputError, MissingInput, RecipeError
from hokusai_mlflow.metrics.base import Metric


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
            with warnings.catch_warnings():
                # Convergence and dtype notes of refits are the recipe author's matter.
                warnings.simplefilter("ignore")
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
    module = sys.modules.get(module_name)
    if module is None:
        module = ModuleType(module_name)
        sys.modules[module_name] = module
        try:
            exec(compile(source, f"{name}.py", "exec"), module.__dict__)
        except Exception as problem:
            del sys.modules[module_name]
            raise RecipeError(
                f"the recipe does not run: {type(problem).__name__}: {problem}"
            ) from problem
        # A registered model must load where this recipe file is not importable.
        cloudpickle.register_pickle_by_value(module)
    build = getattr(module, "build", None)
    if not callable(build):
        raise RecipeError("the recipe defines no function build(seed) -> unfitted estimator")
    return Recipe(source, build)


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
    except OSError as problem:
        raise MissingInput(
            f"no recipe at {path}; expected a Python file with build(seed)"
        ) from problem
    return recipe_from_source(source, name=path.stem)


def predict(model: Any, features: pd.DataFrame, metric: Metric, *, name: str) -> np.ndarray:
    """A model's output on every example, in the form that a metric needs.

    Parameters
    ----------
    model : estimator
        Fitted, with scikit-learn's interface.
    features : DataFrame, n rows
        The examples.
    metric : Metric
        Decides between predicted labels or values (`predict`) and the positive class' score
        (`predict_proba`, else `decision_function`).
    name : str
        The model, for error messages.

    Returns
    -------
    ndarray, shape (n,)
        One output per example, in the order given.

    Raises
    ------
    RecipeError
        When the model fails on these rows.
    InputError
        When it returns another number of outputs than there are rows.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if metric.output != "score":
                output = np.asarray(model.predict(features))
            elif hasattr(model, "predict_proba"):
                output = np.asarray(model.predict_proba(features))[:, -1]
            else:
                output = np.asarray(model.decision_function(features))
    except Exception as problem:
        raise RecipeError(
            f"the {name} could not predict {len(features):,} rows: "
            f"{type(problem).__name__}: {problem}"
        ) from problem
    if output.shape != (len(features),):
        raise InputError(
            f"the {name} returned predictions of shape {output.shape} for {len(features):,} rows; "
            "expected one per row"
        )
    return output
