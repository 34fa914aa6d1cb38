"""Canonical digests of rows, datasets and evaluation sets.

Two files that hold the same values have the same digests, whatever wrote them: every cell becomes
33 bytes (a kind and a value), columns are taken in the order of their names, and rows are hashed
with SHA-256. Numbers compare by value (1, 1.0 and True are one number, -0.0 is 0.0), text by its
Unicode normal form NFC, and every spelling of "missing" is one missing value. A number and the
text that spells it are different, and 32-bit floats stand for the double they widen to.
"""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
import math
import unicodedata
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from hokusai_mlflow.errors import InputError

CELL = 33
_CHUNK = 8192
_EXACT = 2**53
Cells = npt.NDArray[np.uint8]


def normalise(text: str) -> str:
    """Text in Unicode normal form C, so that composed and decomposed accents are equal."""
    return unicodedata.normalize("NFC", text)


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _text_cell(text: str) -> bytes:
    return b"s" + _sha256(normalise(text).encode("utf-8", "surrogatepass"))


def _number_cell(number: int | float) -> bytes:
    if isinstance(number, int):
        # Beyond 2^53 not every integer is a double; those that are not keep all their digits.
        if abs(number) >= 2**1023 or int(float(number)) != number:
            return b"i" + _sha256(str(number).encode())
    elif math.isnan(number):
        return bytes(CELL)
    return b"n" + np.array(float(number) + 0.0, dtype=">f8").tobytes() + bytes(24)


def _cell(value: Any, column: str) -> bytes:
    if value is None or value is pd.NA or value is pd.NaT:
        return bytes(CELL)
    if isinstance(value, str):
        return _text_cell(value)
    if isinstance(value, (bool, np.bool_, int, np.integer)):
        return _number_cell(int(value))
    if isinstance(value, (float, np.floating, decimal.Decimal)):
        return _number_cell(float(value))
    if isinstance(value, (dt.date, dt.time)):
        return b"d" + _sha256(value.isoformat().encode())
    raise InputError(
        f"column {column!r} holds a {type(value).__name__}; expected numbers, text, dates "
        "or missing values: turn it into columns of those"
    )


def _float_cells(values: npt.NDArray[np.float64]) -> Cells:
    cells = np.zeros((len(values), CELL), dtype=np.uint8)
    present = ~np.isnan(values)
    cells[present, 0] = ord("n")
    plain = np.where(present, values, 0.0) + 0.0
    cells[:, 1:9] = plain.astype(">f8").view(np.uint8).reshape(-1, 8)
    return cells


def encode_column(values: pd.Series, name: str) -> Cells:
    """Every value of one column as a canonical cell.

    Parameters
    ----------
    values : pandas.Series of length n
        Numbers, booleans, text, dates or missing values, mixed or not.
    name : str
        The column's name, for messages.

    Returns
    -------
    (n, 33) uint8 array
        One row of bytes per value: a byte for its kind, 32 for its value.
    """
    if pd.api.types.is_bool_dtype(values.dtype) or pd.api.types.is_numeric_dtype(values.dtype):
        as_float = values.to_numpy(dtype=np.float64, na_value=np.nan)
        if pd.api.types.is_float_dtype(values.dtype) or not (np.abs(as_float) >= _EXACT).any():
            return _float_cells(as_float)
    elif isinstance(values.dtype, (np.dtypes.DateTime64DType, pd.DatetimeTZDtype)):
        values = values.astype(object)
    try:
        codes, uniques = pd.factorize(values, use_na_sentinel=True)
    except TypeError as error:
        raise InputError(
            f"column {name!r} holds lists or other values that are not single values; expected "
            "numbers, text, dates or missing values: turn it into columns of those"
        ) from error
    table = b"".join([*(_cell(value, name) for value in uniques), bytes(CELL)])
    return np.frombuffer(table, dtype=np.uint8).reshape(-1, CELL)[codes]


def row_digests(features: pd.DataFrame) -> npt.NDArray[np.str_]:
    """Digest of every row's features, without its target and id.

    Parameters
    ----------
    features : (n, p) data frame
        Column order and file format do not matter; column names do.

    Returns
    -------
    (n,) array of str
        32 hexadecimal digits (128 bits of SHA-256) per row.
    """
    features = features.rename(columns=str)
    names = sorted(features.columns)
    header = _sha256(b"hokusai:row:1" + b"".join(_text_cell(name) for name in names))
    digests: list[str] = []
    for start in range(0, len(features), _CHUNK):
        part = features.iloc[start : start + _CHUNK]
        block = np.concatenate([encode_column(part[name], name) for name in names], axis=1)
        width, raw = block.shape[1], block.tobytes()
        base = hashlib.sha256(header)
        for at in range(0, len(raw), width):
            row = base.copy()
            row.update(raw[at : at + width])
            digests.append(row.hexdigest()[:32])
    return np.array(digests, dtype="<U32")


def _sorted_digest(domain: bytes, columns: Iterable[Cells]) -> str:
    block = np.concatenate(list(columns), axis=1)
    width, raw = block.shape[1], block.tobytes()
    records = sorted(raw[at : at + width] for at in range(0, len(raw), width))
    return hashlib.sha256(domain + b"".join(records)).hexdigest()


def evaluation_digest(ids: npt.ArrayLike, targets: npt.ArrayLike) -> str:
    """Commitment to an evaluation set: its example ids and their targets.

    Parameters
    ----------
    ids : (n,) array of str
        Example ids.
    targets : (n,) array
        Labels or numbers. 3 and 3.0 are equal.

    Returns
    -------
    str
        64 hexadecimal digits (SHA-256). The order of the examples does not matter.
    """
    ids, targets = np.asarray(ids), np.asarray(targets)
    if ids.shape != targets.shape or ids.ndim != 1:
        raise InputError(f"expected one target per id, got {len(ids)} ids and {len(targets)}")
    return _sorted_digest(
        b"hokusai:evaluation:1",
        [encode_column(pd.Series(ids), "id"), encode_column(pd.Series(targets), "target")],
    )


def shown_digest(sets: Iterable[tuple[npt.ArrayLike, npt.ArrayLike]]) -> str:
    """Commitment to all examples that oracles see: of the gate, then of the payment, if apart.

    Parameters
    ----------
    sets : iterable of (ids, targets)

    Returns
    -------
    str
        64 hexadecimal digits (SHA-256).
    """
    digests = "".join(evaluation_digest(ids, targets) for ids, targets in sets)
    return hashlib.sha256(digests.encode()).hexdigest()


def content_digest(ids: npt.ArrayLike, rows: npt.ArrayLike, targets: npt.ArrayLike) -> str:
    """Commitment to a whole dataset: ids, row digests and targets, in any order.

    Parameters
    ----------
    ids, rows, targets : (n,) arrays
        Example ids, row digests of `row_digests`, and targets.

    Returns
    -------
    str
        64 hexadecimal digits (SHA-256).
    """
    named = (("id", ids), ("row", rows), ("target", targets))
    return _sorted_digest(
        b"hokusai:dataset:1",
        [encode_column(pd.Series(np.asarray(values)), name) for name, values in named],
    )
