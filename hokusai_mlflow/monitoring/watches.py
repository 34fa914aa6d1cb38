"""The three watches over a champion, and what is done when one of them raises an alarm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hokusai_mlflow.deltaone import PairedSums, paired_kind
from hokusai_mlflow.history.monitoring import Status
from hokusai_mlflow.metrics import Metric
from hokusai_mlflow.spec.monitor import MonitorPlan
from hokusai_mlflow.stats.drift import Drift
from hokusai_mlflow.stats.fresh import Fresh, against, least_score, promised
from hokusai_mlflow.stats.watching import Watch, Watched

ORDER: tuple[Status, ...] = ("ok", "note", "warn", "roll_back")
WATCHES = ("worse", "shrunk", "declined")
FIRST_EXAMPLES = 1_000
"""Fresh examples that a baseline's own score is compared with later."""
MOST_TOLD = 3
Interval = tuple[float, float]


@dataclass(frozen=True)
class Look:
    """What a reign has shown on one batch.

    Attributes
    ----------
    fresh : Fresh
        The champion against the model that it beat; against itself where it beat none.
    scores : tuple of float
        Smallest and largest score of the champion on an example.
    """

    fresh: Fresh
    scores: Interval

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return self.fresh.to_dict() | {"scores": list(self.scores)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Look:
        """Inverse of `to_dict`."""
        sums = PairedSums.from_dict(stored["sums"])
        low, high = stored["scores"]
        return cls(Fresh(sums, stored["low"], stored["high"]), (low, high))


@dataclass(frozen=True, repr=False)
class Verdict:
    """What all watches say after a batch.

    Attributes
    ----------
    status : {"ok", "note", "warn", "roll_back"}
        The most serious thing to do.
    reasons : tuple of str
        A sentence for each alarm.
    watched : mapping of str to Watched
        By watch; only those that there is something to compare with for. The own score of losses in
        groups is never watched.
    """

    status: Status
    reasons: tuple[str, ...]
    watched: Mapping[str, Watched] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "status": self.status,
            "reasons": list(self.reasons),
            "watched": {name: one.to_dict() for name, one in self.watched.items()},
        }

    def __repr__(self) -> str:
        return f"Verdict({self.status}{': ' if self.reasons else ''}{'; '.join(self.reasons)})"


def judge(
    plan: MonitorPlan,
    metric: Metric,
    looks: Sequence[Look],
    *,
    promotion: PairedSums | None,
    grouped: bool,
    has_beaten: bool,
    drift: Sequence[Drift] = (),
) -> Verdict:
    """Judge everything that a reign has shown so far.

    Parameters
    ----------
    plan : MonitorPlan
        Levels, tolerances and actions.
    metric : Metric
        What is paid.
    looks : sequence of Look
        Every batch of the reign, in order; the last one is new.
    promotion : PairedSums or None
        From the examples that the promotion was paid by. Without them the first
        `FIRST_EXAMPLES` fresh ones are what the champion's score is compared with.
    grouped : bool
        Whether scores are those of groups.
    has_beaten : bool
        Whether there is a beaten model, whose scores are the sums' `b`.
    drift : sequence of Drift
        Of the last batch.
    """
    watches = watches_of(plan, metric, looks, promotion, grouped=grouped, has_beaten=has_beaten)
    watched = {name: watch.judge(seen) for name, (watch, seen) in watches.items()}
    status: Status = "ok"
    reasons = []
    for name, one in watched.items():
        action = getattr(plan, f"on_{name}")
        if one.alarm and action != "ignore":
            status = _more(status, action)
            reasons.append(_why(name, one))
    moved = [one for one in drift if one.low >= plan.drift.note]
    if moved and plan.on_drift != "ignore":
        strong = any(one.low >= plan.drift.warn for one in moved)
        status = _more(status, plan.on_drift if strong else "note")
        reasons.append(_drifted(moved, len(drift)))
    return Verdict(status, tuple(reasons), watched)


def watches_of(
    plan: MonitorPlan,
    metric: Metric,
    looks: Sequence[Look],
    promotion: PairedSums | None,
    *,
    grouped: bool,
    has_beaten: bool,
) -> dict[str, tuple[Watch, list[Fresh]]]:
    """The watches that there is something to compare with for, and what each is shown.

    Parameters
    ----------
    plan, metric, looks, promotion, grouped, has_beaten
        As for `judge`.
    """
    kind, level = paired_kind(metric.name), plan.alpha / len(WATCHES)
    bounded = metric.paired == "loss" or (metric.paired == "hits" and not grouped)
    unit: Interval = (0.0, 1.0)
    year = plan.batches_per_year
    found: dict[str, tuple[Watch, list[Fresh]]] = {}
    if has_beaten:
        pairs = [look.fresh for look in looks]
        expected = promotion or pairs[0].sums
        both = (unit, unit) if bounded else None
        worse = Watch(kind, 0.0 - plan.worse_bps, level, expected, both, year)
        found["worse"] = (worse, pairs)
        if promotion is not None:
            # Half of the level is for what the promotion may have overstated.
            floor = promised(kind, promotion, level / 2) - plan.tolerance_bps
            if floor > worse.floor_bps:
                found["shrunk"] = (Watch(kind, floor, level / 2, expected, both, year), pairs)
    if grouped and metric.paired == "loss":
        # Scores are divided by the call's own largest group: they compare models, not batches.
        return found
    before, later = promotion, looks
    if before is None:
        before, later = _first(looks)
    if before is None or not later:
        return found
    score = least_score(kind, before, level / 2)
    if kind == "linear" or score > 0:
        alone = [against(score, one.fresh.sums, *one.scores) for one in later]
        expected = against(score, before, *unit).sums
        bounds = ((score, score), unit) if bounded else None
        watch = Watch(kind, -plan.tolerance_bps, level / 2, expected, bounds, year)
        found["declined"] = (watch, alone)
    return found


def _first(looks: Sequence[Look]) -> tuple[PairedSums | None, Sequence[Look]]:
    """The first batches of a champion that was promoted without a test, and those after them."""
    total: PairedSums | None = None
    for at, look in enumerate(looks):
        total = look.fresh.sums if total is None else total + look.fresh.sums
        if total.n >= FIRST_EXAMPLES:
            return total, looks[at + 1 :]
    return None, ()


def _more(first: Status, second: Status) -> Status:
    return max(first, second, key=ORDER.index)


def _why(name: str, one: Watched) -> str:
    since = (
        f"{one.since_bps:+,.0f} bps since batch {one.since}, at most {one.since_high_bps:+,.0f}; "
        f"{one.floor_bps:+,.0f} is the least"
    ).replace("-", "−")
    what = {
        "worse": "the champion is worse than the model that it beat",
        "shrunk": "the champion's improvement is smaller than it was promoted for",
        "declined": "the champion's own score is lower than when it was promoted",
    }
    return f"{what[name]}: {since}"


def _drifted(moved: Sequence[Drift], of: int) -> str:
    """The largest drifts in words."""
    told = [
        f"{one.name} by {one.effect:.2f} ({one.low:.2f} to {one.high:.2f} of 1)"
        for one in moved[:MOST_TOLD]
    ]
    more = f" and {len(moved) - MOST_TOLD} more" if len(moved) > MOST_TOLD else ""
    return f"inputs have drifted, {len(moved)} of {of}: {', '.join(told)}{more}"
