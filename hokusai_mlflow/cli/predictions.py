"""Two models' predictions on the same examples, joined by example id."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from hokusai_mlflow.contributions.dataset import read_dataset
from hokusai_mlflow.errors import InputError, UnknownName
from hokusai_mlflow.outputs import prediction_table, require_same_ids
from hokusai_mlflow.tables import read_table

BASELINE, CANDIDATE = "(baseline)", "(candidate)"
"""Columns of a joined frame; no file's column is called so."""


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


def joined(
    first: Path, second: Path, columns: Columns, *, truth: bool = True, text: bool = False
) -> pd.DataFrame:
    """Join two files of predictions, and the truth in one of them, by example id.

    Parameters
    ----------
    first, second : Path
        CSV or Parquet with the columns id and prediction: the baseline's and the candidate's. One
        of the two must have the target, and where both have it they must agree.
    columns : Columns
        What the columns are called.
    truth : bool
        Whether the target is needed.
    text : bool
        Whether target and prediction are text, as it is written.

    Returns
    -------
    DataFrame
        Indexed by example id as text: `BASELINE`, `CANDIDATE`, and every other column of the two.

    Raises
    ------
    MissingInput
        When a file cannot be read.
    InputError
        When a column is missing, an id is missing, repeated, or not in both files.
    """
    texts = (columns.target, columns.prediction) if text else ()
    tables = {
        path: prediction_table(path, columns.id, columns.prediction, texts=texts)
        for path in (first, second)
    }
    one, other = tables.values() if len(tables) == 2 else [tables[first]] * 2
    require_same_ids(one.index, other.index, str(first), str(second))
    other = other.reindex(one.index)
    if columns.target in one.columns and columns.target in other.columns:
        differing = one.index[(one[columns.target] != other[columns.target]).to_numpy()]
        if len(differing):
            raise InputError(
                f"{first} and {second} have different targets for {len(differing)} examples, such "
                f"as id {differing[0]!r}; correct them, or give the truth with --data"
            )
    beside = other[[column for column in other.columns if column not in one.columns]]
    frame = pd.concat([one, beside], axis=1)
    if truth and columns.target not in frame.columns:
        raise UnknownName(
            f"no column {columns.target!r} with the truth in {first} or {second}; name it with "
            "--target, or give a file that has it with --data"
        )
    frame = frame.drop(columns=[columns.prediction])
    for column, path, table in ((BASELINE, first, one), (CANDIDATE, second, other)):
        missing = table[columns.prediction].isna().to_numpy()
        if missing.any():
            where = frame.index[int(missing.argmax())]
            raise InputError(
                f"{path}: {columns.prediction} has no prediction for {int(missing.sum())} "
                f"examples, such as id {where!r}"
            )
        frame[column] = table[columns.prediction]
    return frame


def checked(
    frame: pd.DataFrame | Path, *, baseline: str, candidate: str, name: str, text: bool = False
) -> Predictions:
    """Predictions from one table with the columns ``id``, ``target`` and the two models'.

    Where `text` is true, a CSV file's columns are text as it is written. What is more than one
    value per example, such as log-likelihoods by token, comes in a Parquet file.
    """
    both = [baseline, candidate]
    if isinstance(frame, Path):
        frame = read_table(frame, name=name, id="id", typed=() if text else None)
    nested = {column: _nested(frame[column]) for column in both if column in frame.columns}
    # A row's number stands for what is no single value.
    plain = {column: range(len(frame)) for column, held in nested.items() if held is not None}
    found = read_dataset(
        frame.assign(**plain),
        name=name,
        target="target",
        id="id",
        features=both,
        unique=True,
        text=text,
    )
    for column in both:
        missing = found.features[column].isna().to_numpy()
        if missing.any():
            where = found.ids[int(missing.argmax())]
            raise InputError(
                f"{name}: {column} has no prediction for {int(missing.sum())} examples, such as "
                f"id {where!r}"
            )
    outputs = (
        found.features[column].to_numpy() if nested[column] is None else nested[column]
        for column in both
    )
    return Predictions(found.ids, found.targets, *outputs)


def _nested(column: pd.Series) -> npt.NDArray[np.object_] | None:
    """A column of mappings and sequences as it is; None where every entry is one value."""
    if not any(isinstance(one, (dict, list, np.ndarray)) for one in column):
        return None
    return column.to_numpy(dtype=object)
