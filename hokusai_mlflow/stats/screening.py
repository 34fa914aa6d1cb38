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
from hokusai_mlflow.stats.consensus import Codes, Follows, follows

LEVEL = 0.05
"""Chance that any of several honest raters is flagged by one kind of check."""
LEAST_RATINGS = 10
"""Ratings below which a rater is not called constant, or partial to a side."""
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
        Spearman's with the others' consensus; None where they share too little.
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
    favours neither. The checks, each holding the chance that any honest rater is flagged at 5 %:

    constant
        Ten ratings or more, all equal, where others' ratings of the same answers differ.
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
        H0: two raters' ratings of an answer are equal as often as other pairs' of raters are; a
        pair that is equal on all of at least 20 shared answers is flagged when that often to the
        power of their number, times the number of pairs, is 5 % or less.
    too-fast
        Half of the pauses between a rater's ratings are below 2 s.

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
    _constant(flags, answer, rater, rated)
    found = _disagrees(flags, answer, item, rater, rated)
    _one_side(flags, item, rater, rated, side)
    _copies(flags, names, answer, rater, rated)
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


def _constant(flags: dict[int, list[Flag]], answer: Codes, rater: Codes, rated: Floats) -> None:
    for at, told_of in flags.items():
        mine = rater == at
        others = rated[~mine & np.isin(answer, answer[mine])]
        varied = len(others) > 0 and np.ptp(others) > 0
        if mine.sum() >= LEAST_RATINGS and np.ptp(rated[mine]) == 0 and varied:
            told = f"all {mine.sum():,} ratings are {rated[mine][0]:g}"
            told_of.append(Flag("constant", told))


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
    names: npt.NDArray[Any],
    answer: Codes,
    rater: Codes,
    rated: Floats,
) -> None:
    by_rater = {
        at: dict(zip(answer[rater == at].tolist(), rated[rater == at].tolist(), strict=True))
        for at in flags
    }
    equal: dict[tuple[int, int], tuple[int, int]] = {}
    for one, other in combinations(flags, 2):
        shared = by_rater[one].keys() & by_rater[other].keys()
        same = sum(by_rater[one][at] == by_rater[other][at] for at in shared)
        equal[one, other] = (same, len(shared))
    for pair, (same, shared_) in equal.items():
        if shared_ < LEAST_SHARED or same < shared_ or any(_is(flags, at) for at in pair):
            continue
        rest = [found for other, found in equal.items() if other != pair]
        often = (sum(s for s, _ in rest) + 1) / (sum(n for _, n in rest) + 2)
        p_value = min(1.0, often**shared_ * len(equal))
        if p_value <= LEVEL:
            for at, other in (pair, pair[::-1]):
                told = (
                    f"all {shared_:,} ratings shared with {names[other]} are equal; other pairs "
                    f"agree exactly {often:.0%} of the time"
                )
                flags[at].append(Flag("copies", told, p_value))


def _is(flags: dict[int, list[Flag]], at: int) -> bool:
    """Whether a rater is constant, which explains equal ratings."""
    return any(flag.code == "constant" for flag in flags[at])


def _too_fast(flags: dict[int, list[Flag]], rater: Codes, clock: Floats) -> None:
    for at, told_of in flags.items():
        times = np.sort(clock[(rater == at) & np.isfinite(clock)])
        if len(times) > LEAST_RATINGS and float(np.median(np.diff(times))) < TOO_FAST:
            pause = float(np.median(np.diff(times)))
            told = f"half of the pauses between {len(times):,} ratings are below {pause:.1f} s"
            told_of.append(Flag("too-fast", told))
