"""Years of daily looks at a champion: false alarms, and how soon a loss is found."""

import math
from functools import cache

import numpy as np

from hokusai_mlflow.deltaone import PairedSums
from hokusai_mlflow.metrics import Metric
from hokusai_mlflow.metrics.registry import metric
from hokusai_mlflow.monitoring.watches import WATCHES, Look, watches_of
from hokusai_mlflow.spec.monitor import MonitorPlan
from hokusai_mlflow.stats import paired_scores
from hokusai_mlflow.stats.drift import category_drift, number_drift, rows_drift
from hokusai_mlflow.stats.watching import Fresh

from .measure import Row, Size, Task, mean, rate
from .worlds.labels import LabelWorld, PairWorld
from .worlds.numbers import ErrorWorld
from .worlds.world import Sample, World, tuned

FALSE, LOSS = "false alarms in a year of daily looks", "a loss of 300 bps is found within 30 days"
DRIFT = "false drift warnings in a year of daily looks"
DAYS, LABELS, PROMOTION = 365, 1_000, 10_000
PLAN = MonitorPlan()
PROMOTED = 100.0
"""True improvement at the promotion, in bps."""

WORLDS: dict[str, tuple[Metric, World]] = {
    "accuracy": (metric("accuracy"), PairWorld(0.07)),
    "rmse capped": (metric("rmse", cap=9.0), ErrorWorld("laplace", correlation=0.9)),
    "f1, positives 10%": (metric("f1"), LabelWorld(0.95, 0.10, lean=0.3)),
}


def tasks(size: Size) -> list[Task]:
    """Years without a change at +100 bps and at 0, and losses on some day of the year."""
    years, losses, drifts = (1_000, 1_000, 200) if size == "full" else (12, 24, 2)
    found = []
    for name in WORLDS:
        found += [
            Task(FALSE, f"{name} at {bps:+.0f} bps", unchanged, (name, bps, years))
            for bps in (PROMOTED, 0.0)
        ]
        found.append(Task(LOSS, name, lost, (name, losses)))
    return [*found, Task(DRIFT, "ten features", drifted, (drifts,))]


@cache
def _world(name: str, bps: float) -> World:
    of, world = WORLDS[name]
    return tuned(world, of, bps)


def days(of: Metric, world: World, rng: np.random.Generator, count: int, n: int) -> list[Look]:
    """What so many days show, `n` labels each."""
    if isinstance(world, ErrorWorld):
        # A loss is of its example alone: all days at once.
        drawn = world.draw(rng, count * n)
        b, c = paired_scores(of, drawn.targets, drawn.baseline, drawn.candidate)
        return [
            _look(*one, np.ones(n)) for one in zip(b.reshape(-1, n), c.reshape(-1, n), strict=True)
        ]
    cells, shares = _cells(world)
    of = of.bind(np.array([0, 1]))
    said = [of.statistics(cells.targets, one) for one in (cells.baseline, cells.candidate)]
    return [
        _look(*(_scores(of, one, counts) for one in said), counts)
        for counts in rng.multinomial(n, shares, size=count)
    ]


def _cells(world: World) -> tuple[Sample, np.ndarray]:
    """One example of every kind that a world has, and how often each comes."""
    if isinstance(world, PairWorld):
        return world.sample(np.ones(4, dtype=int)), world.shares
    shares = world.table / world.table.sum()
    return Sample(*np.indices(shares.shape).reshape(3, -1)), shares.ravel()


def _scores(of: Metric, statistics: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """`paired_scores` of one model, of examples that come as often as `counts` says."""
    if of.paired == "hits":
        return statistics[:, 0]
    mean = counts @ statistics / counts.sum()
    return of.utility(float(of.value(mean))) + (statistics - mean) @ of.gradient(mean)


def _look(b: np.ndarray, c: np.ndarray, counts: np.ndarray) -> Look:
    unit, came = 1e9, counts > 0
    sums = [round(unit * float(counts @ one)) for one in (b, c)]
    squares = [round(unit * unit * float(counts @ one)) for one in (b * b, c * c, b * c)]
    moved, own = (c - b)[came], c[came]
    fresh = Fresh(
        PairedSums(round(float(counts.sum())), *sums, *squares),
        float(moved.min()),
        float(moved.max()),
    )
    return Look(fresh, (float(own.min()), float(own.max())))


def alarms(of: Metric, looks: list[Look], promotion: Look) -> dict[str, int | None]:
    """The day of each watch's first alarm."""
    watches = watches_of(PLAN, of, looks, promotion.fresh.sums, grouped=False, has_beaten=True)
    return {name: watch.first_alarm(seen) for name, (watch, seen) in watches.items()}


def unchanged(rng: np.random.Generator, name: str, bps: float, years: int) -> list[Row]:
    """Years of a champion that stays what it was when it was promoted."""
    of, world = WORLDS[name][0], _world(name, bps)
    counts = dict.fromkeys((*WATCHES, "any"), 0)
    for _ in range(years):
        (promotion,) = days(of, world, rng, 1, PROMOTION)
        found = alarms(of, days(of, world, rng, DAYS, LABELS), promotion)
        for watch, day in found.items():
            counts[watch] += day is not None
        counts["any"] += any(day is not None for day in found.values())
    told = f"{name} · true {bps:+.0f} bps"
    return [
        rate(FALSE, f"{told} · {watch}", hits, years, at_most=0.05 if watch == "any" else None)
        for watch, hits in counts.items()
    ]


def lost(rng: np.random.Generator, name: str, years: int) -> list[Row]:
    """A champion that loses 300 bps to the model that it beat, after 1 to 334 good days."""
    of, good, bad = WORLDS[name][0], _world(name, PROMOTED), _world(name, PROMOTED - 300.0)
    waited = []
    for _ in range(years):
        (promotion,) = days(of, good, rng, 1, PROMOTION)
        before = int(rng.integers(1, DAYS - 30))
        looks = days(of, good, rng, before, LABELS) + days(of, bad, rng, 30, LABELS)
        # Alarms of good days are the other promise's.
        watch, seen = watches_of(
            PLAN, of, looks, promotion.fresh.sums, grouped=False, has_beaten=True
        )["worse"]
        day = watch.first_alarm(seen)
        waited.append(math.inf if day is None or day <= before else day - before)
    within = [day for day in waited if math.isfinite(day)]
    rows = [rate(LOSS, f"{name} · rolled back", len(within), years, at_least=0.9)]
    if len(within) > 1:
        rows.append(mean(LOSS, f"{name} · days until then", within, unit="days"))
    return rows


def drifted(rng: np.random.Generator, years: int) -> list[Row]:
    """Ten features and a classifier's scores that do not change, 1 000 rows a day."""
    plan, features = PLAN.drift, 10
    level = plan.alpha / PLAN.batches_per_year / (features + 1)
    noted = 0
    for _ in range(years):
        numbers = rng.normal(size=(features // 2, LABELS))
        kinds = rng.integers(0, 8, size=(features // 2, LABELS))
        scores = rng.normal(size=LABELS)
        most = 0.0
        for _ in range(DAYS):
            found = [
                *(number_drift("x", x, rng.normal(size=LABELS), level=level) for x in numbers),
                *(_kinds(x, rng.integers(0, 8, size=LABELS), level) for x in kinds),
                rows_drift(scores, rng.normal(size=LABELS), level=level),
            ]
            most = max(most, *(one.low for one in found))
        noted += most >= plan.note
    return [rate(DRIFT, "unchanged inputs", noted, years, at_most=plan.alpha)]


def _kinds(before: np.ndarray, now: np.ndarray, level: float):
    return category_drift("k", before.astype(str), now.astype(str), level=level)
