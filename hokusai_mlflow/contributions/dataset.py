"""Datasets: what was read, its rows' digests, and the digest of all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from hokusai_mlflow.contributions.columns import (
    check_finite,
    check_unique,
    check_written,
    read_ids,
    read_metadata,
    read_targets,
)
from hokusai_mlflow.contributions.digests import content_digest, row_digests
from hokusai_mlflow.errors import InputError, UnknownName, did_you_mean
from hokusai_mlflow.tables import duplicated, read_table

ID, TARGET, PART = "_id", "_target", "_part"
RESERVED = frozenset({ID, TARGET, PART})
METADATA = "_metadata:"


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
    metadata : (n, q) data frame or None
        What examples are told apart by, such as a group or a region; never learned from.
    """

    name: str
    features: pd.DataFrame
    targets: npt.NDArray[Any]
    ids: npt.NDArray[np.str_]
    rows: npt.NDArray[np.str_]
    metadata: pd.DataFrame | None = None

    def told_by(self, column: str) -> npt.NDArray[np.str_]:
        """A column of the metadata as text, shape (n,).

        Raises
        ------
        UnknownName
            When there is no such column.
        """
        if self.metadata is None or column not in self.metadata.columns:
            known = () if self.metadata is None else self.metadata.columns
            raise UnknownName(
                f"{self.name}: there is no column {column!r} beside the features"
                f"{did_you_mean(column, known)}"
            )
        return np.array([str(one) for one in self.metadata[column]], dtype=np.str_)

    @cached_property
    def metadata_digest(self) -> str:
        """SHA-256 over ids and metadata in any order; empty without metadata."""
        if self.metadata is None:
            return ""
        return content_digest(self.ids, row_digests(self.metadata), self.ids)

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
            _rows_of(self.features, which),
            self.targets[which],
            self.ids[which],
            self.rows[which],
            None if self.metadata is None else _rows_of(self.metadata, which),
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
        if self.metadata is not None:
            frame = frame.join(self.metadata.add_prefix(METADATA))
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
        beside = [column for column in frame.columns if column.startswith(METADATA)]
        features = frame.drop(columns=[ID, TARGET, *beside]).reset_index(drop=True)
        metadata = None
        if beside:
            metadata = frame[beside].reset_index(drop=True)
            metadata.columns = metadata.columns.str.removeprefix(METADATA)
        ids = read_ids(frame[ID], f"{name}: ids") if len(frame) else np.array([], dtype=np.str_)
        targets = read_targets(frame[TARGET], f"{name}: targets") if len(frame) else np.array([])
        return cls(name, features, targets, ids, row_digests(features), metadata)


def read_dataset(
    source: str | Path | pd.DataFrame,
    *,
    name: str,
    target: str,
    id: str | None = None,
    features: Sequence[str] | None = None,
    base: Path | None = None,
    unique: bool | None = None,
    metadata: Sequence[str] = (),
    time: str | None = None,
    leave_out: Sequence[str] = (),
    text: bool = False,
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
        Columns to learn from; all but target, id, `metadata` and `leave_out` when left out.
    base : Path, optional
        Folder that relative paths start from.
    unique : bool, optional
        Whether the same id twice is an error. By default it is one when `id` is given, or not
        needed at all: pass True for the pool (its partition depends on ids), and False for
        contributions, whose repeated rows `check_contributions` counts.
    metadata : sequence of str
        Columns that tell examples apart. They are learned from only when `features` names them.
    time : str, optional
        Column that orders examples in time, kept with the metadata: numbers, or ISO 8601 dates.
    leave_out : sequence of str
        Columns that are no features unless `features` names them, whether they are there or not.
    text : bool
        Whether targets are texts. Target and features of a CSV file are then read as they are
        written, and the target alone may be the features, for models of the texts themselves.

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
    frame = (
        source
        if isinstance(source, pd.DataFrame)
        else read_table(
            Path(source),
            name=name,
            id=id,
            base=base,
            typed=[*metadata, *leave_out, *([] if time is None else [time])] if text else None,
        )
    )
    if frame.columns.duplicated().any():
        raise InputError(f"{name}: columns appear twice: {duplicated(frame.columns)}")
    frame = frame.rename(columns=str)
    if id is not None and id not in frame.columns and unique is False:
        id = None
    beside = list(dict.fromkeys([*metadata, *([] if time is None else [time])]))
    for column in (target, *([] if id is None else [id]), *(features or []), *beside):
        if column not in frame.columns:
            raise UnknownName(
                f"{name}: there is no column {column!r}{did_you_mean(column, frame.columns)}"
            )
    if frame.empty:
        raise InputError(f"{name}: there are no rows; expected at least one")
    chosen = (
        [column for column in frame.columns if column not in {target, id, *beside, *leave_out}]
        if features is None
        else list(dict.fromkeys(features))
    )
    if taken := [c for c in chosen if c in RESERVED or c.startswith(METADATA)]:
        raise InputError(
            f"{name}: the column {taken[0]!r} cannot be a feature, its name is used in snapshots; "
            "rename it, name it in the spec (data.id), or leave it out (data.features)"
        )
    if not chosen or (target in chosen and not (text and chosen == [target])):
        raise InputError(
            f"{name}: expected features other than the target {target!r}, got {chosen}"
        )
    table = frame[chosen].reset_index(drop=True)
    check_finite(table, name)
    check_written(table, name)
    rows = row_digests(table)
    ids = rows if id is None else read_ids(frame[id], f"{name}: id column {id!r}")
    if unique if unique is not None else id is not None:
        check_unique(ids, name, id)
    targets = read_targets(frame[target], f"{name}: target {target!r}")
    return Dataset(
        name, table, targets, ids, rows, read_metadata(frame, beside, time=time, name=name)
    )


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
        Ids may repeat across datasets; they are kept as they are. Metadata is kept where all have
        the same; contributed rows have none. Columns are `of_one_kind`.
    """
    if not datasets:
        raise InputError("there is nothing to concatenate; expected at least one dataset")
    for other in datasets[1:]:
        check_schema(other, datasets[0])
    columns = list(datasets[0].features.columns)
    filled = of_one_kind([one for one in datasets if len(one)] or datasets[:1])
    return Dataset(
        name,
        pd.concat([one.features[columns] for one in filled], ignore_index=True),
        np.concatenate([one.targets for one in filled]),
        np.concatenate([one.ids for one in filled]),
        np.concatenate([one.rows for one in filled]),
        _joined([one.metadata for one in filled]),
    )


def of_one_kind(datasets: Sequence[Dataset]) -> list[Dataset]:
    """The same datasets, of which no column turns into objects where they are concatenated.

    Parameters
    ----------
    datasets : sequence of Dataset
        At least one.

    Returns
    -------
    list of Dataset
        A column without any value has the kind that it has in the first dataset with one, and
        booleans among numbers are numbers. Digests stay as they are.
    """
    tables = [one.features for one in datasets]
    shared = [column for column in tables[0] if all(column in table for table in tables)]
    kinds = {
        column: next((t[column] for t in tables if t[column].notna().any()), tables[0][column])
        for column in shared
    }
    return [_like(one, kinds) for one in datasets]


def _like(dataset: Dataset, kinds: Mapping[str, pd.Series]) -> Dataset:
    features = dataset.features.copy(deep=False)
    for column, like in kinds.items():
        found = features[column]
        if found.dtype == like.dtype:
            continue
        if found.isna().all():
            # In the same dtype or, where that has no missing value, in one that goes with it.
            features[column] = like.iloc[:0].reindex(found.index)
        elif _is_bool(found) and pd.api.types.is_numeric_dtype(like.dtype) and not _is_bool(like):
            features[column] = found.astype("int8" if found.dtype == bool else "Int8")
    return replace(dataset, features=features)


def _is_bool(column: pd.Series) -> bool:
    return bool(pd.api.types.is_bool_dtype(column.dtype))


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


def _rows_of(frame: pd.DataFrame, which: npt.NDArray[Any]) -> pd.DataFrame:
    taken = frame.loc[which] if which.dtype == np.bool_ else frame.iloc[which]
    return taken.reset_index(drop=True)


def _joined(parts: Sequence[pd.DataFrame | None]) -> pd.DataFrame | None:
    given = [part for part in parts if part is not None]
    alike = len(given) == len(parts) and all(set(p.columns) == set(given[0]) for p in given)
    return pd.concat(given, ignore_index=True) if alike else None
