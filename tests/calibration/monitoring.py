"""Years of daily looks at a champion: false alarms, and how soon a loss is found."""

import math
from functools import cache

import numpy as np

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
from .worlds.world import World, tuned

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


def look(of: Metric, world: World, rng: np.random.Generator, n: int) -> Look:
    """One day's labels."""
    drawn = world.draw(rng, n)
    b, c = paired_scores(of, drawn.targets, drawn.baseline, drawn.candidate)
    return Look(Fresh.of(b, c), (float(c.min()), float(c.max())))


def alarms(of: Metric, looks: list[Look], promotion: Look) -> dict[str, int | None]:
    """The day of each watch's first alarm."""
    watches = watches_of(PLAN, of, looks, promotion.fresh.sums, grouped=False, has_beaten=True)
    return {name: watch.first_alarm(seen) for name, (watch, seen) in watches.items()}


def unchanged(rng: np.random.Generator, name: str, bps: float, years: int) -> list[Row]:
    """Years of a champion that stays what it was when it was promoted."""
    of, world = WORLDS[name][0], _world(name, bps)
    counts = dict.fromkeys((*WATCHES, "any"), 0)
    for _ in range(years):
        promotion = look(of, world, rng, PROMOTION)
        found = alarms(of, [look(of, world, rng, LABELS) for _ in range(DAYS)], promotion)
        for watch, day in found.items():
            counts[watch] += day is not None
        counts["any"] += any(day is not None for day in found.values())
    told = f"{name} · true {bps:+.0f} bps"
    return [
        rate(FALSE, f"{told} · {watch}", hits, years, at_most=0.05 if watch == "any" else None)
        for watch, hits in counts.items()
    ]


def lost(rng: np.random.Generator, name: str, years: int) -> list[Row]:
    """A champion that loses 300 bps to the model that it beat, after 0 to 335 good days."""
    of, good, bad = WORLDS[name][0], _world(name, PROMOTED), _world(name, PROMOTED - 300.0)
    days = []
    for _ in range(years):
        promotion = look(of, good, rng, PROMOTION)
        before = int(rng.integers(0, DAYS - 30))
        looks = [look(of, good, rng, LABELS) for _ in range(before)]
        looks += [look(of, bad, rng, LABELS) for _ in range(30)]
        # Alarms of good days are the other promise's.
        watch, seen = watches_of(
            PLAN, of, looks, promotion.fresh.sums, grouped=False, has_beaten=True
        )["worse"]
        day = watch.first_alarm(seen)
        days.append(math.inf if day is None or day <= before else day - before)
    within = [day for day in days if math.isfinite(day)]
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
