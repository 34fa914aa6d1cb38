"""Two models' predictions on the same examples, joined by example id."""

from __future__ import annotations

import csv
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from hokusai_mlflow.contributions.dataset import read_dataset
from hokusai_mlflow.errors import InputError, MissingInput, UnknownName, did_you_mean


@dataclass(frozen=True, repr=False)
class Predictions:
    """Truth and both models' outputs, one entry per example, in one order.

    Attributes
    ----------
    ids : ndarray of str, shape (n,)
        Example ids.
    targets, baseline, candidate : ndarray, shape (n,)
        Truth, and what each model says.
    """

    ids: npt.NDArray[np.str_]
    targets: npt.NDArray[np.generic]
    baseline: npt.NDArray[np.generic]
    candidate: npt.NDArray[np.generic]

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"Predictions({len(self):,} examples)"


@dataclass(frozen=True)
class Columns:
    """Names of the columns that hold ids, targets and predictions."""

    id: str = "id"
    target: str = "target"
    prediction: str = "prediction"


def joined(first: Path, second: Path, data: Path | None, columns: Columns) -> Predictions:
    """Join two files of predictions, and the truth, by example id.

    Parameters
    ----------
    first, second : Path
        CSV or Parquet with the columns id and prediction: the baseline's and the candidate's.
    data : Path, optional
        File with the columns id and target. Without it one of the two files must have a target,
        and where both have one they must agree.
    columns : Columns
        What the columns are called.

    Raises
    ------
    MissingInput
        When a file cannot be read.
    InputError
        When a column is missing, an id is missing, repeated, or not in all of the files.
    """
    tables = {path: table(path, columns.id, columns.prediction) for path in (first, second)}
    if data is not None:
        truth = {data: table(data, columns.id, columns.target)}
    else:
        truth = {p: t for p, t in tables.items() if columns.target in t.columns}
    if not truth:
        raise UnknownName(
            f"no column {columns.target!r} with the truth in {first} or {second}; name it with "
            "--target, or give a file that has it with --data"
        )
    ids = tables[first].index
    for path, other in {**tables, **truth}.items():
        _require_same_ids(ids, other.index, first, path)
    targets = [t[columns.target].reindex(ids) for t in truth.values()]
    if len(targets) == 2:
        differing = ids[(targets[0] != targets[1]).to_numpy()]
        if len(differing):
            raise InputError(
                f"{first} and {second} have different targets for {len(differing)} examples, such "
                f"as id {differing[0]!r}; correct them, or give the truth with --data"
            )
    frame = pd.DataFrame(
        {
            "id": ids,
            "target": targets[0].to_numpy(),
            "baseline": tables[first][columns.prediction].to_numpy(),
            "candidate": tables[second][columns.prediction].reindex(ids).to_numpy(),
        }
    )
    return checked(frame, baseline="baseline", candidate="candidate", name="the joined files")


def checked(frame: pd.DataFrame | Path, *, baseline: str, candidate: str, name: str) -> Predictions:
    """Predictions from one table with the columns ``id``, ``target`` and the two models'."""
    both = [baseline, candidate]
    found = read_dataset(frame, name=name, target="target", id="id", features=both, unique=True)
    for column in both:
        missing = found.features[column].isna().to_numpy()
        if missing.any():
            where = found.ids[int(missing.argmax())]
            raise InputError(
                f"{name}: {column} has no prediction for {int(missing.sum())} examples, such as "
                f"id {where!r}"
            )
    outputs = (found.features[column].to_numpy() for column in both)
    return Predictions(found.ids, found.targets, *outputs)


def table(path: Path, id_column: str, *needed: str) -> pd.DataFrame:
    """A CSV or Parquet file, indexed by its example ids as text.

    Raises
    ------
    MissingInput
        When it cannot be read.
    InputError
        When it lacks a column, or an id is missing or repeated.
    """
    frame = _read(path, id_column)
    for column in (id_column, *needed):
        if column not in frame.columns:
            option = "--id" if column == id_column else f"--{needed[0]}"
            raise UnknownName(
                f"{path}: there is no column {column!r}{did_you_mean(column, frame.columns)} "
                f"(name another with {option} or rename it)"
            )
    if frame.empty:
        raise InputError(f"{path}: there are no rows; expected one per example")
    ids = frame[id_column]
    if ids.isna().any():
        raise InputError(f"{path}: the id is missing in row {int(ids.isna().argmax()) + 1}")
    if pd.api.types.is_float_dtype(ids.dtype) and (ids % 1 == 0).all():
        ids = ids.astype("int64")
    ids = ids.astype(str)
    if ids.duplicated().any():
        twice = ids[ids.duplicated()].iloc[0]
        raise InputError(
            f"{path}: {int(ids.duplicated().sum())} rows repeat an id, such as {twice!r}; expected "
            "one row per example"
        )
    return frame.set_index(pd.Index(ids, dtype=object))


def _read(path: Path, id_column: str) -> pd.DataFrame:
    if not path.is_file():
        raise MissingInput(f"no file at {path}; expected a .csv or .parquet file of predictions")
    if path.suffix not in (".csv", ".parquet"):
        raise InputError(f"{path} ends in {path.suffix!r}; expected .csv or .parquet")
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        with warnings.catch_warnings():
            # A row longer than the header is cut with only this warning.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                path,
                # An id such as 007 must stay what it is.
                dtype={id_column: str},
                encoding="utf-8-sig",
                index_col=False,
            )
    except OSError as problem:
        raise MissingInput(f"{path} cannot be read: {problem}") from problem
    except (ValueError, csv.Error, pd.errors.ParserWarning) as problem:
        raise InputError(f"{path} is not a valid {path.suffix} file: {problem}") from problem


def _require_same_ids(
    expected: pd.Index[str], found: pd.Index[str], first: Path, path: Path
) -> None:
    lost, extra = expected.difference(found), found.difference(expected)
    if len(lost) or len(extra):
        example = (lost if len(lost) else extra)[0]
        raise InputError(
            f"examples are unpaired: {len(lost)} ids are only in {first} and {len(extra)} only in "
            f"{path}, such as {example!r}; both models must be judged on the same examples"
        )
