"""Tables from files: one reader for everything that is given as CSV or Parquet."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from hokusai_mlflow.errors import InputError, MissingInput
from hokusai_mlflow.files import (
    header_of,
    require_once,
    require_parquet,
    require_table,
    require_whole,
)

# Newer pandas reads floats to the last bit by itself and warns when asked to.
_PANDAS = tuple(int(part) for part in pd.__version__.split(".")[:2])
_EXACT_FLOATS: dict[str, Any] = {} if _PANDAS >= (3, 1) else {"float_precision": "round_trip"}


def read_table(
    path: Path,
    *,
    name: str,
    id: str | None = None,
    base: Path | None = None,
    typed: Collection[str] | None = None,
    texts: Collection[str] = (),
) -> pd.DataFrame:
    """The content of a `.csv` (UTF-8, comma) or `.parquet` file.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Label for messages.
    id : str, optional
        Column with example ids, which stay text: 007 is not 7.
    base : Path, optional
        Folder that a relative path starts from.
    typed : collection of str, optional
        Where texts are learned from, the only columns of a CSV file that may be numbers or missing;
        all others are text as it is written: "NA" is a word, and "007" no number.
    texts : collection of str
        Columns of a CSV file that are text as it is written, where `typed` is not given.

    Raises
    ------
    MissingInput
        The file does not exist or cannot be read.
    InputError
        It is no valid file of its kind, a column appears twice, a row is shorter or longer than the
        header, or it would not fit into memory.
    """
    where = "" if name == str(path) else f"{name}: "
    path = (base / path) if base is not None else path
    suffix = require_table(path, where=where)
    try:
        if suffix == ".parquet":
            require_parquet(path, where=where)
            return pd.read_parquet(path)
        return _read_csv(path, name, id, typed, texts)
    except InputError:
        raise
    except pd.errors.EmptyDataError as error:
        raise InputError(f"{where}{path} is empty; expected a header and rows") from error
    except OSError as error:
        raise MissingInput(f"{where}{path} cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{where}{path} is not UTF-8 text: {error}") from error
    except (ValueError, csv.Error, pd.errors.ParserWarning) as error:
        raise InputError(f"{where}{path} is not a valid {suffix} file: {error}") from error
    except MemoryError as error:
        raise InputError(
            f"{where}{path} needs more memory than there is; bring it in parts"
        ) from error


def _read_csv(
    path: Path,
    name: str,
    id_column: str | None,
    typed: Collection[str] | None,
    texts: Collection[str],
) -> pd.DataFrame:
    # pandas would rename the second of two equal columns.
    require_once(header_of(path), f"{name}: ")
    table = _parsed(path, dtype=None if id_column is None else {id_column: str}, **_EXACT_FLOATS)
    # A row that is too short misses the last value; only then is a second look at the file needed.
    if table.iloc[:, -1].isna().any():
        require_whole(path, where=f"{name}: ")
    if typed is None:
        written = table.columns.intersection(list(texts))
    else:
        written = table.columns.difference([*typed, *([] if id_column is None else [id_column])])
    if len(written):
        as_written = _parsed(path, dtype=str, keep_default_na=False)
        for column in written:
            table[column] = as_written[column]
    return table


def _parsed(path: Path, **options: Any) -> pd.DataFrame:
    with warnings.catch_warnings():
        # A row longer than the header is cut with only this warning.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        table: pd.DataFrame = pd.read_csv(
            path, encoding="utf-8-sig", index_col=False, low_memory=False, **options
        )
    return table


def duplicated(columns: pd.Index[Any]) -> list[str]:
    """Names that appear more than once, sorted."""
    return sorted({str(column) for column in columns[columns.duplicated()]})
