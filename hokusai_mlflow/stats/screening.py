"""Raters whose ratings cannot be relied on: found without knowing which model gave an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.inputs import Floats, as_ids, as_numbers
from hokusai_mlflow.stats.consensus import Codes, Follows, equal_by_chance, follows

LEVEL = 0.05
"""Chance that any of several honest raters is flagged by one kind of check."""
LEAST_RATINGS = 10
"""Ratings below which a rater is not called constant, partial to a side or too fast."""
LEAST_SHARED = 20
"""Answers that two raters must share before equal ratings are called copies."""
FOLLOWED = 2 / 3
"""Part of the others' median correlation to be reached; a rater of twice their noise does."""
SIDED = 0.7
"""Share of a side from which a preference for it matters, however sure it is."""
TOO_FAST = 2.0
"""Seconds; nobody reads a question and its answer in less, half of the time."""


@dataclass(frozen=True)
class Flag:
    """Why a rater stands out.

    Attributes
    ----------
    code : {"constant", "disagrees", "one-side", "copies", "too-fast"}
        Which check.
    message : str
        With the figures.
    p_value : float or None
        Of the check's test, adjusted for the number of raters; None where it is no test.
    """

    code: str
    message: str
    p_value: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)


@dataclass(frozen=True)
class Rater:
    """What is known of one rater.

    Attributes
    ----------
    name : str
        Who.
    ratings : int
        Given.
    mean, std_dev : float
        Of the ratings.
    correlation : float or None
        Spearman's with the others' consensus; None where they share, or vary, too little.
    flags : tuple of Flag
        Empty for a rater who does not stand out.
    """

    name: str
    ratings: int
    mean: float
    std_dev: float
    correlation: float | None
    flags: tuple[Flag, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self) | {"flags": [flag.to_dict() for flag in self.flags]}


@dataclass(frozen=True, repr=False)
class Screening:
    """All raters, in order of their names."""

    raters: tuple[Rater, ...]

    @property
    def flagged(self) -> tuple[str, ...]:
        """Names of the raters who stand out."""
        return tuple(rater.name for rater in self.raters if rater.flags)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {"raters": [rater.to_dict() for rater in self.raters]}

    def __repr__(self) -> str:
        told = ", ".join(
            f"{rater.name}: {' and '.join(flag.code for flag in rater.flags)}"
            for rater in self.raters
            if rater.flags
        )
        return f"<Screening of {len(self.raters)} raters, {told or 'nobody stands out'}>"


def screen(
    answers: npt.ArrayLike,
    items: npt.ArrayLike,
    raters: npt.ArrayLike,
    ratings: npt.ArrayLike,
    *,
    sides: npt.ArrayLike | None = None,
    seconds: npt.ArrayLike | None = None,
) -> Screening:
    """Find raters who stand out.

    Nothing here knows which model gave which answer, so that leaving a rater out because of it
    favours neither. The checks, of which the tests each hold the chance that any honest rater is
    flagged at 5 %:

    constant
        H0: of an item, the rater is as likely to give nothing but one value as the others are,
        of whom the half that gives it more often is taken, since some are more lenient. Of a
        rater with ten ratings or more, all equal, the chance that all are, were the ratings of
        every item handed out by lot, is Π (1 + others with that value only) / (1 + others);
        times the number of raters tested, it is compared with 5 %.
    disagrees
        H0: the rater follows the others' consensus at least two thirds as well as the others'
        median does (see `consensus.follows`). The smallest p-value, times the number of raters
        tested, is compared with 5 %; whoever is flagged leaves the consensus, and the rest is
        tested again.
    one-side
        H0: of two different ratings side by side, either side gets the better one equally often,
        which holds for any rater where sides are drawn by lot. Exact binomial test, Holm over
        raters; the share must also be 70 % or more.
    copies
        H0: two raters whose ratings are equal on all of at least 20 shared answers rated them
        independently, however precisely. Precise raters follow the others better than the others
        follow each other; see `consensus.equal_by_chance`, whose p-value, adjusted for the number
        of pairs, is compared with 5 %. Two others at least must have rated ten of the items.
    too-fast
        Half of the pauses between a rater's ratings are below 2 s, which is no test.

    Parameters
    ----------
    answers, items, raters : array-like, shape (n,)
        Of every rating: which answer, to which item, by whom.
    ratings : array-like, shape (n,)
        The ratings.
    sides : array-like of {"a", "b", ""}, shape (n,), optional
        On which side of two the answer was shown.
    seconds : array-like, shape (n,), optional
        When each rating was given, in seconds; NaN where that is not known.

    Raises
    ------
    InputError
        When an input is malformed.
    """
    given = [as_ids(name, one) for name, one in (("answers", answers), ("items", items))]
    names, rater = np.unique(as_ids("raters", raters), return_inverse=True)
    answer, item = (np.unique(one, return_inverse=True)[1].reshape(-1) for one in given)
    rated, rater = as_numbers("ratings", ratings), rater.reshape(-1)
    side = np.full(len(rated), "") if sides is None else np.asarray(sides).astype(str)
    clock = np.full(len(rated), np.nan) if seconds is None else np.asarray(seconds, np.float64)
    lengths = {len(one) for one in (answer, item, rater, rated, side, clock)}
    if len(lengths) > 1:
        raise InputError(f"expected columns of one length, found {sorted(lengths)}")
    # One order, whatever the order of the rows and the names of the answers: sums are rounded.
    order = np.lexsort((answer, rated, rater, item))
    answer, item, rater = answer[order], item[order], rater[order]
    rated, side, clock = rated[order], side[order], clock[order]
    flags: dict[int, list[Flag]] = {at: [] for at in range(len(names))}
    _constant(flags, answer, item, rater, rated)
    found = _disagrees(flags, answer, item, rater, rated)
    _one_side(flags, item, rater, rated, side)
    _copies(flags, answer, item, rater, rated, names=names)
    _too_fast(flags, rater, clock)
    return Screening(
        tuple(
            Rater(
                name=str(name),
                ratings=int((rater == at).sum()),
                mean=float(rated[rater == at].mean()),
                std_dev=float(rated[rater == at].std()),
                correlation=None if (one := found.get(at)) is None else one.correlation,
                flags=tuple(flags[at]),
            )
            for at, name in enumerate(names)
        )
    )


def _constant(
    flags: dict[int, list[Flag]], answer: Codes, item: Codes, rater: Codes, rated: Floats
) -> None:
    tested = [at for at in flags if (rater == at).sum() >= LEAST_RATINGS]
    for at in tested:
        mine = rater == at
        value = rated[mine][0]
        others = ~mine & np.isin(answer, answer[mine])
        if np.ptp(rated[mine]) > 0 or not others.any():
            continue
        who = np.unique(rater[others], return_inverse=True)[1].reshape(-1)
        equal = rated[others] == value
        share = np.bincount(who, weights=equal) / np.bincount(who)
        likely = (share >= np.median(share))[who]
        chance = _by_lot(item[mine], item[others][likely], who[likely], equal[likely])
        if (p_value := chance * len(tested)) <= LEVEL:
            told = f"all {mine.sum():,} ratings are {value:g}, which others vary more"
            flags[at].append(Flag("constant", told, p_value))


def _by_lot(mine: Codes, item: Codes, who: Codes, equal: npt.NDArray[np.bool_]) -> float:
    """Chance of a constant value in all items, were each item's ratings given out by lot."""
    shape = int(who.max()) + 1, int(mine.max()) + 1
    count, same = np.zeros(shape), np.zeros(shape)
    np.add.at(count, (who, item), 1)
    np.add.at(same, (who, item), equal)
    # Whoever rated some answers to an item only is not comparable there.
    whole = count == np.bincount(mine)
    asked = np.unique(mine)
    others, constant = whole.sum(axis=0), (whole & (same == count)).sum(axis=0)
    return float(np.prod((constant[asked] + 1) / (others[asked] + 1)))


def _disagrees(
    flags: dict[int, list[Flag]], answer: Codes, item: Codes, rater: Codes, rated: Floats
) -> Mapping[int, Follows | None]:
    active = [at for at in flags if not flags[at]]
    left: dict[int, Follows | None] = {}
    while True:
        kept = np.isin(rater, active)
        found = {
            at: follows(at, answer[kept], item[kept], rater[kept], rated[kept]) for at in active
        }
        known = {at: one for at, one in found.items() if one is not None}
        p_values: dict[int, float] = {}
        typical: dict[int, float] = {}
        for at, one in known.items():
            others = [other.correlation for who, other in known.items() if who != at]
            # Of two raters nobody can say which one is wrong.
            if len(others) >= 2 and (middle := float(np.median(others))) > 0:
                typical[at] = middle
                p_values[at] = one.p_value(FOLLOWED * middle)
        worst = min(p_values, key=lambda at: p_values[at], default=None)
        if worst is None or p_values[worst] * len(p_values) > LEVEL:
            return left | found
        adjusted = p_values[worst] * len(p_values)
        told = (
            f"correlation with the others' consensus {known[worst].correlation:+.2f} on "
            f"{known[worst].items:,} items, against {typical[worst]:.2f} of the others"
        )
        flags[worst].append(Flag("disagrees", told, adjusted))
        left[worst] = known[worst]
        active.remove(worst)


def _one_side(
    flags: dict[int, list[Flag]], item: Codes, rater: Codes, rated: Floats, side: npt.NDArray[Any]
) -> None:
    p_values, shares = {}, {}
    for at in flags:
        shown = {
            which: dict(zip(item[mask].tolist(), rated[mask].tolist(), strict=True))
            for which in ("a", "b")
            if (mask := (rater == at) & (side == which)) is not None
        }
        better = [
            shown["a"][one] > shown["b"][one]
            for one in shown["a"].keys() & shown["b"].keys()
            if shown["a"][one] != shown["b"][one]
        ]
        if len(better) >= LEAST_RATINGS:
            p_values[at] = float(stats.binomtest(sum(better), len(better)).pvalue)
            shares[at] = (sum(better), len(better))
    running = 0.0
    for rank, at in enumerate(sorted(p_values, key=lambda one: p_values[one])):
        running = max(running, p_values[at] * (len(p_values) - rank))
        first, total = shares[at]
        most = max(first, total - first)
        if running <= LEVEL and most / total >= SIDED:
            which = "a" if first == most else "b"
            told = f"the answer on side {which} is the better one {most:,} times of {total:,}"
            flags[at].append(Flag("one-side", told, running))


def _copies(
    flags: dict[int, list[Flag]],
    answer: Codes,
    item: Codes,
    rater: Codes,
    rated: Floats,
    *,
    names: npt.NDArray[Any],
) -> None:
    by_rater = {
        at: dict(zip(answer[rater == at].tolist(), rated[rater == at].tolist(), strict=True))
        for at in flags
    }
    shared = {
        (one, other): both
        for one, other in combinations(flags, 2)
        if len(both := by_rater[one].keys() & by_rater[other].keys()) >= LEAST_SHARED
    }
    equal = [
        (one, other)
        for (one, other), both in shared.items()
        if all(by_rater[one][at] == by_rater[other][at] for at in both)
    ]
    for pair in equal:
        p_value = equal_by_chance(
            pair, answer, item, rater, rated, tested=len(shared), equal=len(equal)
        )
        if p_value is not None and p_value <= LEVEL:
            for at, other in (pair, pair[::-1]):
                told = (
                    f"all {len(shared[pair]):,} ratings shared with {names[other]} are equal, "
                    "though both follow the others too little to be so precise"
                )
                flags[at].append(Flag("copies", told, p_value))


def _too_fast(flags: dict[int, list[Flag]], rater: Codes, clock: Floats) -> None:
    for at, told_of in flags.items():
        times = np.sort(clock[(rater == at) & np.isfinite(clock)])
        if len(times) > LEAST_RATINGS and float(np.median(np.diff(times))) < TOO_FAST:
            pause = float(np.median(np.diff(times)))
            told = f"half of the pauses between {len(times):,} ratings are below {pause:.1f} s"
            told_of.append(Flag("too-fast", told))
