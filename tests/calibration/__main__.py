"""`python -m tests.calibration`: measure every promise and write the report."""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

# Two processes of one thread each: before numpy is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from .measure import Row, Task
from .promises import tasks
from .report import render

REFRESH = 30.0
"""Seconds after which the report is written anew."""


def main(arguments: list[str] | None = None) -> int:
    """Exit status 1 when a number lies beyond its bar."""
    parser = argparse.ArgumentParser(prog="python -m tests.calibration", description=__doc__)
    parser.add_argument("--size", choices=["full", "quick"], default="full")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", help="run the work whose name contains this")
    parser.add_argument("--report", type=Path, default=Path(".hokusai/calibration.md"))
    given = parser.parse_args(arguments)
    work = [task for task in tasks(given.size) if given.only in f"{task.promise} · {task.name}"]
    given.report.parent.mkdir(parents=True, exist_ok=True)
    started = written = time.perf_counter()
    rows: list[Row] = []

    def write(left: int) -> None:
        seconds = time.perf_counter() - started
        told = render(rows, size=given.size, seconds=seconds, workers=given.workers, left=left)
        given.report.write_text(told, encoding="utf-8")

    for left, found in measured(work, given.workers):
        rows += found
        if time.perf_counter() - written > REFRESH:
            # An interrupted run leaves what it has measured.
            write(left)
            written = time.perf_counter()
            print(f"{len(work) - left} of {len(work)} pieces of work", file=sys.stderr)
    write(0)
    above = [row for row in rows if not row.holds]
    for row in above:
        print(f"beyond its bar: {row.promise} · {row.cell}: {row.measured:.4g}")
    minutes = (time.perf_counter() - started) / 60
    print(f"{len(rows)} numbers in {minutes:.1f} minutes; report: {given.report}")
    return 1 if above else 0


def measured(work: list[Task], workers: int) -> Iterator[tuple[int, list[Row]]]:
    """Rows of every piece of work in the order of the work, with how many pieces are left."""
    with ProcessPoolExecutor(workers) as pool:
        for done, found in enumerate(pool.map(_measure, work), 1):
            yield len(work) - done, found


def _measure(task: Task) -> list[Row]:
    try:
        return task.run()
    except Exception as error:
        # What broke is told as a number beyond its bar; hours of other numbers are not lost.
        told = f"{task.name} broke: {type(error).__name__}: {error}"
        return [Row(task.promise, told, measured=1.0, std_error=0.0, repetitions=0, high=0.0)]


if __name__ == "__main__":
    sys.exit(main())
