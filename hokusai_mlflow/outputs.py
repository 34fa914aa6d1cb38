"""Where targets and outputs come from: arrays, columns, prediction files, models."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from hokusai_mlflow.errors import InputError, UnknownName, did_you_mean
from hokusai_mlflow.metrics import Metric
from hokusai_mlflow.tables import read_table

SCHEMES = ("models:/", "runs:/")
FILES = (".csv", ".parquet")
Data = str | Path | pd.DataFrame


@dataclass(frozen=True, repr=False)
class Resolved:
    """Everything as arrays, ready for `hokusai_mlflow.comparisons.compare_all`.

    Attributes
    ----------
    targets, baseline, candidate, groups, weights
        As there; series where they came from the data.
    slices : mapping of str to array-like
        By name; empty without slices.
    """

    targets: Any
    baseline: Any
    candidate: Any
    groups: Any = None
    weights: Any = None
    slices: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Resolved(slices={list(self.slices)})"


def resolve(
    targets: Any,
    baseline: Any,
    candidate: Any,
    *,
    data: Data | None,
    metrics: Sequence[Metric],
    id: str | None = None,
    prediction: str = "prediction",
    features: Sequence[str] | None = None,
    groups: Any = None,
    weights: Any = None,
    slices: Any = None,
) -> Resolved:
    """Turn columns, files and models into arrays; arrays stay as they are.

    Parameters
    ----------
    targets, groups, weights
        Column of `data`, or array-like; groups may be a pair of them.
    baseline, candidate
        Column of `data`, prediction file, model URI, array-like, or a mapping of these by kind of
        output.
    data : DataFrame or path, optional
        One row per example; needed for everything that is given by name.
    metrics : sequence of Metric
        Decide what models are asked for.
    id : str, optional
        Column with the example ids, in the data and in prediction files.
    prediction : str
        Column of prediction files.
    features : sequence of str, optional
        Columns that models predict on; by default what a model's signature or fit names, else all
        that are not used otherwise.
    slices : str, sequence of str, or mapping of name to column or array-like
        What to part the examples by.

    Raises
    ------
    InputError
        When a name is unknown or means two things, or ids are missing, repeated or unpaired.
    """
    named = _mapped_slices(slices)
    if data is None:
        _require_arrays(
            {"targets": targets, "groups": groups, "weights": weights, **named},
            {"baseline": baseline, "candidate": candidate},
        )
        return Resolved(targets, baseline, candidate, groups, weights, named)
    texts = _texts(metrics, targets, baseline, candidate, prediction)
    source = _Source(_frame(data, id, texts), id, prediction, features)
    source.beside |= {
        given
        for given in (targets, weights, id, *_many(groups), *named.values())
        if isinstance(given, str)
    }
    for given in (baseline, candidate):
        values = given.values() if isinstance(given, Mapping) else [given]
        source.beside |= {one for one in values if isinstance(one, str)}
    truth = source.column("targets", targets)
    ways: Any = None
    if isinstance(groups, tuple):
        ways = tuple(source.column("groups", way) for way in groups)
    elif groups is not None:
        ways = source.column("groups", groups)
    return Resolved(
        truth,
        source.outputs("baseline", baseline, truth, metrics),
        source.outputs("candidate", candidate, truth, metrics),
        groups=ways,
        weights=source.column("weights", weights),
        slices={name: source.column("slices", given) for name, given in named.items()},
    )


class _Source:
    """The data, and what is read beside them."""

    def __init__(
        self,
        frame: pd.DataFrame,
        id: str | None,
        prediction: str,
        features: Sequence[str] | None,
    ) -> None:
        self.frame, self.id, self.prediction, self.features = frame, id, prediction, features
        self.beside: set[str] = set()
        for column in features or ():
            self.require(column, "features")

    def require(self, column: str, role: str) -> None:
        if column not in self.frame.columns:
            raise UnknownName(
                f"{role}: the data have no column {column!r}"
                f"{did_you_mean(column, map(str, self.frame.columns))}"
            )

    def column(self, role: str, given: Any) -> Any:
        if not isinstance(given, str):
            return given
        self.require(given, role)
        return self.frame[given]

    def outputs(self, who: str, given: Any, truth: Any, metrics: Sequence[Metric]) -> Any:
        if isinstance(given, Mapping):
            return {
                kind: self.one(who, one, truth, [m for m in metrics if m.output == kind])
                for kind, one in given.items()
            }
        return self.one(who, given, truth, metrics)

    def one(self, who: str, given: Any, truth: Any, metrics: Sequence[Metric]) -> Any:
        if not isinstance(given, (str, Path)):
            return given
        name = str(given)
        is_column = isinstance(given, str) and name in self.frame.columns
        is_model = name.startswith(SCHEMES)
        is_file = not is_model and Path(name).suffix.lower() in FILES
        if is_column and (is_model or (is_file and Path(name).is_file())):
            raise InputError(
                f"{who}: {name!r} is a column of the data and also a "
                f"{'model' if is_model else 'file'}; rename the column, or pass data[{name!r}]"
            )
        if is_column:
            return self.frame[name]
        if is_model:
            return self.predicted(name, truth, metrics)
        if is_file:
            return self.joined(Path(name), _texts(metrics, self.prediction))
        raise UnknownName(
            f"{who}: {name!r} is no column of the data"
            f"{did_you_mean(name, map(str, self.frame.columns))}; expected a column, a .csv or "
            ".parquet file of predictions, or a model (models:/… or runs:/…)"
        )

    def predicted(self, uri: str, truth: Any, metrics: Sequence[Metric]) -> Any:
        from hokusai_mlflow.tracking.loading import LoadedModel  # noqa: PLC0415

        model = LoadedModel(uri)
        if self.features is not None:
            model.columns = list(self.features)
        found: dict[str, Any] = {}
        for metric in metrics:
            if metric.output not in found:
                said = model.outputs(
                    self.frame, metric.bind(truth), beside=self.beside, targets=truth
                )
                # A score per class has no series; it keeps the rows' own order.
                found[metric.output] = (
                    pd.Series(said, index=self.frame.index) if said.ndim == 1 else said
                )
        return found if len(found) != 1 else next(iter(found.values()))

    def joined(self, path: Path, texts: Collection[str]) -> pd.Series:
        if self.id is None:
            raise InputError(
                f"{path}: predictions in a file are joined by example id; name the column with id="
            )
        self.require(self.id, "id")
        expected = example_ids(self.frame, self.id, "the data")
        table = prediction_table(path, self.id, self.prediction, texts=texts)
        require_same_ids(expected, table.index, "the data", str(path))
        found = table[self.prediction].reindex(expected)
        found.index = self.frame.index
        if found.isna().any():
            where = expected[int(found.isna().to_numpy().argmax())]
            raise InputError(
                f"{path}: there is no prediction for {int(found.isna().sum())} examples, such as "
                f"id {where!r}"
            )
        return found


def prediction_table(
    path: Path, id: str, *needed: str, texts: Collection[str] = ()
) -> pd.DataFrame:
    """A CSV or Parquet file, indexed by its example ids as text; `texts` are as they are written.

    Raises
    ------
    MissingInput
        When it cannot be read.
    InputError
        When it lacks a column, or an id is missing or repeated.
    """
    frame = read_table(path, name=str(path), id=id, texts=texts)
    for column in (id, *needed):
        if column not in frame.columns:
            raise UnknownName(
                f"{path}: there is no column {column!r}"
                f"{did_you_mean(column, map(str, frame.columns))} (--id and --prediction, or "
                "id= and prediction=, name the columns)"
            )
    return frame.set_index(example_ids(frame, id, str(path)))


def example_ids(frame: pd.DataFrame, id: str, name: str) -> pd.Index[str]:
    """Unique example ids as text.

    Raises
    ------
    InputError
        When there is no row, or an id is missing or repeated.
    """
    if frame.empty:
        raise InputError(f"{name}: there are no rows; expected one per example")
    ids = frame[id]
    if ids.isna().any():
        raise InputError(f"{name}: the id is missing in row {int(ids.isna().argmax()) + 1}")
    if pd.api.types.is_float_dtype(ids.dtype) and (ids % 1 == 0).all():
        ids = ids.astype("int64")
    ids = ids.astype(str)
    if ids.duplicated().any():
        twice = ids[ids.duplicated()].iloc[0]
        raise InputError(
            f"{name}: {int(ids.duplicated().sum())} rows repeat an id, such as {twice!r}; expected "
            "one row per example"
        )
    return pd.Index(ids, dtype=object)


def require_same_ids(
    expected: pd.Index[str], found: pd.Index[str], first: str, second: str
) -> None:
    """Refuse two sets of examples that differ.

    Raises
    ------
    InputError
        When an id is in one of them only.
    """
    lost, extra = expected.difference(found), found.difference(expected)
    if len(lost) or len(extra):
        example = (lost if len(lost) else extra)[0]
        raise InputError(
            f"examples are unpaired: {len(lost)} ids are only in {first} and {len(extra)} only in "
            f"{second}, such as {example!r}; both models must be judged on the same examples"
        )


def _texts(metrics: Sequence[Metric], *columns: Any) -> list[str]:
    """Which of the columns are text as it is written: "NA" may be what a model said."""
    if not metrics or any(metric.output != "text" for metric in metrics):
        return []
    return [column for column in columns if isinstance(column, str)]


def _frame(data: Data, id: str | None, texts: Collection[str]) -> pd.DataFrame:
    if not isinstance(data, pd.DataFrame):
        if not isinstance(data, (str, Path)):
            raise InputError(
                f"data: expected a data frame or the path of a .csv or .parquet file, found "
                f"{type(data).__name__}"
            )
        data = read_table(Path(data), name=str(data), id=id, texts=texts)
    if data.empty:
        raise InputError("data: there are no rows; expected one per example")
    if data.columns.duplicated().any():
        twice = data.columns[data.columns.duplicated()][0]
        raise InputError(f"data: the column {twice!r} appears twice; rename one of them")
    if id is not None and id in data.columns:
        example_ids(data, id, "data")
    # Rows are paired by position of the frame, whatever its index says.
    return data if data.index.is_unique else data.reset_index(drop=True)


def _mapped_slices(slices: Any) -> dict[str, Any]:
    if slices is None:
        return {}
    if isinstance(slices, str):
        return {slices: slices}
    if isinstance(slices, Mapping):
        return dict(slices)
    if isinstance(slices, Sequence) and all(isinstance(one, str) for one in slices):
        return {one: one for one in slices}
    raise InputError(
        "slices: expected a column, several columns, or a mapping of names to columns or arrays, "
        f"found {type(slices).__name__}"
    )


def _many(groups: Any) -> tuple[Any, ...]:
    return groups if isinstance(groups, tuple) else (groups,)


def _require_arrays(given: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
    flat = {name: one for name, value in given.items() for one in _many(value)}
    for who, value in outputs.items():
        for one in value.values() if isinstance(value, Mapping) else [value]:
            flat[who] = one
            if isinstance(one, (str, Path)):
                break
    for name, value in flat.items():
        if isinstance(value, (str, Path)):
            raise InputError(
                f"{name}: {str(value)!r} names something in the data; give the data with data= "
                "(a data frame, or the path of a .csv or .parquet file)"
            )
