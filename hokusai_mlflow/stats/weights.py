"""How many times every example counts."""

from __future__ import annotations

import numpy.typing as npt

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.metrics.inputs import Floats, as_numbers


def as_weights(given: npt.ArrayLike) -> Floats:
    """Weights as finite numbers, shape (n,).

    Raises
    ------
    InputError
        When one is missing, infinite or negative, or all are 0.
    """
    weights = as_numbers("weights", given)
    if (weights < 0).any():
        raise InputError(
            f"weights: expected none below 0, found {weights.min():g}; "
            "an example counts 0 times or more"
        )
    if not weights.any():
        raise InputError("weights: expected one above 0, found only 0; nothing would count")
    return weights


def weighted_statistics(
    metric: Metric,
    targets: npt.ArrayLike | None,
    output: npt.ArrayLike,
    weights: Floats | None,
) -> Floats:
    """Statistics of every example, shape (n, k), counting as often as its weight says.

    Raises
    ------
    InputError
        When an input is malformed, or there is not one weight per example.
    """
    if weights is None:
        return metric.statistics(targets, output)
    if len(weights) != len(output):  # type: ignore[arg-type]
        raise InputError(
            f"expected one weight per example, found {len(weights)} for {len(output)} examples"  # type: ignore[arg-type]
        )
    return metric.weighted(targets, output, weights)
