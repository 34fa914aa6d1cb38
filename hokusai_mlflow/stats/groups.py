"""Which examples belong together."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.inputs import as_vector


def group_codes(groups: npt.ArrayLike, n: int) -> npt.NDArray[np.intp]:
    """Position of every example's group, 0 … G−1, shape (n,).

    Raises
    ------
    InputError
        When there is not one group per example, or one is missing.
    """
    given = as_vector("groups", groups)
    if len(given) != n:
        raise InputError(f"expected one group per example, found {len(given)} for {n} examples")
    if given.dtype.kind == "f" and np.isnan(given).any():
        raise InputError("groups: expected a group for every example, found NaN; name them all")
    if given.dtype.kind == "O":
        return _object_codes(given)
    return np.unique(given, return_inverse=True)[1].reshape(-1)


def _object_codes(given: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    seen: dict[Hashable, int] = {}
    codes = np.empty(len(given), dtype=np.intp)
    for at, group in enumerate(given.tolist()):
        if group is None or not _equals_itself(group):
            raise InputError(f"groups: expected a group for every example, found {group!r} at {at}")
        codes[at] = seen.setdefault(group, len(seen))
    return codes


def _equals_itself(group: object) -> bool:
    # NaN and its kin do not, and pandas' NA cannot say.
    try:
        return bool(group == group)  # noqa: PLR0124
    except TypeError:
        return False
