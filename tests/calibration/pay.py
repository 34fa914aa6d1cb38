"""What accepted candidates are paid, by each of the three policies."""

import math
from collections import defaultdict

import numpy as np

from hokusai_mlflow.deltaone import PairedSums, improvement_bps, paired_kind
from hokusai_mlflow.metrics import Metric
from hokusai_mlflow.metrics.registry import metric
from hokusai_mlflow.stats import paired_scores

from .gating import POLICY, look
from .measure import Row, Size, Task, mean, rate
from .worlds.labels import LabelWorld, PairWorld
from .worlds.numbers import ErrorWorld
from .worlds.world import Sample, World, tuned

FRESH, LIFE = "mean pay at +100 bps", "mean pay per life at 0 bps"
N, QUOTA = 10_000, 20
LEVEL = POLICY.alpha / QUOTA

WORLDS: dict[str, tuple[Metric, World]] = {
    "accuracy": (metric("accuracy"), PairWorld(0.07)),
    "f1, positives 10%": (metric("f1"), LabelWorld(0.95, 0.10, lean=0.3)),
    "rmse capped": (metric("rmse", cap=9.0), ErrorWorld("laplace", correlation=0.9)),
}


def tasks(size: Size) -> list[Task]:
    """Lives of hold-outs whose candidates are all worth +100, +25 or 0 bps."""
    better, equal, other = (2_000, 2_000, 500) if size == "full" else (300, 120, 0)
    found = [
        Task(FRESH, "accuracy", measure, ("accuracy", 100.0, better)),
        Task(LIFE, "accuracy", measure, ("accuracy", 0.0, equal)),
    ]
    if other:
        found.append(Task(FRESH, "accuracy at +25", measure, ("accuracy", 25.0, other)))
        found += [Task(FRESH, name, measure, (name, 100.0, better)) for name in [*WORLDS][1:]]
    return found


def payments(of: Metric, world: World, rng: np.random.Generator) -> dict[str, int] | None:
    """Basis points by each policy for the first accepted candidate of a life, if there is one.

    Every candidate meets new hold-out examples here: that makes acceptances in a life independent,
    and so more frequent than on one hold-out.
    """
    for _ in range(QUOTA):
        sample = world.draw(rng, N)
        seen = look(of, sample, level=LEVEL)
        if seen.promoted:
            assert seen.comparison is not None
            on_holdout = _bps(of, sample)
            bound = math.floor(seen.comparison.lower_bound_bps)
            return {
                "fresh": _due(_bps(of, world.draw(rng, N))),
                "lower_bound": _due(min(on_holdout, bound)),
                "measured": _due(on_holdout),
            }
    return None


def _bps(of: Metric, sample: Sample) -> int:
    scores = paired_scores(of, sample.targets, sample.baseline, sample.candidate)
    return improvement_bps(paired_kind(of.name), PairedSums.of(*scores))


def _due(bps: int) -> int:
    return bps if bps >= POLICY.min_improvement_bps else 0


def measure(rng: np.random.Generator, name: str, true_bps: float, lives: int) -> list[Row]:
    """Mean pay given acceptance, or per life when there is nothing to pay for."""
    of, world = WORLDS[name]
    world = tuned(world, of, true_bps)
    paid: dict[str, list[int]] = defaultdict(list)
    accepted = 0
    for _ in range(lives):
        due = payments(of, world, rng)
        accepted += due is not None
        if due is None and true_bps == 0:
            due = dict.fromkeys(("fresh", "lower_bound", "measured"), 0)
        for policy, bps in (due or {}).items():
            paid[policy].append(bps)
    rows = []
    for policy, bps in paid.items():
        told = f"{name}, true {true_bps:+.0f} bps · pay: {policy}"
        note = f"{accepted} of {lives} lives had an acceptance"
        if true_bps == 0:
            bars = {"high": 1.0} if policy == "fresh" else {}
            rows.append(mean(LIFE, told, bps, note=note, **bars))
        elif policy == "fresh" and true_bps == 100:
            rows.append(mean(FRESH, told, bps, low=95.0, high=105.0, note=note))
        else:
            rows.append(mean(FRESH, told, bps, note=note))
    if true_bps == 0:
        rows.append(
            rate(LIFE, f"{name} · lives with a false reward", accepted, lives, at_most=0.05)
        )
    return rows
