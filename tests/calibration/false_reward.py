"""How often an equal candidate is rewarded at a single look at level 5 %.

Three numbers per cell. The gate at Δ = 0: the promise. The gate at Δ = δ₀, the least favourable
candidate that deserves nothing. And the bare test at Δ = δ₀ with no rule of the gate: it has a bar
too, except where the gate would hold because the data cannot carry any test.
"""

from collections import Counter

import numpy as np

from .cells import SIZES, Cell, cells
from .gating import look, skewed
from .measure import Row, Size, Task, rate
from .worlds.world import tuned

EQUAL, BOUNDARY, BARE = "equal candidate", "gate at the boundary", "bare test at the boundary"
LEVEL, NULL_BPS = 0.05, 10.0
HELD = 0.25
"""Where the rule on skew holds more samples than this share, the bare test has no bar."""
REPETITIONS = {
    "full": {500: 1_500, 2_000: 1_500, 10_000: 600},
    "quick": dict.fromkeys(SIZES, 300),
}


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
        seen["boundary"] += at_null.promoted
        seen["lenient"] += at_null.promoted_lenient
        seen["bare"] += at_null.significant
        seen["undefined"] += at_null.comparison is None
        seen["skewed"] += at_null.comparison is not None and skewed(at_null.comparison)
    name = f"{cell.name} · n {n:,}"
    note = _undefined(seen, repetitions)
    return [
        rate(EQUAL, name, seen["equal"], repetitions, at_most=LEVEL, note=note),
        rate(BOUNDARY, name, seen["boundary"], repetitions, at_most=LEVEL, note=note),
        _bare(cell, n, name, seen, repetitions),
    ]


def _bare(cell: Cell, n: int, name: str, seen: Counter[str], repetitions: int) -> Row:
    note = _undefined(seen, repetitions)
    why = "" if cell.enough(n) and not cell.unbounded else cell.why(n)
    if seen["skewed"] > HELD * repetitions:
        why = f"the rule on skew holds {seen['skewed'] / repetitions:.0%}"
    if not why:
        return rate(BARE, name, seen["bare"], repetitions, at_most=LEVEL, note=note)
    past = f"{seen['lenient'] / repetitions:.1%} past the rules on skew, pairs and classes"
    return rate(BARE, name, seen["bare"], repetitions, note=f"{why}; {past}")


def _undefined(seen: Counter[str], repetitions: int) -> str:
    return f"no value in {seen['undefined'] / repetitions:.0%}" if seen["undefined"] else ""
