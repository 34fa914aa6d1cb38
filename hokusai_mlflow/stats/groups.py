"""Which examples belong together."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.inputs import as_vector

Groups = npt.ArrayLike | tuple[npt.ArrayLike, npt.ArrayLike]
Codes = npt.NDArray[np.intp]


def group_ways(groups: Groups | None, n: int) -> tuple[Codes, ...]:
    """Codes of every way in which examples are grouped: none, one, or two.

    Parameters
    ----------
    groups : array-like, shape (n,), or a tuple of two of them, or None
        Two arrays group in two ways at once, such as by item and by rater.
    n : int
        Examples.

    Raises
    ------
    InputError
        When there is not one group per example, one is missing, or there is a single group.
    """
    if groups is None:
        return ()
    given = cast(tuple[npt.ArrayLike, ...], groups if _two_arrays(groups) else (groups,))
    ways = tuple(group_codes(way, n) for way in given)
    for codes in ways:
        if codes.max() == 0:
            raise InputError("expected at least two groups, found 1; bring more data")
    return ways


def one_way(groups: Groups | None, n: int) -> tuple[Codes, ...]:
    """Codes of the groups, none when examples stand for themselves.

    Raises
    ------
    InputError
        When there are two ways of grouping, which no resampling of units respects.
    """
    ways = group_ways(groups, n)
    if len(ways) > 1:
        raise InputError(
            "groups: expected one way of grouping, found two; group by the one that matters most, "
            "or use compare_outputs, which clusters both ways"
        )
    return ways


def group_codes(groups: npt.ArrayLike, n: int) -> Codes:
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


def _two_arrays(groups: Groups) -> bool:
    return (
        isinstance(groups, tuple) and len(groups) == 2 and all(np.ndim(way) == 1 for way in groups)
    )


def _object_codes(given: npt.NDArray[Any]) -> Codes:
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
