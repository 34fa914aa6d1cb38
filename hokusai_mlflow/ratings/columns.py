"""Columns of a table of ratings: read, named, complete and without repeats."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

import numpy as np

from hokusai_mlflow.errors import InputError, MissingInput, UnknownName, did_you_mean
from hokusai_mlflow.files import (
    header_of,
    require_once,
    require_parquet,
    require_table,
    require_whole,
)
from hokusai_mlflow.metrics.inputs import Vector

if TYPE_CHECKING:
    import pandas as pd


def columns(table: pd.DataFrame, *names: str) -> list[Any]:
    """Columns of a data frame, in the order of their names.

    Raises
    ------
    InputError
        When one is missing or there twice, or there are no rows.
    """
    for name in names:
        count = int((table.columns == name).sum())
        if count == 0:
            known = [str(column) for column in table.columns]
            raise UnknownName(f"there is no column {name!r}{did_you_mean(name, known)}")
        if count > 1:
            raise InputError(f"expected one column {name!r}, found {count}; drop the others")
    if len(set(names)) < len(names):
        raise InputError(f"expected a column for each role, found one named twice: {list(names)}")
    if table.empty:
        raise InputError("expected at least one row, found none")
    return [table[name] for name in names]


def read_table(path: str | Path, *, numbers: str | None) -> pd.DataFrame:
    """A CSV or Parquet file; of a CSV file, all columns but `numbers` are text.

    Raises
    ------
    InputError
        When the file is malformed; `MissingInput` when there is none.
    """
    import pandas as pd  # noqa: PLC0415 - a second to load, and arrays do not need it

    path = Path(path)
    suffix = require_table(path)
    try:
        if suffix == ".parquet":
            require_parquet(path)
            return pd.read_parquet(path)
        with warnings.catch_warnings():
            # A row longer than the header is cut with only this warning.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            header = header_of(path)
            # Where the comma is a decimal point, spreadsheets write another separator.
            apart = max(",;\t", key=header[0].count) if len(header) == 1 else ","
            header = [name.strip('"') for one in header for name in one.split(apart)]
            require_once(header, f"{path}: ")
            table = pd.read_csv(
                path,
                sep=apart,
                decimal="," if apart == ";" else ".",
                # An id such as 007 must stay what it is, and NA may be a name.
                dtype={column: str for column in header if column != numbers},
                keep_default_na=False,
                na_values=[""],
                encoding="utf-8-sig",
                index_col=False,
            )
            if len(table) and table.iloc[:, -1].isna().any() and apart == ",":
                require_whole(path, where=f"{path}: ")
            return table.dropna(how="all").reset_index(drop=True)
    except InputError:
        raise
    except OSError as problem:
        raise MissingInput(f"{path} cannot be read: {problem}") from problem
    except (ValueError, csv.Error, pd.errors.ParserWarning) as problem:
        raise InputError(f"{path} is not a valid {suffix} file: {problem}") from problem


def who(name: str) -> str:
    """A person's name as it tells one person from another: "Ann " and "ann" are one rater."""
    return " ".join(normalize("NFKC", name).casefold().split())


def require_people(raters: Vector) -> None:
    """Raters whose names tell them apart.

    Raises
    ------
    InputError
        When two names differ in case or white space only: one person would count as two.
    """
    known: dict[str, str] = {}
    for name in np.unique(raters).tolist():
        other = known.setdefault(who(name), name) if isinstance(name, str) else name
        if other != name:
            raise InputError(
                f"the raters {other!r} and {name!r} are one name in two spellings; write it one "
                "way, or tell two people apart"
            )


def require_one_length(*given: Vector) -> None:
    """Columns of one length.

    Raises
    ------
    InputError
        When they differ.
    """
    lengths = {len(column) for column in given}
    if len(lengths) > 1:
        raise InputError(f"expected columns of one length, found {sorted(lengths)}")


def require_unique(**given: Vector) -> None:
    """Every combination of the named columns at most once.

    Raises
    ------
    InputError
        When one is repeated.
    """
    seen: set[tuple[Any, ...]] = set()
    for key in zip(*(column.tolist() for column in given.values()), strict=True):
        if key in seen:
            told = ", ".join(f"{name} {value!r}" for name, value in zip(given, key, strict=True))
            raise InputError(f"expected one row each, found several of {told}; keep one")
        seen.add(key)


def require_distinct(*names: str | int) -> None:
    """Different systems.

    Raises
    ------
    InputError
        When one is named twice.
    """
    if len(set(names)) < len(names):
        raise InputError(f"expected different names, found {', '.join(map(repr, names))}")


def require_raters(raters: Vector) -> None:
    """More than one rater.

    Raises
    ------
    InputError
        When all is from one.
    """
    if len(np.unique(raters)) < 2:
        raise InputError(
            f"expected two or more raters, found {raters[0].item()!r} only: one person's taste "
            "says nothing of others'; bring more raters"
        )
