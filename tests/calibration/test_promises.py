"""The promises at the reduced size.

Together the checks fail in at most 1 % of all seeds when every promise holds exactly at its bar
(Bonferroni over exact binomial tails; the seeds are fixed, so a run is the same every time).
"""

import pytest

from .measure import SUITE_ALARM, Row, Task
from .promises import tasks

WORK = tasks("quick")
MOST = 3
"""Numbers with a bar that one task may have."""


@pytest.mark.parametrize("task", WORK, ids=lambda task: f"{task.promise} · {task.name}")
def test_promise_is_kept(task: Task):
    checked = [row for row in task.run() if row.checked]
    assert len(checked) <= MOST
    broken = [told(row) for row in checked if row.alarm < SUITE_ALARM / (MOST * len(WORK))]
    assert not broken, "; ".join(broken)


def told(row: Row) -> str:
    """A number that chance does not explain."""
    return (
        f"{row.cell}: {row.measured:.4f} ± {row.std_error:.4f} in {row.repetitions}, must lie "
        f"from {row.low} to {row.high}; chance of that: {row.alarm:.2g}"
    )
