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
from dataclasses import dataclass, field
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
from hokusai_mlflow.errors import InputError

_TARGET_TOLERANCE = 0.01
_NATURAL = 0.99
# Most serious first: what the gate is tested on, what payment is measured on, what is known.
_SERIOUS = ("holdout", "payment", "reference")
Codes = npt.NDArray[np.str_]
Turn = tuple[int, npt.NDArray[np.int64]]
"""Position of a contribution, and of those of its rows whose turn it is to be credited."""
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
    for at, rows in in_turn(contributions) if turns is None else turns:
        examiner.against_each_other(at, contributions[at], marked[at], rows)
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


def in_turn(contributions: Sequence[Dataset]) -> list[Turn]:
    """Whole contributions, as they are listed."""
    return [(at, np.arange(len(one))) for at, one in enumerate(contributions)]


def _family(part: str) -> str:
    return "holdout" if part.startswith("holdout") else part


@dataclass
class _Marked:
    """Why each row of a contribution may not be trained on, so far; which fall on pool rows."""

    codes: npt.NDArray[Any]
    coincident: Mask
    natural: Mask


@dataclass
class _Examiner:
    """The pool, indexed; remembers what was brought, and by which contribution (−1: known)."""

    pool: Dataset
    families: dict[str, Mask]
    known: Counter[str]
    space: Space
    radius: float
    repeats: bool
    tolerance: float
    seen: dict[tuple[str, Any], int] = field(default_factory=dict)
    brought: list[tuple[int, Dataset]] = field(default_factory=list)

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
        # Rows that coincide with the pool's were judged by the table, and may come again.
        earlier = [one.take(~np.isin(one.rows, pool.rows)) for one in known]
        examiner = cls(
            pool=pool,
            families={name: part_of == name for name in names},
            known=Counter(row for one in known for row in one.rows.tolist()),
            space=space,
            radius=near_radius(neighbour_distances(space.points(pool.features), pool.rows)),
            # Where the pool itself hardly repeats features, equal features are one example.
            repeats=float(counts[counts > 1].sum()) > QUANTILE * len(pool),
            tolerance=_TARGET_TOLERANCE * float(pool.targets.std()) if floats else 0.0,
            brought=[(-1, one) for one in earlier],
        )
        examiner.seen.update((key, -1) for one in earlier for key in examiner.keys(one))
        return examiner

    def keys(self, rows: Dataset) -> list[tuple[str, Any]]:
        """What makes each row one example: its features, and its target where those repeat."""
        targets = rows.targets.tolist() if self.repeats else [None] * len(rows)
        return list(zip(rows.rows.tolist(), targets, strict=True))

    def against_the_owner(self, given: Dataset) -> _Marked:
        """Mark what the pool has, and what the champion was trained on."""
        check_schema(given, self.pool)
        codes = np.full(len(given), "", dtype=object)
        coincident, natural = self._mark_copies(given, codes)
        self._mark_near_copies(given, codes, coincident)
        self._mark_known(given, codes)
        return _Marked(codes, coincident, natural)

    def against_each_other(
        self, by: int, given: Dataset, marked: _Marked, rows: npt.NDArray[np.int64]
    ) -> None:
        """Mark what was brought in earlier turns, and remember the rest."""
        mine, codes, coincident = given.take(rows), marked.codes[rows], marked.coincident[rows]
        # Natural coincidences have their allowance; everything else is one example, once.
        self._mark_repeats(by, mine, codes, marked.natural[rows])
        self._mark_near_repeats(by, mine, codes, coincident)
        marked.codes[rows] = codes
        self.brought.append((by, mine.take((codes == "") & ~coincident)))

    def _mark_copies(self, given: Dataset, codes: npt.NDArray[Any]) -> tuple[Mask, Mask]:
        """Mark copies by the table above; return which rows have F > 0, and which T > 1."""
        same, alike, cell = _coincidences(given, self.pool, self.families, self.tolerance)
        f, t = np.sum(list(same.values()), axis=0), np.sum(list(alike.values()), axis=0)
        limit = stats.poisson.ppf(_NATURAL, len(given) * t / len(self.pool))
        order = pd.Series(cell).groupby(cell).cumcount().to_numpy()
        copy = (f == 1) | ((f >= 2) & (t == 1)) | ((f >= 2) & (t >= 2) & (order >= limit))
        for name in self.families:
            here = np.where(f == 1, same[name], alike[name]) > 0
            codes[copy & here & (codes == "")] = f"copy.{name}"
        return f > 0, (f >= 2) & (t >= 2)

    def _mark_near_copies(self, given: Dataset, codes: npt.NDArray[Any], coincident: Mask) -> None:
        # Rows that coincide exactly were judged above.
        rows = np.flatnonzero(~coincident)
        pairs = near_pairs(self.space, given.features.iloc[rows], self.pool.features, self.radius)
        for name, inside in self.families.items():
            near = rows[np.unique(pairs[inside[pairs[:, 1]], 0])]
            codes[near[codes[near] == ""]] = f"near_copy.{name}"

    def _mark_known(self, given: Dataset, codes: npt.NDArray[Any]) -> None:
        if not self.known:
            return
        times = np.array([self.known.get(row, 0) for row in given.rows.tolist()])
        order = pd.Series(given.rows).groupby(given.rows).cumcount().to_numpy()
        known = (order < times) if self.repeats else (times > 0)
        codes[known & (codes == "")] = "already_known"

    def _mark_repeats(
        self, by: int, given: Dataset, codes: npt.NDArray[Any], natural: Mask
    ) -> None:
        keys = self.keys(given)
        for at in np.flatnonzero((codes == "") & ~natural):
            if keys[at] in self.seen:
                codes[at] = repeated(self.seen[keys[at]], by)
            else:
                self.seen[keys[at]] = by

    def _mark_near_repeats(
        self, by: int, given: Dataset, codes: npt.NDArray[Any], coincident: Mask
    ) -> None:
        rows = np.flatnonzero((codes == "") & ~coincident)
        mine = given.take(rows)
        for first, earlier in self.brought:
            near = rows[np.unique(self._near(mine, earlier)[:, 0])]
            codes[near[codes[near] == ""]] = repeated(first, by)
        pairs = self._near(mine, mine)
        for later, first in rows[pairs[pairs[:, 1] < pairs[:, 0]]]:
            if codes[later] == codes[first] == "":
                codes[later] = "duplicate.within"

    def _near(self, mine: Dataset, other: Dataset) -> Counts:
        pairs = near_pairs(self.space, mine.features, other.features, self.radius)
        if self.repeats:
            # Equal rows were judged with their targets.
            pairs = pairs[mine.rows[pairs[:, 0]] != other.rows[pairs[:, 1]]]
        return pairs


def repeated(first: int, by: int) -> str:
    """Code of a row that contribution `first` brought before contribution `by` does."""
    return "duplicate.within" if first == by else "duplicate.across"


def _coincidences(
    given: Dataset, pool: Dataset, families: Mapping[str, Mask], tolerance: float
) -> tuple[dict[str, Counts], dict[str, Counts], Counts]:
    """For each given row, by part, the pool rows with its features and those with its target too.

    The third array numbers the groups of given rows that match the same pool rows.
    """
    codes, _ = pd.factorize(np.concatenate([pool.rows, given.rows]))
    targets = np.concatenate([pool.targets, given.targets])
    if targets.dtype.kind == "U":
        targets, _ = pd.factorize(targets)
    low, span = float(targets.min()), float(np.ptp(targets)) or 1.0
    # One sortable number holds both: the whole part is the features', the fraction the target's.
    place = codes + 0.5 * (targets - low) / span
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
