"""What the owner of a pool says of the data that are wanted.

A profile can be published: it holds columns, kinds, classes, shares of missing values and the far
ends of columns, all in few digits and of the *reference* rows only. There is nothing of a hold-out
or of the payment set in it, and no digest of any row: whoever can ask whether a row is in the pool
can find out, row by row, what is held out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from hokusai_mlflow.contributions.dataset import Dataset, is_numeric
from hokusai_mlflow.errors import InputError, MissingInput
from hokusai_mlflow.quality.policy import QualityPolicy
from hokusai_mlflow.quality.tail import Tail

FORMAT = "hokusai-contributor-pack/1"
Kind = Literal["numbers", "text", "empty"]


@dataclass(frozen=True)
class Column:
    """One feature.

    Attributes
    ----------
    kind : {"numbers", "text", "empty"}
        What it holds; "text" is everything that is not a number.
    missing : float
        Share of the reference rows without a value.
    tail : Tail or None
        How far its numbers lie from their middle.
    """

    kind: Kind
    missing: float = 0.0
    tail: Tail | None = None


@dataclass(frozen=True)
class Profile:
    """The data that a contribution is held against.

    Attributes
    ----------
    task : str
        Such as ``classification``.
    rows : int
        Reference rows that it describes; 0 where only the spec is known.
    columns : mapping of str to Column, or None
        The features; None where they are not known.
    classes : tuple or None
        The classes of a classification; None where they are not known, or there are none.
    target : Tail or None
        Far end of the targets of a regression.
    target_kind : {"numbers", "text"} or None
        What targets are.
    """

    task: str
    rows: int = 0
    columns: Mapping[str, Column] | None = None
    classes: tuple[Any, ...] | None = None
    target: Tail | None = None
    target_kind: Kind | None = None

    @classmethod
    def of(cls, reference: Dataset, *, task: str, pool: Dataset | None = None) -> Self:
        """Describe reference rows.

        Parameters
        ----------
        reference : Dataset
            Rows that may be described to others.
        task : str
            The spec's task.
        pool : Dataset, optional
            All rows of the owner: gives the classes, which a task's description names anyway.
        """
        targets = reference.targets
        everything = targets if pool is None else pool.targets
        numeric = targets.dtype.kind != "U"
        return cls(
            task=task,
            rows=len(reference),
            columns={
                str(name): _described(reference.features[name]) for name in reference.features
            },
            classes=tuple(np.unique(everything).tolist()) if task == "classification" else None,
            target=Tail.of(targets.astype(np.float64)) if task == "regression" else None,
            target_kind="numbers" if numeric else "text",
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        columns = stored["columns"]
        return cls(
            task=str(stored["task"]),
            rows=int(stored["rows"]),
            columns=None
            if columns is None
            else {
                name: Column(one["kind"], one["missing"], _tail(one["tail"]))
                for name, one in columns.items()
            },
            classes=None if stored["classes"] is None else tuple(stored["classes"]),
            target=_tail(stored["target"]),
            target_kind=stored["target_kind"],
        )


@dataclass(frozen=True)
class Pack:
    """What a contributor needs to check data before submitting them, as one file.

    Attributes
    ----------
    model : str
        What the data are for.
    target : str
        Column to predict.
    id : str or None
        Column of the example ids.
    features : tuple of str or None
        Columns to learn from, where the owner names them; others are ignored then.
    beside : tuple of str
        Columns that are no features unless `features` names them.
    profile : Profile
        How the data look.
    policy : QualityPolicy
        What the owner does with findings.
    """

    model: str
    target: str
    id: str | None
    features: tuple[str, ...] | None
    beside: tuple[str, ...]
    profile: Profile
    policy: QualityPolicy

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        told = {
            "format": FORMAT,
            "model": self.model,
            "target": self.target,
            "id": self.id,
            "features": self.features,
            "beside": self.beside,
            "profile": self.profile.to_dict(),
            "quality": self.policy.to_dict(),
        }
        path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Inverse of `write`.

        Raises
        ------
        MissingInput
            There is no such file.
        InputError
            It is no contributor pack.
        """
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
        except OSError as problem:
            raise MissingInput(f"no contributor pack can be read at {path}: {problem}") from problem
        except ValueError as problem:
            raise InputError(f"{path} is no contributor pack: {problem}") from problem
        if not isinstance(stored, dict) or stored.get("format") != FORMAT:
            raise InputError(
                f"{path} is no contributor pack; expected the JSON file that the model's owner "
                "wrote with `hokusai pack`"
            )
        try:
            features = stored["features"]
            return cls(
                str(stored["model"]),
                str(stored["target"]),
                stored["id"],
                None if features is None else tuple(features),
                tuple(stored["beside"]),
                Profile.from_dict(stored["profile"]),
                QualityPolicy.model_validate(stored["quality"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise InputError(
                f"{path} is a damaged contributor pack ({type(problem).__name__}: {problem}); ask "
                "the model's owner for it again"
            ) from problem


def kind_of(column: Any) -> Kind:
    """What a column of features holds."""
    if column.isna().all():
        return "empty"
    return "numbers" if is_numeric(column) else "text"


def numbers_of(column: Any) -> Any:
    """A column of numbers as doubles, missing values as NaN."""
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _described(column: Any) -> Column:
    kind = kind_of(column)
    tail = Tail.of(numbers_of(column)) if kind == "numbers" else None
    return Column(kind, round(float(column.isna().mean()), 4), tail)


def _tail(stored: Mapping[str, Any] | None) -> Tail | None:
    return None if stored is None else Tail(**stored)
