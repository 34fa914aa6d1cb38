"""How often an equal candidate is rewarded at a single look at level 5 %.

Three numbers per cell. The gate at Δ = 0: the promise. The gate at Δ = δ₀, where nothing but its
rules on skew, pairs and classes is between the test and the reward. And the bare test at Δ = δ₀,
with no rule at all: it says what the rules are needed for.
"""

from collections import Counter

import numpy as np

from .cells import SIZES, Cell, cells
from .gating import look
from .measure import Row, Size, Task, rate
from .worlds.world import tuned

EQUAL, BOUNDARY, BARE = "equal candidate", "gate at the boundary", "bare test at the boundary"
LEVEL, NULL_BPS = 0.05, 10.0
REPETITIONS = {"full": {500: 2_000, 2_000: 2_000, 10_000: 1_000}, "quick": dict.fromkeys(SIZES, 300)}


def tasks(size: Size) -> list[Task]:
    """One for every cell and number of examples."""
    return [
        Task(EQUAL, f"{cell.name} · n {n}", measure, (cell, n, REPETITIONS[size][n] // cell.cost))
        for cell in cells(size)
        for n in SIZES
    ]


def measure(rng: np.random.Generator, cell: Cell, n: int, repetitions: int) -> list[Row]:
    """The three rates of one cell."""
    equal = tuned(cell.world, cell.metric, 0.0)
    boundary = tuned(cell.world, cell.metric, NULL_BPS)
    seen: Counter[str] = Counter()
    for _ in range(repetitions):
        at_zero = look(cell.metric, equal.draw(rng, n), level=LEVEL, null_bps=NULL_BPS)
        at_null = look(cell.metric, boundary.draw(rng, n), level=LEVEL, null_bps=NULL_BPS)
        seen["equal"] += at_zero.promoted
        seen["boundary"] += at_null.promoted_lenient
        seen["bare"] += at_null.significant
        seen["undefined"] += at_null.comparison is None
    name = f"{cell.name} · n {n:,}"
    note = f"no value in {seen['undefined'] / repetitions:.0%}" if seen["undefined"] else ""
    return [
        rate(EQUAL, name, seen["equal"], repetitions, at_most=LEVEL, note=note),
        rate(BOUNDARY, name, seen["boundary"], repetitions, at_most=LEVEL, note=note),
        rate(BARE, name, seen["bare"], repetitions, note=note),
    ]
