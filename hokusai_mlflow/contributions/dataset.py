"""Datasets: what was read, its rows' digests, and the digest of all of it."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from hokusai_mlflow.contributions.digests import content_digest, normalise, row_digests
from hokusai_mlflow.errors import InputError, MissingInput, UnknownName, did_you_mean

ID, TARGET, PART = "_id", "_target", "_part"
RESERVED = frozenset({ID, TARGET, PART})
# Newer pandas reads floats to the last bit by itself and warns when asked to.
_PANDAS = tuple(int(part) for part in pd.__version__.split(".")[:2])
_EXACT_FLOATS: dict[str, Any] = {} if _PANDAS >= (3, 1) else {"float_precision": "round_trip"}


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Examples of a learning task, immutable by convention.

    Attributes
    ----------
    name : str
        Label used in messages and reports.
    features : (n, p) data frame
        What a recipe is fitted on, with a plain 0…n−1 index. May hold text and missing values.
    targets : (n,) array
        int64, float64 or text; never missing, never infinite.
    ids : (n,) array of str
        Example ids.
    rows : (n,) array of str
        Digest of each row's features, without its target (see `digests.row_digests`).
    """

    name: str
    features: pd.DataFrame
    targets: npt.NDArray[Any]
    ids: npt.NDArray[np.str_]
    rows: npt.NDArray[np.str_]

    @cached_property
    def digest(self) -> str:
        """SHA-256 over ids, rows and targets in any order, 64 hexadecimal digits."""
        return content_digest(self.ids, self.rows, self.targets)

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return (
            f"Dataset({self.name}: {len(self)} rows × {self.features.shape[1]} features, "
            f"{self.digest[:12]}…)"
        )

    def take(self, which: npt.ArrayLike) -> Dataset:
        """The rows that a boolean mask or an array of positions selects.

        Parameters
        ----------
        which : (n,) array of bool or (m,) array of int
            Mask or positions.

        Returns
        -------
        Dataset
            Same name, selected rows.
        """
        which = np.asarray(which)
        if which.dtype != np.bool_ and which.size == 0:
            which = which.astype(np.int64)
        return Dataset(
            self.name,
            self.features.loc[which].reset_index(drop=True)
            if which.dtype == np.bool_
            else self.features.iloc[which].reset_index(drop=True),
            self.targets[which],
            self.ids[which],
            self.rows[which],
        )

    def to_frame(self) -> pd.DataFrame:
        """One frame with the columns `_id`, `_target` and the features, for a snapshot.

        Returns
        -------
        (n, p + 2) data frame
            `Dataset.from_frame` gives the dataset back with the same digest.
        """
        text = self.targets.dtype.kind == "U"
        frame = self.features.copy()
        frame.insert(0, ID, self.ids.astype(object))
        frame.insert(1, TARGET, self.targets.astype(object) if text else self.targets)
        return frame

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, *, name: str) -> Dataset:
        """The dataset whose `to_frame` gave this frame.

        Parameters
        ----------
        frame : data frame
            With the columns `_id` and `_target`.
        name : str
            The dataset's label.

        Returns
        -------
        Dataset
            With digests computed anew. Ids may repeat, and there may be no rows at all: it is what
            `read_dataset` and `take` once gave.
        """
        features = frame.drop(columns=[ID, TARGET]).reset_index(drop=True)
        ids = _ids(frame[ID], f"{name}: ids") if len(frame) else np.array([], dtype=np.str_)
        targets = _targets(frame[TARGET], f"{name}: targets") if len(frame) else np.array([])
        return cls(name, features, targets, ids, row_digests(features))


def read_dataset(
    source: str | Path | pd.DataFrame,
    *,
    name: str,
    target: str,
    id: str | None = None,
    features: Sequence[str] | None = None,
    base: Path | None = None,
    unique: bool | None = None,
) -> Dataset:
    """Read a CSV or Parquet file, or take a frame, and check what every later step relies on.

    Parameters
    ----------
    source : path or data frame
        A `.csv` (UTF-8, comma) or `.parquet` file.
    name : str
        Label for messages.
    target : str
        Column to predict.
    id : str, optional
        Column with the example ids. Without it (or where a file has no such column and `unique`
        is False) a row's id is its digest.
    features : sequence of str, optional
        Columns to learn from; all but target and id when left out.
    base : Path, optional
        Folder that relative paths start from.
    unique : bool, optional
        Whether the same id twice is an error. By default it is one when `id` is given, or not
        needed at all: pass True for the pool (its partition depends on ids), and False for
        contributions, whose repeated rows `check_contributions` counts.

    Returns
    -------
    Dataset
        In the order of the file.

    Raises
    ------
    MissingInput
        The file does not exist or cannot be read.
    InputError
        Its content cannot be used; the message names the column and the first bad row
        (rows are counted from 1, without the header).
    """
    frame = source if isinstance(source, pd.DataFrame) else _read_file(Path(source), name, id, base)
    if frame.columns.duplicated().any():
        raise InputError(f"{name}: columns appear twice: {_duplicated(frame.columns)}")
    frame = frame.rename(columns=str)
    if id is not None and id not in frame.columns and unique is False:
        id = None
    for column in (target, *([] if id is None else [id]), *(features or [])):
        if column not in frame.columns:
            raise UnknownName(
                f"{name}: there is no column {column!r}{did_you_mean(column, frame.columns)}"
            )
    if frame.empty:
        raise InputError(f"{name}: there are no rows; expected at least one")
    chosen = (
        [column for column in frame.columns if column not in (target, id)]
        if features is None
        else list(dict.fromkeys(features))
    )
    if taken := [column for column in chosen if column in RESERVED]:
        raise InputError(
            f"{name}: the column {taken[0]!r} cannot be a feature, its name is used in snapshots; "
            "rename it, name it in the spec (data.id), or leave it out (data.features)"
        )
    if not chosen or target in chosen:
        raise InputError(
            f"{name}: expected features other than the target {target!r}, got {chosen}"
        )
    table = frame[chosen].reset_index(drop=True)
    _check_finite(table, name)
    rows = row_digests(table)
    ids = rows if id is None else _ids(frame[id], f"{name}: id column {id!r}")
    if unique if unique is not None else id is not None:
        _check_unique(ids, name, id)
    targets = _targets(frame[target], f"{name}: target {target!r}")
    return Dataset(name, table, targets, ids, rows)


def concatenate(datasets: Sequence[Dataset], *, name: str = "all") -> Dataset:
    """The rows of several datasets, one after the other, in the first one's column order.

    Parameters
    ----------
    datasets : sequence of Dataset
        At least one; same columns and kinds, targets all numbers or all text.
    name : str, default "all"
        Label of the result.

    Returns
    -------
    Dataset
        Ids may repeat across datasets; they are kept as they are.
    """
    if not datasets:
        raise InputError("there is nothing to concatenate; expected at least one dataset")
    for other in datasets[1:]:
        check_schema(other, datasets[0])
    columns = list(datasets[0].features.columns)
    filled = [one for one in datasets if len(one)] or list(datasets[:1])
    return Dataset(
        name,
        pd.concat([one.features[columns] for one in filled], ignore_index=True),
        np.concatenate([one.targets for one in filled]),
        np.concatenate([one.ids for one in filled]),
        np.concatenate([one.rows for one in filled]),
    )


def is_numeric(column: pd.Series) -> bool:
    """Whether a column holds numbers (booleans count, a column without any value too)."""
    return pd.api.types.is_numeric_dtype(column.dtype) or bool(column.isna().all())


def check_schema(dataset: Dataset, like: Dataset) -> None:
    """Raise InputError unless a dataset has the columns and kinds of another one.

    Parameters
    ----------
    dataset, like : Dataset
        What is checked, and what is expected. Column order and the width of numbers are free; a
        column of numbers must be one of numbers, and targets must be both numbers or both text.
    """
    found, expected = list(dataset.features.columns), list(like.features.columns)
    if missing := [column for column in expected if column not in found]:
        raise InputError(
            f"{dataset.name}: columns {missing} of {like.name} are missing"
            f"{did_you_mean(missing[0], set(found) - set(expected))}"
        )
    if extra := [column for column in found if column not in expected]:
        raise InputError(
            f"{dataset.name}: columns {extra} are not in {like.name}; remove or rename them"
        )
    for column in expected:
        here, there = dataset.features[column], like.features[column]
        empty = here.isna().all() or there.isna().all()
        if not empty and is_numeric(here) != is_numeric(there):
            raise InputError(
                f"{dataset.name}: column {column!r} holds {_kind(here)}, "
                f"expected {_kind(there)} as in {like.name}"
            )
    if (dataset.targets.dtype.kind == "U") != (like.targets.dtype.kind == "U"):
        kinds = ["text" if one.targets.dtype.kind == "U" else "numbers" for one in (dataset, like)]
        raise InputError(
            f"{dataset.name}: targets are {kinds[0]}, expected {kinds[1]} as in {like.name}"
        )


def _kind(column: pd.Series) -> str:
    return "numbers" if is_numeric(column) else "text or other values"


def _duplicated(columns: pd.Index[Any]) -> list[str]:
    return sorted({str(column) for column in columns[columns.duplicated()]})


def _read_file(path: Path, name: str, id_column: str | None, base: Path | None) -> pd.DataFrame:
    path = (base / path) if base is not None else path
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise MissingInput(f"{name}: {path} {what}; expected a .csv or .parquet file")
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise InputError(f"{name}: {path} ends in {suffix!r}; expected .csv or .parquet")
    try:
        return pd.read_parquet(path) if suffix == ".parquet" else _read_csv(path, name, id_column)
    except InputError:
        raise
    except pd.errors.EmptyDataError as error:
        raise InputError(f"{name}: {path} is empty; expected a header and rows") from error
    except OSError as error:
        raise MissingInput(f"{name}: {path} cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: {path} is not UTF-8 text: {error}") from error
    except (ValueError, csv.Error, pd.errors.ParserWarning) as error:
        raise InputError(f"{name}: {path} is not a valid {suffix} file: {error}") from error


def _read_csv(path: Path, name: str, id_column: str | None) -> pd.DataFrame:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        header = pd.Index(next(csv.reader(stream), []))
    # pandas would rename the second of two equal columns.
    if header.duplicated().any():
        raise InputError(f"{name}: columns appear twice: {_duplicated(header)}")
    with warnings.catch_warnings():
        # A row longer than the header is cut with only this warning.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        table: pd.DataFrame = pd.read_csv(
            path,
            # An id such as 007 must stay what it is.
            dtype=None if id_column is None else {id_column: str},
            encoding="utf-8-sig",
            **_EXACT_FLOATS,
            index_col=False,
            low_memory=False,
        )
    return table


def _check_finite(table: pd.DataFrame, name: str) -> None:
    for column in table.select_dtypes("number"):
        infinite = np.isinf(table[column].to_numpy(dtype=np.float64, na_value=np.nan))
        if infinite.any():
            raise InputError(
                f"{name}: column {column!r} is infinite in {infinite.sum()} row(s), first in row "
                f"{int(infinite.argmax()) + 1}; expected numbers or missing values"
            )


def _ids(column: pd.Series, what: str) -> npt.NDArray[np.str_]:
    missing = column.isna().to_numpy()
    if missing.any():
        raise InputError(f"{what} is missing in row {int(missing.argmax()) + 1}")
    if pd.api.types.is_float_dtype(column.dtype) and (column % 1 == 0).all():
        column = column.astype("int64")
    return np.array([normalise(str(one)) for one in column], dtype=np.str_)


def _check_unique(ids: npt.NDArray[np.str_], name: str, column: str | None) -> None:
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


def _targets(column: pd.Series, what: str) -> npt.NDArray[Any]:
    missing = column.isna().to_numpy()
    if missing.any():
        raise InputError(
            f"{what} is missing (NaN) in {missing.sum()} row(s), first in row "
            f"{int(missing.argmax()) + 1}; remove those rows or fill them in"
        )
    if pd.api.types.is_bool_dtype(column.dtype) or pd.api.types.is_integer_dtype(column.dtype):
        return column.to_numpy(dtype=np.int64)
    if pd.api.types.is_numeric_dtype(column.dtype):
        values = column.to_numpy(dtype=np.float64)
        if not np.isfinite(values).all():
            first = int((~np.isfinite(values)).argmax()) + 1
            raise InputError(f"{what} is infinite in row {first}; expected finite numbers")
        return values
    plain = column.astype(object)
    kinds = {isinstance(one, str) for one in plain}
    if kinds == {True}:
        return np.array([normalise(one) for one in plain], dtype=np.str_)
    try:
        numbers = pd.to_numeric(plain) if kinds == {False} else None
    except (TypeError, ValueError):
        numbers = None
    if numbers is None or not pd.api.types.is_numeric_dtype(numbers.dtype):
        examples = {type(one).__name__: one for one in plain}
        raise InputError(f"{what} mixes kinds or holds unusable ones, for example {examples}")
    return _targets(numbers, what)
