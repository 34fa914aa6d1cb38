"""Cutting the reference rows into folds: stratified, grouped, ordered in time, or by one's own.

Folds are the same whatever order the rows come in, and whoever brings a splitter, no fold is ever
trained on what it tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any

import numpy as np

from hokusai_mlflow.contributions.dataset import Dataset
from hokusai_mlflow.errors import InputError, SpecError, did_you_mean

SPLITTERS = ("stratified", "shuffled", "grouped", "stratified_grouped", "time")

Fold = tuple[np.ndarray, np.ndarray]
"""Positions of the rows to train on, and of those to test on."""


@dataclass(frozen=True)
class Splitter:
    """How folds are cut.

    Attributes
    ----------
    name : str
        One of `SPLITTERS`, or ``package.module:Name``.
    folds : int
        How many.
    group, time : str or None
        Columns of the rows' metadata: what belongs together, and what orders them.
    """

    name: str
    folds: int
    group: str | None = None
    time: str | None = None

    @property
    def structured(self) -> bool:
        """Whether a row's place depends on more than the row: its group, its time, one's own code.

        A row that the reference does not have (any more) then has no place, and is not trained on.
        """
        return self.name not in ("stratified", "shuffled")

    def cut(self, reference: Dataset, *, seed: int) -> list[Fold]:
        """The folds of one repeat.

        Parameters
        ----------
        reference : Dataset
            The rows.
        seed : int
            Of the shuffle; one per repeat.

        Returns
        -------
        list of (train, test)
            Positions in `reference`. No row is tested twice, no group is on both sides, and in time
            order everything that is trained on is earlier than everything that is tested.

        Raises
        ------
        InputError
            When the rows do not suffice, or a splitter of one's own breaks these rules.
        """
        order = np.argsort(reference.ids, kind="stable")
        rows = reference.take(order)
        found = [(order[train], order[test]) for train, test in _Rows(rows, self).cut(seed)]
        self._require_sound(reference, found)
        return found

    def _require_sound(self, reference: Dataset, found: list[Fold]) -> None:
        told = f"the splitter {self.name}"
        if len(found) != self.folds:
            raise InputError(f"{told} made {len(found)} folds, expected {self.folds}")
        tested = np.zeros(len(reference), dtype=np.int64)
        groups = None if self.group is None else reference.told_by(self.group)
        for number, (train, test) in enumerate(found, start=1):
            which = f"fold {number} of {told}"
            if not len(train) or not len(test):
                raise InputError(
                    f"{which} has {len(train)} rows to train on and {len(test)} to test on; use "
                    "fewer folds, or bring more reference rows"
                )
            if np.isin(test, train).any() or len(np.unique(test)) < len(test):
                raise InputError(f"{which} tests a row that it trains on, or one row twice")
            if groups is not None and np.isin(groups[test], groups[train]).any():
                raise InputError(f"{which} has the same {self.group} on both sides")
            tested[test] += 1
        if (tested > 1).any():
            raise InputError(f"{told} tests {(tested > 1).sum()} rows in more than one fold")


@dataclass(frozen=True)
class _Rows:
    """The rows in the order of their ids, to be cut."""

    rows: Dataset
    by: Splitter

    @cached_property
    def groups(self) -> np.ndarray | None:
        return None if self.by.group is None else self.rows.told_by(self.by.group)

    def cut(self, seed: int) -> list[Fold]:
        from sklearn import model_selection as cuts  # noqa: PLC0415

        k, targets = self.by.folds, self.rows.targets
        if self.groups is not None and len(np.unique(self.groups)) < k:
            raise InputError(
                f"{len(np.unique(self.groups))} values of {self.by.group} in the reference part "
                f"cannot be spread over {k} folds; use fewer folds, or bring more groups"
            )
        kind = self.by.name
        if kind == "stratified":
            return list(
                cuts.StratifiedKFold(k, shuffle=True, random_state=seed).split(targets, targets)
            )
        if kind == "shuffled":
            return list(cuts.KFold(k, shuffle=True, random_state=seed).split(targets))
        if kind == "stratified_grouped":
            cut = cuts.StratifiedGroupKFold(k, shuffle=True, random_state=seed)
            return list(cut.split(targets, targets, self.groups))
        if kind == "grouped":
            return self._grouped(cuts.KFold(k, shuffle=True, random_state=seed))
        if kind == "time":
            return self._in_time(cuts.TimeSeriesSplit(k))
        return self._by_own(seed)

    def _grouped(self, cut: Any) -> list[Fold]:
        assert self.groups is not None
        names, codes = np.unique(self.groups, return_inverse=True)
        return [
            (np.flatnonzero(np.isin(codes, train)), np.flatnonzero(np.isin(codes, test)))
            for train, test in cut.split(names)
        ]

    def _in_time(self, cut: Any) -> list[Fold]:
        """Train on earlier rows, without those of the first tested moment or of tested groups."""
        assert self.rows.metadata is not None
        assert self.by.time is not None
        times = self.rows.metadata[self.by.time].to_numpy()
        order = np.argsort(times, kind="stable")
        folds = []
        for train, test in cut.split(order):
            earlier, tested = order[train], order[test]
            earlier = earlier[times[earlier] < times[tested].min()]
            if self.groups is not None:
                earlier = earlier[~np.isin(self.groups[earlier], self.groups[tested])]
            folds.append((earlier, tested))
        return folds

    def _by_own(self, seed: int) -> list[Fold]:
        make = require_splitter(self.by.name)
        assert make is not None
        try:
            cut = make(n_splits=self.by.folds, random_state=seed)
            made = list(cut.split(self.rows.features, self.rows.targets, self.groups))
            found = [tuple(np.asarray(side) for side in fold) for fold in made]
            whole = np.arange(len(self.rows))
            # Masks and negative positions become plain positions; what is out of range fails.
            return [(whole[train], whole[test]) for train, test in found]
        except Exception as problem:
            raise InputError(
                f"the splitter {self.by.name} could not cut {len(self.rows):,} rows into "
                f"{self.by.folds} folds: {type(problem).__name__}: {problem}; expected "
                "Name(n_splits=…, random_state=…).split(X, y, groups) as scikit-learn's have it"
            ) from problem


def require_splitter(name: str) -> Callable[..., Any] | None:
    """A splitter of one's own by its import path; None for one of `SPLITTERS`.

    Raises
    ------
    SpecError
        When there is no such splitter, or it cannot be imported.
    """
    if name in SPLITTERS:
        return None
    module, colon, attribute = name.partition(":")
    if not colon:
        raise SpecError(
            f"unknown splitter {name!r}{did_you_mean(name, SPLITTERS)}; expected one of "
            f"{', '.join(SPLITTERS)}, or package.module:Name"
        )
    try:
        found: Any = import_module(module)
        for step in attribute.split("."):
            found = getattr(found, step)
    except Exception as problem:
        raise SpecError(
            f"the splitter {name} cannot be imported: {type(problem).__name__}: {problem}; it must "
            "be in an installed package, or on PYTHONPATH"
        ) from problem
    if not callable(found):
        raise SpecError(f"the splitter {name} is a {type(found).__name__}; expected a class")
    return found  # type: ignore[no-any-return]
