"""Models in whole numbers: what is registered, compared and paid for where inference is proven."""

from __future__ import annotations

from typing import Any

import pandas as pd

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.inputs import Inputs
from hokusai_mlflow.label_sets import required_statement
from hokusai_mlflow.recipe import Recipe
from hokusai_mlflow.spec import Spec

GRID_MARGIN = 1.0
"""A first version sees few rows, and its grid is for all that come: three times their range."""


def is_inferred(spec: Spec) -> bool:
    """Whether a spec asks for proofs that predictions are the models'."""
    return spec.verification != "oracle" and spec.proof.prove_inference


def require_kind(recipe: Recipe, spec: Spec) -> None:
    """Refuse a recipe whose model cannot be proven, before anything is fitted or spent.

    Raises
    ------
    InputError
    """
    if is_inferred(spec):
        from hokusai_mlflow.verification.zk.quantised import (  # noqa: PLC0415
            require_kind as check,
        )

        check(recipe.build(spec.seed))


def quantised(fitted: Any, features: pd.DataFrame, inputs: Inputs, champion: Any | None) -> Any:
    """A fitted model as the one that is registered, served, compared, proven and paid for.

    Parameters
    ----------
    fitted : estimator
    features : DataFrame
        The rows it was fitted on: both models are compared on them.
    inputs : Inputs
    champion : QuantisedClassifier or None
        Whose grid of features is taken over.

    Returns
    -------
    QuantisedClassifier

    Raises
    ------
    InputError
        When whole numbers do not follow the model, or its classes are not the metric's.
    """
    from hokusai_mlflow.verification.zk.quantised import (  # noqa: PLC0415
        QuantisedClassifier,
        quantise,
    )

    like = None if champion is None else required_model(champion, inputs.spec)
    made = quantise(fitted, features, like=like, margin=GRID_MARGIN)
    classes = required_statement(inputs).classes
    if made.classes != classes:
        raise InputError(
            f"the model knows the classes {list(made.classes)}, the evaluation has "
            f"{list(classes)}; inference is proven of models that know all of them and no other"
        )
    return QuantisedClassifier(made)


def required_model(model: Any, spec: Spec) -> Any:
    """The whole numbers of a model that was registered under `prove_inference`.

    Raises
    ------
    InputError
        When it was registered before that was asked for.
    """
    from hokusai_mlflow.verification.zk.quantised import QuantisedClassifier  # noqa: PLC0415

    if not isinstance(model, QuantisedClassifier):
        raise InputError(
            f"the champion of {spec.model} was registered without prove_inference, so it is not "
            "in whole numbers and its predictions cannot be proven; begin a new model with "
            "prove_inference, or switch it off"
        )
    return model.model
