"""Whether every row has an id of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.streaming.columns import as_column
from hokusai_mlflow.streaming.source import Batch

if TYPE_CHECKING:
    import pyarrow as pa

_OBJECTS = metric("mse")
_PAIR = np.dtype([("high", np.uint64), ("low", np.uint64)])


def require_unique(
    batches: Iterable[Batch], column: str, done: Callable[[int], None] | None = None
) -> None:
    """Refuse ids that occur twice.

    Keeps 8 bytes per row for whole numbers, and a 128-bit hash of every string.

    Raises
    ------
    InputError
        When an id is missing, is no whole number or string, or occurs twice.
    """
    kept = []
    for batch in batches:
        kept.append(_keys(column, batch.rows.column(0)))
        if done is not None:
            done(batch.rows.num_rows)
    if not kept:
        return
    ids = np.concatenate(kept)
    kept.clear()
    if ids.dtype == _PAIR:
        ids = ids[np.argsort(ids["high"], kind="stable")]
        # Strings whose first half agrees lie side by side; only then the second half decides.
        again = np.flatnonzero(ids["high"][1:] == ids["high"][:-1])
        twice = sum(ids[at + 1] == ids[at] for at in again)
        example = ""
    else:
        ids.sort()
        again = np.flatnonzero(ids[1:] == ids[:-1])
        twice = len(again)
        example = f", for example {ids[again[0]]}" if twice else ""
    if twice:
        raise InputError(
            f"column {column!r}: expected every id once, found {twice:,} again{example}; "
            "an example may count once only"
        )


def _keys(column: str, given: pa.Array) -> npt.NDArray[np.generic]:
    values = np.asarray(as_column(column, given, _OBJECTS))
    if values.dtype.kind in "iu":
        return values
    if values.dtype.kind != "O" or not isinstance(values[0], str):
        raise InputError(f"column {column!r}: expected ids that are whole numbers or strings")
    from pandas.util import hash_array  # noqa: PLC0415

    keys = np.empty(len(values), dtype=_PAIR)
    keys["high"] = hash_array(values, categorize=False)
    keys["low"] = hash_array(values, categorize=False, hash_key="another hash key")
    return keys
