"""What single columns of a file hold: ids, targets, times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from hokusai_mlflow.contributions.digests import normalise
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.files import require_room

LEAST_LIMIT = 2**26
"""Letters that are never too many to ask for the limit of memory."""
_INT64 = np.iinfo(np.int64)


def read_ids(column: pd.Series, what: str) -> npt.NDArray[np.str_]:
    """A column as text; whole numbers are written without a fraction."""
    missing = column.isna().to_numpy()
    if missing.any():
        raise InputError(f"{what} is missing in row {int(missing.argmax()) + 1}")
    if pd.api.types.is_float_dtype(column.dtype) and (column % 1 == 0).all():
        # As Python's integers, which have no largest one.
        return as_text([str(int(one)) for one in column], what)
    return as_text([normalise(str(one)) for one in column], what)


def as_text(values: list[str], what: str) -> npt.NDArray[np.str_]:
    """Texts as an array, in which each takes the place of the longest.

    Raises
    ------
    InputError
        When that would not fit into memory.
    """
    longest = max(map(len, values), default=0)
    if longest * len(values) > LEAST_LIMIT:
        row = max(range(len(values)), key=lambda at: len(values[at])) + 1
        required = 4 * longest * len(values)
        require_room(required, f"{what}: {longest:,} letters in row {row}; as many in each row")
    return np.array(values, dtype=np.str_)


def check_unique(ids: npt.NDArray[np.str_], name: str, column: str | None) -> None:
    """Raise InputError when an id appears twice; `column` is None where rows are their own ids."""
    known, counts = np.unique(ids, return_counts=True)
    if len(known) == len(ids):
        return
    repeated = known[counts > 1]
    if column is None:
        raise InputError(
            f"{name}: {len(repeated)} row(s) appear more than once, so a row's content cannot be "
            "its id; add a column of example ids and name it in the spec (data.id)"
        )
    raise InputError(
        f"{name}: {len(repeated)} id(s) in column {column!r} appear more than once, "
        f"for example {str(repeated[0])!r}; expected one row per id"
    )


def read_targets(column: pd.Series, what: str) -> npt.NDArray[Any]:
    """A column of targets: int64, float64 or text, never missing, never infinite."""
    missing = column.isna().to_numpy()
    if missing.any():
        raise InputError(
            f"{what} is missing (NaN) in {missing.sum()} row(s), first in row "
            f"{int(missing.argmax()) + 1}; remove those rows or fill them in"
        )
    if pd.api.types.is_bool_dtype(column.dtype) or pd.api.types.is_integer_dtype(column.dtype):
        _require_int64(column, what)
        return column.to_numpy(dtype=np.int64)
    if pd.api.types.is_numeric_dtype(column.dtype):
        values = column.to_numpy(dtype=np.float64)
        if not np.isfinite(values).all():
            first = int((~np.isfinite(values)).argmax()) + 1
            raise InputError(f"{what} is infinite in row {first}; expected finite numbers")
        return values
    plain = column.astype(object)
    _require_encodable(plain, what)
    kinds = {isinstance(one, str) for one in plain}
    if kinds == {True}:
        return _texts([normalise(one) for one in plain], what)
    if all(isinstance(one, int) for one in plain):
        _require_int64(plain, what)
    try:
        numbers = pd.to_numeric(plain) if kinds == {False} else None
    except (TypeError, ValueError):
        numbers = None
    if numbers is None or not pd.api.types.is_numeric_dtype(numbers.dtype):
        examples = {type(one).__name__: one for one in plain}
        raise InputError(f"{what} mixes kinds or holds unusable ones, for example {examples}")
    return read_targets(numbers, what)


def _require_int64(values: pd.Series, what: str) -> None:
    """Raise InputError when an integer is too large for int64, in which it would wrap around."""
    for at in np.flatnonzero(((values < _INT64.min) | (values > _INT64.max)).to_numpy(bool)):
        raise InputError(
            f"{what} is {values.iloc[at]} in row {at + 1}, expected integers from -2^63 to "
            "2^63 - 1; scale them if they are amounts, write them as text if they are names"
        )


def _texts(found: list[str], what: str) -> npt.NDArray[np.str_]:
    for at, one in enumerate(found):
        if "\0" in one:
            raise InputError(f"{what} holds the character NUL in row {at + 1}; remove it")
    return as_text(found, what)


def check_written(table: pd.DataFrame, name: str) -> None:
    """Raise InputError when a text has no UTF-8 form, as half of a surrogate pair has none."""
    for column in table.select_dtypes(exclude="number"):
        _require_encodable(table[column], f"{name}: column {column!r}")


def _require_encodable(values: pd.Series, what: str) -> None:
    for at, value in enumerate(values):
        if isinstance(value, str) and not _encodable(value):
            raise InputError(
                f"{what} cannot be written in UTF-8 in row {at + 1}: {value!r:.60}; repair how it "
                "was decoded"
            )


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_times(column: pd.Series, what: str) -> npt.NDArray[Any]:
    """Numbers as they are, dates as nanoseconds; equal times are equal, whatever their spelling."""
    missing = column.isna().to_numpy()
    if missing.any():
        raise InputError(f"{what} is missing in row {int(missing.argmax()) + 1}")
    if pd.api.types.is_numeric_dtype(column.dtype):
        values = column.to_numpy(dtype=np.float64)
        if not np.isfinite(values).all():
            raise InputError(f"{what} is infinite; expected finite numbers or ISO 8601 dates")
        return values
    try:
        dates = pd.to_datetime(column, format="ISO8601", utc=True)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{what}: expected numbers or ISO 8601 dates such as 2026-03-31, found {error}"
        ) from error
    return dates.to_numpy(dtype="datetime64[ns]").astype(np.int64)


def check_finite(table: pd.DataFrame, name: str) -> None:
    """Raise InputError when a column of numbers holds an infinity."""
    for column in table.select_dtypes("number"):
        infinite = np.isinf(table[column].to_numpy(dtype=np.float64, na_value=np.nan))
        if infinite.any():
            raise InputError(
                f"{name}: column {column!r} is infinite in {infinite.sum()} row(s), first in row "
                f"{int(infinite.argmax()) + 1}; expected numbers or missing values"
            )


def read_metadata(
    frame: pd.DataFrame, columns: Sequence[str], *, time: str | None, name: str
) -> pd.DataFrame | None:
    """Columns that tell examples apart: text, but for the one that orders them in time."""
    if not columns:
        return None
    told = {
        column: read_times(frame[column], f"{name}: time column {column!r}")
        if column == time
        else read_ids(frame[column], f"{name}: column {column!r}").astype(object)
        for column in columns
    }
    return pd.DataFrame(told)
