"""Models by URI: loading them, and which columns they want."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from hokusai_mlflow.errors import InputError, UnknownName, did_you_mean
from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.predicting import predict


class LoadedModel:
    """A model of the current MLflow store, asked for what a metric needs.

    Parameters
    ----------
    uri : str
        ``models:/name@alias``, ``models:/name/3`` or ``runs:/…``.

    Raises
    ------
    InputError
        When no model can be loaded from there.
    """

    def __init__(self, uri: str) -> None:
        import mlflow  # noqa: PLC0415
        from mlflow.exceptions import MlflowException  # noqa: PLC0415

        self.uri = uri
        try:
            info = mlflow.models.get_model_info(uri)
            self.scikit = "sklearn" in info.flavors
            loaders = mlflow.sklearn if self.scikit else mlflow.pyfunc
            self.model: Any = loaders.load_model(uri)
        except (MlflowException, OSError) as problem:
            raise InputError(f"no model can be loaded from {uri}: {problem}") from problem
        self.columns = wanted_columns(info.signature, self.model)

    def outputs(
        self,
        rows: pd.DataFrame,
        metric: Metric,
        *,
        beside: Collection[str],
        targets: Any = None,
    ) -> np.ndarray:
        """What the model says of every row, in the form that a metric needs.

        Parameters
        ----------
        rows : DataFrame, n rows
            Features, and perhaps more.
        metric : Metric
            Bound to the targets.
        beside : collection of str
            Columns that are no features unless the model itself names them.
        targets : array-like, optional
            The texts that a language model is to score.

        Raises
        ------
        InputError
            When a column that the model wants is missing, or it cannot give scores.
        """
        if metric.output in ("score", "scores") and not self.scikit:
            raise InputError(
                f"{self.uri} is no scikit-learn model, and {metric.name} needs scores: write its "
                "scores to a file or a column and compare those"
            )
        features = features_of(rows, self.columns, beside, self.uri)
        return predict(self.model, features, metric, name=self.uri, targets=targets)

    def __repr__(self) -> str:
        return f"LoadedModel({self.uri})"


def wanted_columns(signature: Any, model: Any) -> list[str] | None:
    """The columns that a model wants by its signature or as it was fitted; None when unknown."""
    inputs = getattr(signature, "inputs", None)
    if inputs is not None and inputs.has_input_names():
        return list(inputs.required_input_names())
    fitted = getattr(model, "feature_names_in_", None)
    return None if fitted is None else [str(name) for name in fitted]


def features_of(
    rows: pd.DataFrame, columns: list[str] | None, beside: Collection[str], name: str
) -> pd.DataFrame:
    """The columns that a model wants, or all but those beside.

    Raises
    ------
    UnknownName
        When one is missing.
    """
    if columns is None:
        return rows.drop(columns=[column for column in beside if column in rows.columns])
    for column in columns:
        if column not in rows.columns:
            raise UnknownName(
                f"{name} wants the column {column!r}, which the data do not have"
                f"{did_you_mean(column, map(str, rows.columns))}"
            )
    return rows[columns]
