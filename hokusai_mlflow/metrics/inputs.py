"""Targets and model outputs, checked once, before any arithmetic sees them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError, did_you_mean

_KINDS = {"b": "booleans", "S": "bytes", "M": "dates", "m": "durations", "c": "complex numbers"}

Floats = npt.NDArray[np.float64]
Vector = npt.NDArray[Any]
Label = int | str
Targets = npt.ArrayLike | None
"""None for metrics that compare the output with nothing, such as ratings."""


def as_vector(name: str, given: Targets) -> Vector:
    """A non-empty one-dimensional array without masked entries.

    Parameters
    ----------
    name : str
        What it is called in messages.
    given : array-like, shape (n,)
        Array, list or series.

    Raises
    ------
    InputError
        When it is empty, masked, ragged or of another shape.
    """
    if given is None:
        raise InputError(f"{name}: expected one value per example, found None")
    if isinstance(given, np.ma.MaskedArray) and np.ma.getmaskarray(given).any():
        raise InputError(
            f"{name}: expected every value to be there, found masked entries; drop them"
        )
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise InputError(f"{name}: expected one value per example, found {error}") from error
    if array.ndim != 1:
        hint = "; pass one column" if array.ndim == 2 else ""
        raise InputError(
            f"{name}: expected one value per example, found an array of shape {array.shape}{hint}"
        )
    if array.size == 0:
        raise InputError(f"{name}: expected at least one example, found none")
    return array


def as_numbers(name: str, given: Targets) -> Floats:
    """Finite float64 numbers, shape (n,).

    Raises
    ------
    InputError
        When a value is missing, infinite, or not a number (a string that looks like one included).
    """
    array = as_vector(name, given)
    if array.dtype.kind == "O":
        array = _unboxed(name, array, "numbers")
    if array.dtype.kind not in "fiub":
        found = "strings" if array.dtype.kind == "U" else _KINDS.get(array.dtype.kind, "objects")
        raise InputError(f"{name}: expected numbers, found {found}; convert them first")
    numbers = array.astype(np.float64)
    _require_finite(name, numbers)
    return numbers


def as_weights(given: npt.ArrayLike, n: int) -> Floats:
    """Weight of every example, shape (n,).

    Raises
    ------
    InputError
        When a weight is missing, infinite or negative, all are 0, or their number is not n.
    """
    weights = as_numbers("weights", given)
    if len(weights) != n:
        raise InputError(f"weights: expected one per example ({n}), found {len(weights)}")
    if (weights < 0).any():
        at = int(np.flatnonzero(weights < 0)[0])
        raise InputError(f"weights: expected none below 0, found {weights[at]:g} at position {at}")
    if not weights.any():
        raise InputError("weights: expected at least one above 0, found zeros only")
    return weights


def as_probabilities(name: str, given: npt.ArrayLike, k: int) -> Floats:
    """A probability of each of k classes per example, shape (n, k).

    Raises
    ------
    InputError
        When the shape is another, a value is outside 0–1, or a row does not sum to 1.
    """
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise InputError(f"{name}: expected {k} numbers per example, found {error}") from error
    if array.ndim != 2 or array.shape[1] != k:
        raise InputError(
            f"{name}: expected a probability for each of {k} classes, shape (n, {k}), "
            f"found an array of shape {array.shape}"
        )
    if np.ma.isMaskedArray(given):
        raise InputError(f"{name}: expected a plain array, found a masked one; fill or drop rows")
    shares = as_numbers(name, array.ravel()).reshape(array.shape)
    outside = (shares < 0) | (shares > 1)
    if outside.any():
        at, column = np.argwhere(outside)[0]
        raise InputError(
            f"{name}: expected probabilities from 0 to 1, found {shares[at, column]:g} for "
            f"example {at}; apply softmax to logits first"
        )
    total = shares.sum(axis=1)
    off = np.abs(total - 1) > 1e-5
    if off.any():
        at = int(np.flatnonzero(off)[0])
        raise InputError(
            f"{name}: expected the probabilities of an example to sum to 1, found {total[at]:g} "
            f"for example {at}; give every class a column, and normalise"
        )
    return shares


def as_labels(name: str, given: Targets) -> Vector:
    """Class labels as int64 or as strings, shape (n,); booleans and whole floats become int64.

    Raises
    ------
    InputError
        When a label is missing, of mixed types, or a fraction (a probability is not a class).
    """
    array = as_vector(name, given)
    if array.dtype.kind == "O":
        array = _unboxed(name, array, "class labels")
    if array.dtype.kind == "U":
        return array
    if array.dtype.kind in "biu":
        return array.astype(np.int64)
    if array.dtype.kind != "f":
        found = _KINDS.get(array.dtype.kind, "objects")
        raise InputError(f"{name}: expected class labels (whole numbers or strings), found {found}")
    _require_finite(name, array)
    with np.errstate(invalid="ignore"):
        whole = array.astype(np.int64)
    if not np.array_equal(whole, array):
        at = int(np.flatnonzero(whole != array)[0])
        raise InputError(
            f"{name}: expected class labels, found {array[at]!r} at position {at}; "
            "turn probabilities into classes first, or choose a metric of scores"
        )
    return whole


def as_ids(name: str, given: npt.ArrayLike) -> Vector:
    """Names of things, strings or int64, shape (n,).

    Raises
    ------
    InputError
        When one is missing, they are of mixed types, or are fractions.
    """
    array = as_vector(name, given)
    if array.dtype.kind == "O":
        array = _unboxed(name, array, "ids")
    if array.dtype.kind == "U":
        return array
    if array.dtype.kind in "biu":
        return array.astype(np.int64)
    if array.dtype.kind == "f":
        _require_finite(name, array)
        if not (array % 1).any():
            return array.astype(np.int64)
    found = _KINDS.get(array.dtype.kind, "fractions" if array.dtype.kind == "f" else "objects")
    raise InputError(f"{name}: expected strings or whole numbers, found {found}; convert them")


def require_pairs(targets: Vector, output: Vector, *, labels: bool = False) -> None:
    """Same length, and for labels the same kind, so that "1" never meets 1.

    Raises
    ------
    InputError
        When they cannot be compared element by element.
    """
    if len(targets) != len(output):
        raise InputError(
            f"expected one prediction per target, found {len(output)} predictions "
            f"for {len(targets)} targets"
        )
    if labels and (targets.dtype.kind == "U") != (output.dtype.kind == "U"):
        kinds = ["strings" if array.dtype.kind == "U" else "numbers" for array in (targets, output)]
        raise InputError(
            f"expected targets and predictions of one kind, found {kinds[0]} in the targets and "
            f"{kinds[1]} in the predictions; convert one of them"
        )


def as_label(name: str, given: object) -> Label:
    """One class label as int or str, whatever scalar it came in.

    Raises
    ------
    InputError
        When it is neither a whole number nor a string.
    """
    if isinstance(given, str):
        return str(given)
    if isinstance(given, (bool, int, np.bool_, np.integer)):
        return int(given)
    if isinstance(given, (float, np.floating)) and float(given).is_integer():
        return int(given)
    raise InputError(f"{name}: expected a class label (whole number or string), found {given!r}")


def class_codes(name: str, labels: Vector, classes: tuple[Label, ...]) -> npt.NDArray[np.intp]:
    """Position of every label in `classes` (sorted), shape (n,).

    Raises
    ------
    InputError
        When a label is not among the classes.
    """
    table = np.asarray(classes)
    if (table.dtype.kind == "U") != (labels.dtype.kind == "U"):
        raise InputError(
            f"{name}: expected classes like {classes[0]!r}, found {labels[0].item()!r}; "
            "use one kind of label everywhere"
        )
    codes = np.searchsorted(table, labels)
    found = table[np.minimum(codes, len(table) - 1)] == labels
    if not found.all():
        stranger = labels[np.flatnonzero(~found)[0]].item()
        known = did_you_mean(str(stranger), map(str, classes))
        raise InputError(
            f"{name}: unknown class {stranger!r}{known}; "
            "pass classes=[...] when the targets do not show every class"
        )
    return codes


def _unboxed(name: str, array: Vector, wanted: str) -> Vector:
    kinds = set(map(type, array.tolist()))
    if kinds <= {str, np.str_}:
        return array.astype(str)
    if kinds <= {bool, int, float, np.bool_} or all(issubclass(k, np.number) for k in kinds):
        try:
            return np.asarray(array.tolist())
        except (OverflowError, ValueError) as error:
            raise InputError(f"{name}: expected {wanted}, found {error}") from error
    told = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise InputError(
        f"{name}: expected {wanted} of one kind, found {told}; "
        "fill or drop missing values and convert to one type"
    )


def _require_finite(name: str, numbers: Vector) -> None:
    finite = np.isfinite(numbers)
    if not finite.all():
        bad = np.flatnonzero(~finite)
        raise InputError(
            f"{name}: expected finite numbers, found {numbers[bad[0]]} at position {bad[0]} "
            f"({len(bad)} in all); repair or drop these examples"
        )
