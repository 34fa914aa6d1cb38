"""Preferences between two answers: who preferred which system on which item."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from hokusai_mlflow.errors import InputError, did_you_mean
from hokusai_mlflow.metrics.inputs import Vector, as_ids
from hokusai_mlflow.ratings.columns import (
    columns,
    read_table,
    require_distinct,
    require_one_length,
    require_people,
    require_raters,
    require_unique,
)
from hokusai_mlflow.ratings.paired import PairedRatings
from hokusai_mlflow.stats.agreement import Agreement, krippendorff

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Preferences:
    """Which of two systems' answers a rater preferred, item by item.

    Attributes
    ----------
    items, raters, preferred : array, shape (n,)
        What was judged, by whom, and the name of the preferred system, or of a tie.

    Raises
    ------
    InputError
        When a column is malformed, or a rater judged an item twice.
    """

    items: Vector
    raters: Vector
    preferred: Vector

    def __post_init__(self) -> None:
        for name in ("items", "raters", "preferred"):
            object.__setattr__(self, name, as_ids(name, getattr(self, name)))
        require_one_length(self.items, self.raters, self.preferred)
        require_unique(item=self.items, rater=self.raters)
        require_people(self.raters)

    @classmethod
    def of(
        cls,
        table: pd.DataFrame,
        *,
        item: str = "item",
        rater: str = "rater",
        preferred: str = "preferred",
    ) -> Self:
        """Preferences from a data frame, one row per judgement.

        Raises
        ------
        InputError
            When a column is missing or malformed, or a judgement is there twice.
        """
        return cls(*columns(table, item, rater, preferred))

    @classmethod
    def read(cls, path: str | Path, **names: str) -> Self:
        """Preferences from a CSV or Parquet file; `names` of columns as in `of`.

        Raises
        ------
        InputError
            As `of`; `MissingInput` when there is no such file.
        """
        return cls.of(read_table(path, numbers=None), **names)

    def pair(
        self, *, baseline: str | int, candidate: str | int, tie: str | int = "tie"
    ) -> PairedRatings:
        """1 for the preferred system, 0 for the other, ½ for both in a tie.

        Raises
        ------
        InputError
            When a judgement names neither, or all come from one rater.
        """
        require_distinct(baseline, candidate, tie)
        won, tied = self.preferred == candidate, self.preferred == tie
        known = won | tied | (self.preferred == baseline)
        if not np.all(known):
            stranger = self.preferred[np.flatnonzero(~known)[0]].item()
            raise InputError(
                f"expected {baseline!r}, {candidate!r} or {tie!r} as preferred, found "
                f"{stranger!r}{did_you_mean(str(stranger), map(str, (baseline, candidate, tie)))}"
            )
        require_raters(self.raters)
        wins = won + 0.5 * tied
        return PairedRatings(1 - wins, wins, self.items, self.raters)

    def agreement(self) -> Agreement:
        """Krippendorff's α of the preferred names (nominal).

        Raises
        ------
        InputError
            With one rater only; `MetricUndefined` when nothing was judged twice or nothing varies.
        """
        return krippendorff(self.items, self.raters, self.preferred, measurement="nominal")

    def __repr__(self) -> str:
        return (
            f"<Preferences {len(self.preferred):,} on {len(np.unique(self.items)):,} items by "
            f"{len(np.unique(self.raters)):,} raters>"
        )
