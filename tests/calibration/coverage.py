"""How often the 95 % interval holds the truth, at n = 2 000 and a true +50 bps."""

import math
from dataclasses import replace

import numpy as np

from .cells import Cell, cells
from .false_reward import HELD
from .gating import look, skewed
from .measure import Row, Size, Task, rate
from .worlds.world import tuned

PROMISE = "coverage of the 95 % interval"
N, TRUE_BPS = 2_000, 50.0
LOW, HIGH = 0.935, 0.965


def tasks(size: Size) -> list[Task]:
    """One for every cell."""
    repetitions = 2_000 if size == "full" else 300
    return [
        Task(PROMISE, cell.name, measure, (cell, repetitions // cell.cost)) for cell in cells(size)
    ]


def measure(rng: np.random.Generator, cell: Cell, repetitions: int) -> list[Row]:
    """Share of intervals that hold the truth; too low, or higher than said."""
    world = tuned(cell.world, cell.metric, TRUE_BPS)
    held = above = skew = undefined = 0
    for _ in range(repetitions):
        comparison = look(cell.metric, world.draw(rng, N), null_bps=TRUE_BPS).comparison
        if comparison is None:
            undefined += 1
            continue
        skew += skewed(comparison)
        held += comparison.ci_low_bps <= TRUE_BPS <= comparison.ci_high_bps
        above += comparison.ci_low_bps > TRUE_BPS
    tries = repetitions - undefined
    notes = [f"above the truth {above / tries:.1%}, below {1 - (held + above) / tries:.1%}"]
    if held / tries > HIGH + 3 * math.sqrt(HIGH * (1 - HIGH) / tries):
        notes.append("wider than it says")
    if skew > HELD * tries:
        notes.append(f"the rule on skew holds {skew / tries:.0%}")
        row = rate(PROMISE, cell.name, held, tries)
    elif cell.enough(N) and not cell.unbounded:
        row = rate(PROMISE, cell.name, held, tries, at_least=LOW)
    else:
        notes.append(cell.why(N))
        row = rate(PROMISE, cell.name, held, tries)
    return [replace(row, note="; ".join(notes))]
