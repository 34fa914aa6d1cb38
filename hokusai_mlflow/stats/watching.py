"""Watching a promoted model on batch after batch of fresh labels, without crying wolf.

A watch is about one mean: the champion's improvement over the model it beat, or its own score.
Every batch is kept as its paired sums. For every batch j from which a loss may have lasted until
now, the evidence E_j against "at least `floor_bps`" is a test martingale (`mixtures`) that starts
there. The batches of a year share the level: Σ w_j E_j with Σ w_j = 1 is a test martingale again,
and raises an alarm when it reaches 1/level. So the chance that a year's batches ever give rise to a
false alarm is at most the level, however often one looks, while the mean is at least the floor; and
a loss that begins after many good months is found nearly as fast as one on the first day.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from hokusai_mlflow.deltaone import SCORE_UNIT, PairedKind, PairedSums
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.inputs import Floats
from hokusai_mlflow.stats.mixtures import best_rho, boundary, log_mixture
from hokusai_mlflow.stats.quantiles import normal_quantile

BPS = 1e4
TIGHT_AT = 5_000
"""Examples about which boundaries are tightest."""
FIRST = 0.25
"""What the first batch of a year has of the year's level; the others share the rest alike."""

_FOLD: dict[str, float] = {"linear": 0.0, "log_ratio": 1.0, "half_log_ratio": 2.0}
_WIDEST = 2.0
"""Ends of an interval are looked for up to a ratio of exp(2) of losses."""
_ROOM = 0.05
"""How far predictions of x may lie from 0, in parts of its range."""


@dataclass(frozen=True)
class Fresh:
    """One batch of fresh labels: sums of both models' scores, and how far scores can differ.

    Attributes
    ----------
    sums : PairedSums
        As in `stats.paired`; of a watch on the score alone, b is a constant.
    low, high : float
        Smallest and largest c − b of an example.
    """

    sums: PairedSums
    low: float
    high: float

    @classmethod
    def of(cls, b: npt.ArrayLike, c: npt.ArrayLike) -> Fresh:
        """From two arrays of scores on the same examples, shape (n,).

        Raises
        ------
        InputError
            When there is none, or a score is not finite.
        """
        first, second = np.asarray(b, dtype=np.float64), np.asarray(c, dtype=np.float64)
        sums = PairedSums.of(first, second)
        if not sums.n:
            raise InputError("expected at least one fresh example, found none")
        moved = second - first
        return cls(sums, float(moved.min()), float(moved.max()))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {"sums": self.sums.to_dict(), "low": self.low, "high": self.high}


def against(level: float, sums: PairedSums, low: float, high: float) -> Fresh:
    """The champion's scores against a constant one, for a watch on the score alone.

    Parameters
    ----------
    level : float
        The constant, in units of the scores.
    sums : PairedSums
        The champion's scores are `c`.
    low, high : float
        Smallest and largest c.
    """
    b = round(level * SCORE_UNIT)
    n, c, cc = sums.n, sums.c, sums.cc
    return Fresh(PairedSums(n, n * b, c, n * b * b, cc, b * c), low - level, high - level)


@dataclass(frozen=True, repr=False)
class Watched:
    """What a watch says after a batch.

    Attributes
    ----------
    alarm : bool
        Whether the mean fell below the floor, at the watch's level over all looks.
    estimate_bps, low_bps, high_bps : float
        Mean since the first batch, with a confidence sequence: it covers the mean at all looks
        with 1 − 2 · level of start 1; `low_bps` and `high_bps` each err with half the watch's
        level.
    since : int
        The batch from which on there is most evidence of a loss, counted from 1.
    since_bps, since_high_bps : float
        Mean from that batch on, and its upper bound.
    evidence : float
        Natural logarithm of the evidence over what an alarm takes; an alarm from 0.
    n : int
        Examples since the first batch.
    floor_bps : float
        What is not to be fallen below.
    """

    alarm: bool
    estimate_bps: float
    low_bps: float
    high_bps: float
    since: int
    since_bps: float
    since_high_bps: float
    evidence: float
    n: int
    floor_bps: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def __repr__(self) -> str:
        return (
            f"Watched({self.estimate_bps:+.0f} bps [{self.low_bps:+.0f}, {self.high_bps:+.0f}] "
            f"against {self.floor_bps:+.0f}{': alarm' if self.alarm else ''})"
        )


@dataclass(frozen=True)
class Watch:
    """H0: the mean improvement is at least `floor_bps`, from the first batch on.

    What is bounded (hits, and losses divided by their cap) is tested without any assumption on
    the distribution; examples may depend on each other as long as each one's conditional mean is
    above the floor. Where `bounds` is None (linearised scores, or groups) the range seen so far
    takes their place: the test is asymptotic then, for batches of a hundred examples or more.

    Attributes
    ----------
    kind : PairedKind
        How the improvement follows from sums.
    floor_bps : float
        In basis points.
    level : float
        Chance that a year's batches ever raise an alarm while H0 holds.
    expected : PairedSums
        What was known before the first batch: predicts scores, and says where to be tightest.
    bounds : pair of intervals or None
        Where every b and every c lie; of a constant b, twice the constant.
    year : int
        Batches that share the level.
    """

    kind: PairedKind
    floor_bps: float
    level: float
    expected: PairedSums
    bounds: tuple[tuple[float, float], tuple[float, float]] | None = None
    year: int = 365

    def __post_init__(self) -> None:
        if not 0 < self.level < 0.5:
            raise InputError(f"expected a level between 0 and 0.5, found {self.level}")
        if self.year < 2:
            raise InputError(f"expected at least 2 batches a year, found {self.year}")
        if self.kind != "linear" and self.bounds is None:
            raise InputError("losses are clipped and divided by their cap: give their bounds")

    def judge(self, batches: Sequence[Fresh]) -> Watched:
        """What all batches so far say, the newest being the last.

        Parameters
        ----------
        batches : sequence of Fresh
            In the order in which they were taken up; an alarm is about the last look only.

        Raises
        ------
        InputError
            When there is none.
        """
        seen = _Seen(self, _Trail.of(batches))
        floor = self.floor_bps / BPS
        s, v = seen.deviations(floor)
        surplus, worst = self._surplus(s, v, seen.scale(floor), seen.rho(floor))
        levels = self.level * self.shares(len(batches))
        low, high = seen.interval(0, float(levels[0]))
        return Watched(
            alarm=surplus >= 0,
            estimate_bps=BPS * seen.mean(0),
            low_bps=BPS * low,
            high_bps=BPS * high,
            since=worst + 1,
            since_bps=BPS * seen.mean(worst),
            since_high_bps=BPS * seen.interval(worst, float(levels[worst]))[1],
            # Far on the safe side the logarithm is -inf, which JSON has no word for.
            evidence=max(surplus, -1e6),
            n=sum(one.sums.n for one in batches),
            floor_bps=self.floor_bps,
        )

    def first_alarm(self, batches: Sequence[Fresh]) -> int | None:
        """The first batch after which `judge` raises an alarm, counted from 1; None without one.

        Parameters
        ----------
        batches : sequence of Fresh
            In order.
        """
        trail, floor = _Trail.of(batches), self.floor_bps / BPS
        known: tuple[float, float] | None = None
        for at in range(1, len(batches) + 1):
            reached = (float(trail.low[at - 1]), float(trail.high[at - 1]))
            if known is None or (self.bounds is None and reached != known):
                # With bounds it is the same at every look.
                known, seen = reached, _Seen(self, trail.reaching(at))
                scale, rho = seen.scale(floor), seen.rho(floor)
                s, v = (np.append(0.0, one.cumsum()) for one in seen.apart(floor))
            until_s, until_v = s[at] - s[:at], v[at] - v[:at]
            if self._surplus(until_s, until_v, scale, rho)[0] >= 0:
                return at
        return None

    def _surplus(self, s: Floats, v: Floats, scale: float, rho: float) -> tuple[float, int]:
        """Log evidence over what an alarm takes, and the start with the most evidence."""
        # A sum that does not fall short is no evidence; leaving it out is on the safe side.
        short = s > 0
        if not short.any():
            return -np.inf, int(np.argmax(s / np.sqrt(v + 1)))
        each = np.full(len(s), -np.inf)
        each[short] = log_mixture(s[short], v[short], rho=rho, scale=scale)
        each[short] += np.log(self.shares(len(s))[short])
        years = np.arange(0, len(s), self.year)
        surplus = float(np.logaddexp.reduceat(each, years).max()) + math.log(self.level)
        return surplus, int(np.argmax(each))

    def shares(self, batches: int) -> Floats:
        """What each of so many batches has of its year's level."""
        found: Floats = np.full(batches, (1 - FIRST) / (self.year - 1))
        found[:: self.year] = FIRST
        return found


@dataclass(frozen=True)
class _Trail:
    """Batches as arrays: n, Σb, Σc, Σb², Σc², Σbc of each, and how far c − b reached until then."""

    each: Floats
    low: Floats
    high: Floats

    @classmethod
    def of(cls, batches: Sequence[Fresh]) -> _Trail:
        if not batches:
            raise InputError("expected at least one batch of fresh labels, found none")
        ends = np.array([(one.low, one.high) for one in batches])
        return cls(
            np.array([_moments(one.sums) for one in batches]),
            np.minimum.accumulate(ends[:, 0]),
            np.maximum.accumulate(ends[:, 1]),
        )

    def reaching(self, at: int) -> _Trail:
        """All batches, and how far c − b had reached after so many."""
        return _Trail(self.each, self.low[:at], self.high[:at])


class _Seen:
    """Sums of all batches, added up from each start to the last one."""

    def __init__(self, watch: Watch, trail: _Trail) -> None:
        self._watch, self._trail, self._each = watch, trail, trail.each
        before = np.vstack([_moments(watch.expected), self._each[:-1]])[:, :3].cumsum(axis=0)
        # Means of b and c before each batch: predictions that its examples had no part in.
        self._predicted = before[:, 1:] / before[:, :1]

    def _ratio(self, floor: float) -> float:
        return math.exp(_FOLD[self._watch.kind] * floor)

    def _range(self, floor: float) -> tuple[float, float]:
        """Smallest and largest value of y = c − b, or b − e^{k·floor} c for losses."""
        bounds, r = self._watch.bounds, self._ratio(floor)
        if bounds is None:
            low, high = float(self._trail.low[-1]), float(self._trail.high[-1])
            return low, max(high, low + 1 / SCORE_UNIT)
        (b_low, b_high), (c_low, c_high) = bounds
        if self._watch.kind == "linear":
            return c_low - b_high, c_high - b_low
        return b_low - r * c_high, b_high - r * c_low

    def _room(self, floor: float) -> float:
        low, high = self._range(floor)
        return _ROOM * (high - low)

    def scale(self, floor: float, side: float = 1.0) -> float:
        """The most that y exceeds its prediction by; of the other side, falls short of it."""
        low, high = self._range(floor)
        return (high if side > 0 else -low) + self._room(floor)

    def rho(self, floor: float) -> float:
        """From the variance that was expected."""
        n, b, c, bb, cc, bc = _moments(self._watch.expected)
        r = self._ratio(floor)
        at = (b - r * c) / n
        variance = (bb - 2 * r * bc + r * r * cc) / n - at * at
        least = (self.scale(floor) / 100) ** 2
        return best_rho(TIGHT_AT * max(variance, least), self._watch.level)

    def deviations(self, floor: float) -> tuple[Floats, Floats]:
        """From each start on: by how much sums fall short of the floor, and intrinsic time."""
        short, error = self.apart(floor)
        return short[::-1].cumsum()[::-1], error[::-1].cumsum()[::-1]

    def apart(self, floor: float) -> tuple[Floats, Floats]:
        """The same of each batch.

        Δ ≥ floor exactly when the mean of y is at least the floor, or at least 0 for losses.
        """
        r, linear = self._ratio(floor), self._watch.kind == "linear"
        n, b, c, bb, cc, bc = self._each.T
        sign = -1.0 if linear else 1.0
        y = sign * (b - r * c)
        square = bb - 2 * r * bc + r * r * cc
        room = self._room(floor)
        guess = np.clip(sign * (self._predicted[:, 0] - r * self._predicted[:, 1]), -room, room)
        error = np.maximum(square - 2 * guess * y + n * guess * guess, 0.0)
        short: Floats = (n * floor if linear else 0.0) - y
        return short, error

    def mean(self, start: int) -> float:
        """Improvement over the batches from a start on."""
        n, b, c = self._each[start:, :3].sum(axis=0)
        fold = _FOLD[self._watch.kind]
        if not fold:
            return float((c - b) / n)
        if b <= 0 or c <= 0:
            raise InputError("a model's losses on the fresh examples sum to 0; check the targets")
        return float(math.log(b / c) / fold)

    def interval(self, start: int, level: float) -> tuple[float, float]:
        """Confidence sequence of the mean from a start on; either end errs with this level."""
        at, fold = self.mean(start), _FOLD[self._watch.kind]

        def reach(floor: float, v: float, side: float) -> float:
            return boundary(v, level, rho=self.rho(floor), scale=self.scale(floor, side))

        if not fold:
            v, n = float(self.deviations(0.0)[1][start]), float(self._each[start:, 0].sum())
            return at - reach(0.0, v, -1.0) / n, at + reach(0.0, v, 1.0) / n

        def miss(floor: float, side: float) -> float:
            s, v = self.deviations(floor)
            return side * float(s[start]) - reach(floor, float(v[start]), side)

        ends = []
        for side in (-1.0, 1.0):
            far = at + side * _WIDEST / fold
            if miss(far, side) < 0:
                ends.append(far)
            else:
                ends.append(float(brentq(miss, at, far, args=(side,), xtol=1e-7)))
        return ends[0], ends[1]


def _moments(sums: PairedSums) -> Floats:
    """n, Σb, Σc, Σb², Σc², Σbc in units of the scores."""
    unit = float(SCORE_UNIT)
    return np.array(
        [
            float(sums.n),
            sums.b / unit,
            sums.c / unit,
            sums.bb / unit**2,
            sums.cc / unit**2,
            sums.bc / unit**2,
        ]
    )


def promised(kind: PairedKind, sums: PairedSums, level: float) -> float:
    """One-sided lower confidence bound of an improvement, in basis points.

    Parameters
    ----------
    kind : PairedKind
    sums : PairedSums
        From examples that came before.
    level : float
        Chance that the true improvement is less, for many examples: normal, with the delta
        method's variance Σ(b_i/Σb − c_i/Σc)² for losses.
    """
    n, b, c, bb, cc, bc = _moments(sums)
    fold = _FOLD[kind]
    if not fold:
        at = (c - b) / n
        variance = ((bb + cc - 2 * bc) / n - at * at) / n
    else:
        at = math.log(b / c) / fold
        variance = (bb / (b * b) + cc / (c * c) - 2 * bc / (b * c)) / (fold * fold)
    return float(BPS * (at - normal_quantile(level) * math.sqrt(max(variance, 0.0))))


def least_score(kind: PairedKind, sums: PairedSums, level: float) -> float:
    """The candidate's mean score at the unfavourable end of chance: below it, or above for losses.

    Parameters
    ----------
    kind : PairedKind
    sums : PairedSums
        From examples that came before.
    level : float
        Chance that the true mean is still less favourable, for many examples.
    """
    n, _, c, _, cc, _ = _moments(sums)
    reach = normal_quantile(level) * math.sqrt(max(cc / n - (c / n) ** 2, 0.0) / n)
    return float(c / n - reach if kind == "linear" else min(c / n + reach, 1.0))
