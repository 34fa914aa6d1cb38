"""Leakage and duplication: which contributed rows may be trained on and paid for.

A row that equals or nearly equals a row of the pool would be tested on what it was trained on
(hold-outs), paid for what is known (reference), or both (payment set); it is left out before
training. What is *nearly equal* is stated in `near`. What is *equal* is stated here, because where
features are discrete two honest examples may well coincide. With F the number of pool rows that
have a row's features, and T the number of those that have its target as well (numbers that are not
integers: within 1 % of the target's standard deviation):

=========  ==========  =====================================================================
F          T           the row is
=========  ==========  =====================================================================
0          0           new, unless it is a near copy
1          any         a copy: features that the pool has once identify an example
2 or more  0           new: the features repeat naturally, and the answer is another one
2 or more  1           a copy: as a whole the row is unique in the pool
2 or more  2 or more   a natural coincidence, accepted as often as honest rows would coincide
                       (the 99 % quantile of a Poisson with mean given · T / pool); a copy beyond
=========  ==========  =====================================================================

This is safe, because no single example of the pool can be brought into training, and a row that
several of them share can be brought in only about as often as it occurs anyway. It spares honest
contributors: by Good and Turing (doi:10.1093/biomet/40.3-4.237) an honest row falls on something
that the pool has exactly once with probability 2·n₂/n only, n₂ counting what it has exactly twice;
for continuous features that is 0. The price is highest where one person gives many rows with the
same features: of the RAND health data, one row per person and year with ten coarse columns, 27 % of
honest rows are left out, and below 1 % once there is one row per person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from hokusai_mlflow.contributions.dataset import Dataset, check_schema, concatenate
from hokusai_mlflow.contributions.near import (
    QUANTILE,
    Space,
    near_pairs,
    near_radius,
    neighbour_distances,
)
from hokusai_mlflow.contributions.turns import (
    KNOWN,
    NOBODY,
    Brought,
    Examples,
    Turn,
    in_turn,
    repeated,
)
from hokusai_mlflow.errors import InputError

_TARGET_TOLERANCE = 0.01
_NATURAL = 0.99
# Most serious first: what the gate is tested on, what payment is measured on, what is known.
_SERIOUS = ("holdout", "payment", "reference")
Codes = npt.NDArray[np.str_]
Mask = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class ContributionCheck:
    """What became of one contributor's rows.

    Attributes
    ----------
    name : str
        The contributor.
    given : int
        Rows submitted.
    accepted : (given,) array of bool
        Rows that may be trained on.
    codes : (given,) array of str
        Why a row was left out: `copy.<part>`, `near_copy.<part>` (part is holdout, payment or
        reference), `already_known`, `duplicate.across`, `duplicate.within`; "" when accepted.
        Reviewers only: the part says which examples are held out. Tell contributors
        `public_counts`.
    digest : str
        Content digest of the accepted rows.
    near_radius : float
        Distance below which a row is a near copy, in the scaled units of `near`.
    """

    name: str
    given: int
    accepted: Mask
    codes: Codes
    digest: str
    near_radius: float

    @cached_property
    def counts(self) -> dict[str, int]:
        """Number of rows left out for each code that occurs, by code."""
        return dict(sorted(Counter(code for code in self.codes.tolist() if code).items()))

    @cached_property
    def public_counts(self) -> dict[str, int]:
        """The counts with the part removed, so that they reveal no hold-out."""
        public: Counter[str] = Counter()
        for code, count in self.counts.items():
            public[code.split(".")[0] if "copy" in code else code] += count
        return dict(sorted(public.items()))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; the accepted rows by number only."""
        return {
            "name": self.name,
            "given": self.given,
            "accepted": int(self.accepted.sum()),
            "counts": dict(self.counts),
            "digest": self.digest,
            "near_radius": self.near_radius,
        }

    def __repr__(self) -> str:
        why = ", ".join(f"{code} {count}" for code, count in self.counts.items())
        return (
            f"ContributionCheck({self.name}: {int(self.accepted.sum())} of {self.given} rows "
            f"accepted{'; ' + why if why else ''})"
        )


def check_contributions(
    contributions: Sequence[Dataset],
    parts: Mapping[str, Dataset],
    known: Sequence[Dataset] = (),
    turns: Sequence[Turn] | None = None,
) -> tuple[ContributionCheck, ...]:
    """Decide for every contributed row whether it may be trained on.

    Parameters
    ----------
    contributions : sequence of Dataset
        What two of them share is credited to the one whose row's turn comes first.
    parts : mapping of str to Dataset
        All parts of the pool: "reference", "payment", "holdout-1", …; hold-outs that are sealed
        or retired count too. A further entry, such as rows accepted earlier, is checked alike and
        gives codes with its own name.
    known : sequence of Dataset, optional
        Contributed rows that the champion was trained on. Their equals are known already, and what
        nearly equals them is a duplicate, whoever brings it.
    turns : sequence of Turn, optional
        Of all rows; whole contributions as they are listed when left out.

    Returns
    -------
    tuple of ContributionCheck
        One per contribution, in the same order.

    Raises
    ------
    InputError
        A contribution has other columns or kinds than the pool, or there is no pool.
    """
    filled = {name: part for name, part in parts.items() if len(part)}
    if not filled:
        raise InputError("there are no pool rows to check against; expected at least one part")
    examiner = _Examiner.of(filled, known)
    marked = [examiner.against_the_owner(one) for one in contributions]
    if contributions:
        turns = in_turn(contributions) if turns is None else turns
        examiner.against_each_other(contributions, marked, turns)
    return tuple(
        ContributionCheck(
            name=one.name,
            given=len(one),
            accepted=(accepted := found.codes == ""),
            codes=found.codes.astype(np.str_),
            digest=one.take(accepted).digest,
            near_radius=examiner.radius,
        )
        for one, found in zip(contributions, marked, strict=True)
    )


def _family(part: str) -> str:
    return "holdout" if part.startswith("holdout") else part


@dataclass
class _Marked:
    """Rows of a contribution beside the pool.

    Why each may not be trained on, so far; which have a pool row's features, and which may repeat
    by nature: their cell of the table above, its size T, and the part that it lies in.
    """

    codes: npt.NDArray[Any]
    coincident: Mask
    natural: Mask
    cell: Counts
    size: Counts
    part: npt.NDArray[Any]


@dataclass
class _Examiner:
    """The pool and what the champion was trained on, indexed."""

    pool: Dataset
    families: dict[str, Mask]
    known: Sequence[Dataset]
    space: Space
    radius: float
    repeats: bool
    tolerance: float

    @classmethod
    def of(cls, parts: Mapping[str, Dataset], known: Sequence[Dataset]) -> _Examiner:
        pool = concatenate(list(parts.values()), name="the pool")
        part_of = np.repeat([_family(name) for name in parts], [len(one) for one in parts.values()])
        names = sorted(
            set(part_of.tolist()),
            key=lambda name: (_SERIOUS.index(name) if name in _SERIOUS else len(_SERIOUS), name),
        )
        space = Space.of(pool.features)
        _, counts = np.unique(pool.rows, return_counts=True)
        floats = pool.targets.dtype.kind == "f"
        for one in known:
            check_schema(one, pool)
        distances = neighbour_distances(
            space.points(pool.features), pool.rows, space.labels(pool.features)
        )
        return cls(
            pool=pool,
            families={name: part_of == name for name in names},
            known=known,
            space=space,
            radius=near_radius(distances),
            # Where the pool itself hardly repeats features, equal features are one example.
            repeats=float(counts[counts > 1].sum()) > QUANTILE * len(pool),
            tolerance=_TARGET_TOLERANCE * float(pool.targets.std()) if floats else 0.0,
        )

    def against_the_owner(self, given: Dataset) -> _Marked:
        """Mark what the pool has, and what the champion was trained on."""
        check_schema(given, self.pool)
        marked = self._beside_the_pool(given)
        self._mark_near_copies(given, marked.codes, marked.coincident)
        self._mark_known(given, marked.codes)
        return marked

    def against_each_other(
        self, given: Sequence[Dataset], marked: Sequence[_Marked], turns: Sequence[Turn]
    ) -> None:
        """Mark what was brought in earlier turns, or more often than honest rows coincide."""
        by = np.concatenate([np.full(len(rows), at) for at, rows in turns])
        place = np.concatenate([rows for _, rows in turns])
        start = np.cumsum([0, *map(len, given)])[:-1]
        queue = start[by] + place
        rows = concatenate([replace(one, metadata=None) for one in given]).take(queue)

        def of_all(name: str) -> npt.NDArray[Any]:
            return np.concatenate([getattr(one, name) for one in marked])[queue]

        codes, coincident, natural = of_all("codes"), of_all("coincident"), of_all("natural")
        self._mark_beyond_nature(codes, natural, of_all("cell"), of_all("size"), of_all("part"))
        examples = Examples(self.repeats, self.tolerance)
        brought = Brought(self.space, self.radius, but_equal=self.repeats)
        for one in self.known:
            # Rows that coincide with the pool's were judged by the table, and may come again.
            earlier = one.take(~np.isin(one.rows, self.pool.rows))
            brought.keep(earlier, KNOWN)
            for row, target in zip(earlier.rows.tolist(), earlier.targets.tolist(), strict=True):
                examples.put(row, target, KNOWN)
        targets, digests = rows.targets.tolist(), rows.rows.tolist()
        # Natural coincidences have their allowance; everything else is one example, once.
        for at in np.flatnonzero((codes == "") & ~natural).tolist():
            first = examples.first(digests[at], targets[at], int(by[at]))
            if first != NOBODY:
                codes[at] = repeated(first, int(by[at]))
        new = np.flatnonzero((codes == "") & ~coincident)
        firsts = brought.first(rows.take(new), by[new])
        for at, first in zip(new.tolist(), firsts.tolist(), strict=True):
            if first != NOBODY:
                codes[at] = repeated(first, int(by[at]))
        for at, one in enumerate(marked):
            one.codes[place[by == at]] = codes[by == at]

    def _beside_the_pool(self, given: Dataset) -> _Marked:
        """Mark copies by the table above, but for natural coincidences."""
        same, alike, cell = _coincidences(given, self.pool, self.families, self.tolerance)
        f, t = np.sum(list(same.values()), axis=0), np.sum(list(alike.values()), axis=0)
        codes = np.full(len(given), "", dtype=object)
        part = np.full(len(given), "", dtype=object)
        natural = (f >= 2) & (t >= 2)
        copy = (f == 1) | ((f >= 2) & (t == 1))
        for name in self.families:
            here = np.where(f == 1, same[name], alike[name]) > 0
            codes[copy & here & (codes == "")] = f"copy.{name}"
            part[natural & here & (part == "")] = name
        return _Marked(codes, f > 0, natural, cell, t, part)

    def _mark_beyond_nature(
        self,
        codes: npt.NDArray[Any],
        natural: Mask,
        cell: Counts,
        size: Counts,
        part: npt.NDArray[Any],
    ) -> None:
        """Mark natural coincidences that come more often than honest rows do, whoever brings them.

        One allowance for all: splitting over names, and padding with rows that are left out anyway,
        add nothing to it.
        """
        left = np.flatnonzero(natural & (codes == ""))
        expected = int((codes == "").sum()) * size[left] / len(self.pool)
        order = pd.Series(cell[left]).groupby(cell[left]).cumcount().to_numpy()
        for at in left[order >= stats.poisson.ppf(_NATURAL, expected)].tolist():
            codes[at] = f"copy.{part[at]}"

    def _mark_near_copies(self, given: Dataset, codes: npt.NDArray[Any], coincident: Mask) -> None:
        # Rows that coincide exactly were judged above.
        rows = np.flatnonzero(~coincident)
        pairs = near_pairs(self.space, given.features.iloc[rows], self.pool.features, self.radius)
        for name, inside in self.families.items():
            near = rows[np.unique(pairs[inside[pairs[:, 1]], 0])]
            codes[near[codes[near] == ""]] = f"near_copy.{name}"

    def _mark_known(self, given: Dataset, codes: npt.NDArray[Any]) -> None:
        held = Examples(self.repeats, self.tolerance)
        for one in self.known:
            for row, target in zip(one.rows.tolist(), one.targets.tolist(), strict=True):
                held.put(row, target, KNOWN)
        # Where features repeat, an example is known as often as it was trained on.
        find = held.take if self.repeats else held.has
        for at in np.flatnonzero(codes == "").tolist():
            if find(given.rows[at], given.targets[at].item()):
                codes[at] = "already_known"


def _coincidences(
    given: Dataset, pool: Dataset, families: Mapping[str, Mask], tolerance: float
) -> tuple[dict[str, Counts], dict[str, Counts], Counts]:
    """For each given row, by part, the pool rows with its features and those with its target too.

    The third array numbers the groups of given rows that match the same pool rows.
    """
    codes, _ = pd.factorize(np.concatenate([pool.rows, given.rows]))
    targets = np.concatenate([pool.targets, given.targets])
    if targets.dtype.kind != "f":
        targets, _ = pd.factorize(targets)
    # By the pool's targets alone: no target that is brought can move the others together.
    own = targets[: len(pool)]
    low, high = float(own.min()) - tolerance - 1.0, float(own.max()) + tolerance + 1.0
    span = high - low
    # One sortable number holds both: the whole part is the features', the fraction the target's.
    place = codes + 0.5 * (np.clip(targets, low, high) - low) / span
    reach = 0.5 * tolerance / span + 1e-9
    size = len(pool)
    asked, features = place[size:], codes[size:]
    same, alike = {}, {}
    for name, inside in {**families, "": np.ones(size, dtype=bool)}.items():
        known = np.sort(place[:size][inside])
        feature = np.sort(codes[:size][inside])
        same[name] = np.searchsorted(feature, features, "right") - np.searchsorted(
            feature, features, "left"
        )
        first = np.searchsorted(known, asked - reach, "left")
        alike[name] = np.searchsorted(known, asked + reach, "right") - first
    del same[""], alike[""]
    return same, alike, np.asarray(first)
