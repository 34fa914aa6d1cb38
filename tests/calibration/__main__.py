"""`python -m tests.calibration`: measure every promise and write the report."""

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

# Two processes of one thread each: before numpy is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from .measure import Row, Task
from .promises import tasks
from .report import render


def main(arguments: list[str] | None = None) -> int:
    """Exit status 1 when a number lies beyond its bar."""
    parser = argparse.ArgumentParser(prog="python -m tests.calibration", description=__doc__)
    parser.add_argument("--size", choices=["full", "quick"], default="full")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", help="run the work whose name contains this")
    parser.add_argument("--report", type=Path, default=Path(".hokusai/calibration.md"))
    given = parser.parse_args(arguments)
    work = [task for task in tasks(given.size) if given.only in f"{task.promise} · {task.name}"]
    started = time.perf_counter()
    rows = run(work, given.workers)
    seconds = time.perf_counter() - started
    given.report.parent.mkdir(parents=True, exist_ok=True)
    told = render(rows, size=given.size, seconds=seconds, workers=given.workers)
    given.report.write_text(told, encoding="utf-8")
    above = [row for row in rows if not row.holds]
    for row in above:
        print(f"beyond its bar: {row.promise} · {row.cell}: {row.measured:.4g}")
    print(f"{len(rows)} numbers in {seconds / 60:.1f} minutes; report: {given.report}")
    return 1 if above else 0


def run(work: list[Task], workers: int) -> list[Row]:
    """All rows, in the order of the work, whichever ends first."""
    rows: list[Row] = []
    with ProcessPoolExecutor(workers) as pool:
        for done, (task, found) in enumerate(zip(work, pool.map(_measure, work), strict=True), 1):
            rows += found
            if sys.stderr.isatty() or done % 50 == 0 or done == len(work):
                print(f"{done}/{len(work)} {task.promise} · {task.name}", file=sys.stderr)
    return rows


def _measure(task: Task) -> list[Row]:
    return task.run()


if __name__ == "__main__":
    sys.exit(main())
