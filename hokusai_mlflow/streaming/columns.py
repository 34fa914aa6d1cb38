"""Arrow columns as the arrays that metrics take, without copying where that is possible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.stats.partial_counts import Coded

if TYPE_CHECKING:
    import pyarrow as pa

Array = Any
"""A numpy array, or labels that are `Coded`."""


def as_column(name: str, column: pa.Array, metric: Metric) -> Array:
    """One column of a batch.

    Parameters
    ----------
    name : str
        What the column is called, for messages.
    column : pyarrow.Array
        Numbers, booleans, strings, dictionaries of strings or of whole numbers, or lists.
    metric : Metric
        One of those that take it.

    Returns
    -------
    numpy.ndarray or Coded
        Strings become `Coded` for metrics of labels, and objects for all others.

    Raises
    ------
    InputError
        When a value is missing.
    """
    import pyarrow as pa  # noqa: PLC0415

    if column.null_count:
        at = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
        raise InputError(
            f"column {name!r}: expected every value to be there, found null at position {at} "
            f"({column.null_count} in all); fill or drop these examples"
        )
    kind = column.type
    if metric.output == "label" and (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        column, kind = column.dictionary_encode(), pa.dictionary(pa.int32(), kind)
    if pa.types.is_dictionary(kind):
        return _decoded(name, column, metric)
    if pa.types.is_nested(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return np.array([*column.to_pylist(), None], dtype=object)[:-1]
    try:
        # Bits, dates and the like are no numbers in memory that numpy could look at.
        return column.to_numpy(zero_copy_only=pa.types.is_floating(kind))
    except (pa.ArrowInvalid, NotImplementedError) as error:
        raise InputError(f"column {name!r}: cannot use {kind}: {error}") from error


def _decoded(name: str, column: Any, metric: Metric) -> Array:
    import pyarrow as pa  # noqa: PLC0415

    if column.dictionary.null_count:
        raise InputError(f"column {name!r}: its dictionary names a null; fill or drop the examples")
    kind = column.type.value_type
    if metric.output != "label" or not (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)
    ):
        return as_column(name, column.dictionary_decode(), metric)
    named = column.dictionary.to_numpy(zero_copy_only=False)
    table, place = np.unique(named, return_inverse=True)
    codes = column.indices.to_numpy()
    if len(table) == len(named):
        return Coded(codes, named)
    return Coded(place.reshape(-1)[codes], table)
