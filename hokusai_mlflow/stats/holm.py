"""Holm's step-down adjustment of p-values for several tests at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError


def holm(p_values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Adjusted p-values: rejecting those at or below α keeps any false rejection's chance at α.

    With the p-values in ascending order, the j-th of m is multiplied by m − j + 1, then made at
    least as large as those before it, and at most 1. Holds under any dependence between the tests.
    Holm (1979), Scandinavian Journal of Statistics 6(2), 65–70, https://www.jstor.org/stable/4615733.

    Parameters
    ----------
    p_values : array-like, shape (m,)
        One per null hypothesis, each from 0 to 1.

    Returns
    -------
    array, shape (m,)
        Adjusted p-values in the order given.

    Raises
    ------
    InputError
        When a value is missing, not a number, or outside 0 to 1.
    """
    try:
        given = np.asarray(p_values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"expected p-values from 0 to 1, found {error}") from error
    if given.ndim != 1:
        raise InputError(f"expected one p-value per test, found an array of shape {given.shape}")
    if not ((given >= 0) & (given <= 1)).all():
        outside = given[~((given >= 0) & (given <= 1))]
        raise InputError(f"expected p-values from 0 to 1, found {outside[0]}")
    order = np.argsort(given, kind="stable")
    raised = np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1))
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(raised, 1.0)
    return adjusted
