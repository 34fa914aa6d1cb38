"""The promises at the reduced size.

Together the checks fail in at most 1 % of all seeds when every promise holds exactly at its bar
(Bonferroni over exact binomial tails; the seeds are fixed, so a run is the same every time).
"""

from functools import cache

import pytest

from .measure import SUITE_ALARM, Row, Task
from .promises import tasks

WORK = tasks("quick")
CHECKS = 400
"""More than there are numbers with a bar; fixed, so that tasks can be judged one by one."""


@cache
def counted() -> list[int]:
    """Numbers with a bar, task by task, as they come in."""
    return []


@pytest.mark.parametrize("task", WORK, ids=lambda task: f"{task.promise} · {task.name}")
def test_promise_is_kept(task: Task):
    rows = task.run()
    assert rows
    counted().append(sum(row.checked for row in rows))
    assert sum(counted()) <= CHECKS
    broken = [told(row) for row in rows if row.alarm < SUITE_ALARM / CHECKS]
    assert not broken, "; ".join(broken)


def told(row: Row) -> str:
    """A number that chance does not explain."""
    return (
        f"{row.cell}: {row.measured:.4f} ± {row.std_error:.4f} in {row.repetitions}, must lie "
        f"from {row.low} to {row.high}; chance of that: {row.alarm:.2g}"
    )
