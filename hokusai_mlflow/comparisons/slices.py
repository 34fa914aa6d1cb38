"""Slices: named parts of the examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.stats.groups import group_codes

MOST = 50
"""More values than this are numbers or ids, not slices."""

Mask = npt.NDArray[np.bool_]


def masks(slices: Mapping[str, Any], n: int) -> dict[str, Mask]:
    """The examples of every slice, by the slice's name.

    Parameters
    ----------
    slices : mapping of str to array-like, shape (n,)
        Booleans choose the slice of that name; anything else makes one slice per value, named
        ``"column = value"``, in order of the values.
    n : int
        Examples.

    Raises
    ------
    InputError
        When there is not one entry per example, one is missing, or a column has more than 50
        values or only one.
    """
    found: dict[str, Mask] = {}
    for name, given in slices.items():
        values = np.asarray(given)
        codes = _codes(name, values, n)
        kinds = int(codes.max()) + 1
        if _boolean(values):
            if kinds != 2:
                raise InputError(f"slice {name!r}: expected some examples in it and some not")
            found[name] = values.astype(bool)
            continue
        if kinds < 2:
            raise InputError(f"slices: {name!r} has one value only, so there is nothing to part")
        if kinds > MOST:
            raise InputError(
                f"slices: {name!r} has {kinds:,} values, more than {MOST}; bin it, or pass masks"
            )
        of_code = {int(code): values[at] for at, code in reversed(list(enumerate(codes)))}
        for code in sorted(of_code, key=lambda code: _order(of_code[code])):
            found[f"{name} = {of_code[code]}"] = codes == code
    return found


def _codes(name: str, values: npt.NDArray[Any], n: int) -> npt.NDArray[np.intp]:
    try:
        return group_codes(values, n)
    except InputError as problem:
        told = str(problem).removeprefix("groups: ").replace("group", "slice")
        raise InputError(f"slices: {name!r}: {told}") from None


def _boolean(values: npt.NDArray[Any]) -> bool:
    return values.dtype.kind == "b" or set(map(type, values.tolist())) == {bool}


def _order(value: object) -> tuple[str, Any]:
    number = isinstance(value, (int, float, np.number))
    return ("", value) if number else (type(value).__name__, str(value))
