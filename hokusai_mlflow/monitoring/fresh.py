"""Reading fresh labelled rows, and leaving out what the model was made or judged with."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from hokusai_mlflow.contributions.checks import check_contributions
from hokusai_mlflow.contributions.dataset import (
    Dataset,
    check_schema,
    concatenate,
    is_numeric,
    read_dataset,
)
from hokusai_mlflow.errors import InputError, MissingInput, UnknownName, did_you_mean
from hokusai_mlflow.inputs import Inputs, TrainingRows
from hokusai_mlflow.tables import read_table

SUFFIXES = (".csv", ".parquet")
NATURAL = 1e-6
"""Chance that a file whose features repeat by nature is taken for one of copies."""


@dataclass(frozen=True, repr=False)
class Batch:
    """Fresh rows of a file, or of several that were too small by themselves.

    Attributes
    ----------
    files : tuple of (str, str)
        Name and SHA-256 of each.
    rows : Dataset
        Labelled rows; may be none.
    unlabelled : DataFrame
        Features of rows that have no label yet.
    given : int
        Rows in the files.
    dropped : mapping of str to int
        Rows that do not count, by reason: `known` (equal or nearly equal to a row that the model
        was trained or judged on), `seen` (in an earlier batch), `repeated`, `contradictory`.
    """

    files: tuple[tuple[str, str], ...]
    rows: Dataset
    unlabelled: pd.DataFrame
    given: int
    dropped: dict[str, int]

    @property
    def name(self) -> str:
        """The files' names."""
        return ", ".join(name for name, _ in self.files)

    @property
    def features(self) -> pd.DataFrame:
        """Inputs of all rows that count, labelled or not."""
        return pd.concat([self.rows.features, self.unlabelled], ignore_index=True)

    def and_(self, later: Batch) -> Batch:
        """Both as one."""
        counts = {k: self.dropped[k] + later.dropped[k] for k in self.dropped}
        return Batch(
            self.files + later.files,
            concatenate([self.rows, later.rows], name=later.rows.name),
            pd.concat([self.unlabelled, later.unlabelled], ignore_index=True),
            self.given + later.given,
            counts,
        )

    def without(self, reason: str, keep: np.ndarray) -> Batch:
        """Only the labelled rows that a mask keeps."""
        dropped = {**self.dropped, reason: self.dropped[reason] + int((~keep).sum())}
        return replace(self, rows=self.rows.take(keep), dropped=dropped)

    def __repr__(self) -> str:
        return f"Batch({self.name}: {len(self.rows):,} of {self.given:,} rows count)"


def find_files(place: Path) -> list[Path]:
    """The files of a folder of batches, by name; or the one file.

    Raises
    ------
    MissingInput
        When there is neither.
    """
    if place.is_dir():
        return sorted(p for p in place.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())
    if not place.is_file():
        raise MissingInput(
            f"no fresh data at {place}; expected a .csv or .parquet file, or a folder of them "
            "(monitor.data in the spec, or --data)"
        )
    return [place]


def read_batch(path: Path, inputs: Inputs) -> Batch:
    """Read one file; nothing is left out yet but rows that contradict or repeat each other.

    Parameters
    ----------
    path : Path
        A `.csv` or `.parquet` file with the pool's columns; others are not looked at.
    inputs : Inputs
        What the champion was made from.

    Raises
    ------
    InputError
        Columns are missing or of another kind, or a value is infinite; nothing was changed.
    """
    data, pool, text = inputs.spec.data, inputs.pool, inputs.spec.kind.targets == "text"
    columns = [*pool.features.columns]
    beside = [] if data.group is None else [data.group]
    frame = read_table(path, name=str(path), id=data.id, typed=beside if text else None)
    frame = frame.rename(columns=str)
    for column in (data.target, *([] if data.id is None else [data.id]), *columns, *beside):
        if column not in frame.columns:
            raise UnknownName(
                f"{path}: there is no column {column!r}{did_you_mean(column, frame.columns)}; "
                "fresh rows have the pool's columns"
            )
    if frame.empty:
        raise InputError(f"{path}: there are no rows; expected at least one")
    unknown = frame[data.target].isna().to_numpy()

    def read(some: pd.DataFrame, id: str | None) -> Dataset:
        if some.empty:
            return pool.take(np.zeros(len(pool), dtype=bool))
        found = read_dataset(
            some,
            name=str(path),
            target=data.target,
            id=id,
            features=columns,
            unique=False,
            metadata=beside,
            text=text,
        )
        check_schema(found, pool)
        return found

    rows = read(_labelled(frame[~unknown], data.target, pool), data.id)
    # Any label will do for the kinds of the other columns to be checked.
    unlabelled = frame[unknown]
    if data.target not in columns:
        unlabelled = read(unlabelled.assign(**{data.target: pool.targets[0]}), None).features
    counts = dict.fromkeys(("known", "seen", "repeated", "contradictory"), 0)
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    batch = Batch(((path.name, sha),), rows, unlabelled, len(frame), counts)
    repeated, contradictory = _repeats(rows)
    batch = batch.without("contradictory", ~contradictory)
    return batch.without("repeated", ~repeated[~contradictory])


def _labelled(frame: pd.DataFrame, target: str, pool: Dataset) -> pd.DataFrame:
    """Labels that a missing one among them turned into fractions are whole numbers again."""
    labels = frame[target]
    if pool.targets.dtype.kind == "i" and is_numeric(labels) and (labels % 1 == 0).all():
        frame = frame.assign(**{target: labels.astype("int64")})
    return frame


def _repeats(rows: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose id came before with the same content, and those whose id has two contents."""
    told = pd.DataFrame({"id": rows.ids, "row": rows.rows, "target": rows.targets.astype(str)})
    contents = told.drop_duplicates().groupby("id").size()
    contradictory = told["id"].map(contents).gt(1).to_numpy()
    return told.duplicated("id").to_numpy() & ~contradictory, contradictory


def leave_out_known(
    batches: Sequence[Batch], inputs: Inputs, training: TrainingRows, seen: Collection[str]
) -> list[Batch]:
    """Only rows that neither made nor judged the model, and that no earlier batch had.

    The pool's rows are recognised by id, and like contributed ones by their content, as
    `contributions.checks` says; hold-outs are compared with, never scored. Where features repeat
    naturally, equal ones are no sign of a copy: as long as no more of a file's rows coincide with
    the pool's than the pool's own rows do with each other (beyond the quantile of a binomial that
    leaves 1e-6), they stay. To drop them would leave what is rare, which is neither drift nor the
    model's score.

    Parameters
    ----------
    batches : sequence of Batch
        In order: an id that several have counts for the first.
    inputs, training : Inputs and TrainingRows
        What the champion was made from.
    seen : collection of str
        Ids of earlier batches.
    """
    parts = {name: inputs.part(name) for name in sorted(set(inputs.parts.tolist()))}
    checks = check_contributions([one.rows for one in batches], parts, training.parts)
    pool = inputs.pool
    ids = pool.ids if inputs.spec.data.id is not None else pool.ids[:0]
    _, at, times = np.unique(pool.rows, return_inverse=True, return_counts=True)
    repeated = float((times[at] > 1).mean())
    left, counted = [], set(seen)
    for batch, check in zip(batches, checks, strict=True):
        known = np.isin(batch.rows.ids, ids)
        natural = stats.binom.ppf(1 - NATURAL, int((~known).sum()), repeated)
        if np.isin(batch.rows.rows[~known], pool.rows).sum() > natural:
            known |= np.char.startswith(check.codes, "copy") | (check.codes == "already_known")
        known |= np.char.startswith(check.codes, "near_copy")
        kept = batch.without("known", ~known)
        earlier = np.array([one in counted for one in kept.rows.ids.tolist()], dtype=bool)
        kept = kept.without("seen", ~earlier)
        counted |= set(kept.rows.ids.tolist())
        left.append(kept)
    return left


def pooled(batches: Sequence[Batch], least: int) -> tuple[list[Batch], Batch | None]:
    """Batches of `least` labelled rows or more, small ones joined to the next; and what waits."""
    whole: list[Batch] = []
    waiting: Batch | None = None
    for batch in batches:
        together = batch if waiting is None else waiting.and_(batch)
        if len(together.rows) < least:
            waiting = together
        else:
            whole.append(together)
            waiting = None
    return whole, waiting
