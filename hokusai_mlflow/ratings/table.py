"""Ratings of answers: who rated which system on which item, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from hokusai_mlflow.errors import InputError, UnknownName, did_you_mean
from hokusai_mlflow.metrics.inputs import Floats, Vector, as_ids, as_numbers
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
from hokusai_mlflow.stats.agreement import Agreement, Measurement, krippendorff

if TYPE_CHECKING:
    import pandas as pd

Unpaired = Literal["error", "drop"]


@dataclass(frozen=True, eq=False)
class Ratings:
    """Who rated which system's answer to which item, and how.

    Attributes
    ----------
    items, raters, systems : array, shape (n,)
        Names, as strings or whole numbers.
    ratings : array, shape (n,)
        Numbers on the scale that the raters used.
    left_out : mapping of str to int
        What the source held besides, by reason.

    Raises
    ------
    InputError
        When a column is malformed, or a rater rated a system's answer to an item twice.
    """

    items: Vector
    raters: Vector
    systems: Vector
    ratings: Floats
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("items", "raters", "systems"):
            object.__setattr__(self, name, as_ids(name, getattr(self, name)))
        object.__setattr__(self, "ratings", as_numbers("ratings", self.ratings))
        require_one_length(self.items, self.raters, self.systems, self.ratings)
        require_unique(item=self.items, rater=self.raters, system=self.systems)
        require_people(self.raters)

    @classmethod
    def of(
        cls,
        table: pd.DataFrame,
        *,
        item: str = "item",
        rater: str = "rater",
        system: str = "system",
        rating: str = "rating",
    ) -> Self:
        """Ratings from a data frame, one row per rating; the names of its columns are parameters.

        Raises
        ------
        InputError
            When a column is missing or malformed, or a rating is there twice.
        """
        return cls(*columns(table, item, rater, system, rating))

    @classmethod
    def read(cls, path: str | Path, **names: str) -> Self:
        """Ratings from a CSV or Parquet file; `names` of columns as in `of`.

        Raises
        ------
        InputError
            As `of`; `MissingInput` when there is no such file.
        """
        numbers = names.get("rating", "rating")
        return cls.of(read_table(path, numbers=numbers), **names)

    def pair(
        self, *, baseline: str | int, candidate: str | int, unpaired: Unpaired = "error"
    ) -> PairedRatings:
        """Ratings of two systems by the same raters on the same items.

        Parameters
        ----------
        baseline, candidate : str or int
            The two systems.
        unpaired : {"error", "drop"}
            What to do when a rater rated only one of the two for an item. Dropping is a choice,
            because what is not rated is seldom missing by chance; the result counts them.

        Raises
        ------
        InputError
            When a system has no rating, ratings are unpaired, or come from one rater only.
        """
        if unpaired not in ("error", "drop"):
            raise InputError(f"expected unpaired to be 'error' or 'drop', found {unpaired!r}")
        require_distinct(baseline, candidate)
        of_b, of_c = (self._of(system) for system in (baseline, candidate))
        both = sorted(of_b.keys() & of_c.keys())
        alone = sorted(of_b.keys() ^ of_c.keys())
        if alone and unpaired == "error":
            item, rater = alone[0]
            raise InputError(
                f"expected every rater to rate both {baseline!r} and {candidate!r}, found "
                f"{len(alone)} ratings of one of them only, such as item {item!r} by {rater!r}; "
                "complete them, or pass unpaired='drop'"
            )
        if not both:
            raise InputError(
                f"no rater rated {baseline!r} and {candidate!r} on the same item; "
                "paired ratings need both"
            )
        items, raters = (np.array(names) for names in zip(*both, strict=True))
        require_raters(raters)
        return PairedRatings(
            baseline=self.ratings[[of_b[key] for key in both]],
            candidate=self.ratings[[of_c[key] for key in both]],
            items=items,
            raters=raters,
            unpaired=len(alone),
        )

    def agreement(self, *, measurement: Measurement = "ordinal") -> Agreement:
        """Krippendorff's α over the answers, which are pairs of item and system.

        Raises
        ------
        InputError
            With one rater only; `MetricUndefined` when nothing was rated twice or nothing varies.
        """
        systems, system = np.unique(self.systems, return_inverse=True)
        _, item = np.unique(self.items, return_inverse=True)
        answers = item * len(systems) + system
        return krippendorff(answers, self.raters, self.ratings, measurement=measurement)

    def _of(self, system: str | int) -> dict[tuple[Any, Any], int]:
        rows = np.flatnonzero(self.systems == system)
        if not len(rows):
            known = [str(name) for name in np.unique(self.systems)]
            raise UnknownName(
                f"no rating of the system {system!r}{did_you_mean(str(system), known)}"
            )
        keys = zip(self.items[rows].tolist(), self.raters[rows].tolist(), strict=True)
        return dict(zip(keys, rows.tolist(), strict=True))

    def __repr__(self) -> str:
        left = "".join(f", {count:,} {why} left out" for why, count in self.left_out.items())
        return (
            f"<Ratings {len(self.ratings):,} of {len(np.unique(self.items)):,} items, "
            f"{len(np.unique(self.systems)):,} systems by {len(np.unique(self.raters)):,} "
            f"raters{left}>"
        )
