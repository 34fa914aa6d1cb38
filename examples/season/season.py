"""Thirty simulated days of scheduled improve, monitor, settle and report runs; `make season`.

    python examples/season/season.py FOLDER [--days 30]

Ends with what ledger, chain, dashboard, registry and report say, and with 4 where they differ.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import books
from scheduled import FIRST_DAY, Prefect
from world import HERE, World

ROOT = HERE.parents[1]
MODEL = "season"
KILLED_ON = 12
"""A day on which a candidate is promoted."""
FLOWS = ("improve", "monitor", "settle", "report")
LATER = ("monitor", "settle", "report")
"""What runs after improve; all at once, as one worker has several hands."""
DIFFERENT, INTERRUPTED = 4, 130


def main() -> int:
    """Play the season; 0 when everything agrees, 4 when not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a new folder for data, stores and logs")
    parser.add_argument("--days", type=int, default=30, help="how many of the 30 days")
    parser.add_argument("--killed-on", type=int, default=KILLED_ON, help="day of the dead worker")
    given = parser.parse_args()
    if not 1 <= given.days <= 30:
        parser.error("--days is a number from 1 to 30")
    folder = given.folder.resolve()
    if folder.exists() and any(folder.iterdir()):
        parser.error(f"{folder} is not empty: a season starts anew, in a new folder")
    from hokusai_mlflow.errors import HokusaiError  # noqa: PLC0415

    # Whatever ends this process politely ends the server and the worker with it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        play(folder, given.days, given.killed_on)
        return tell(folder)
    except HokusaiError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return problem.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED


def play(folder: Path, days: int, killed_on: int) -> None:
    """Let the days pass, one after the other."""
    began = time.monotonic()
    prepare(folder)
    world = World(folder)
    world.begin()
    print(f"{days} days from {FIRST_DAY:%d %B %Y}, in {folder}", flush=True)
    with Prefect(folder) as prefect:
        for day in range(1, days + 1):
            news = world.dawn(day)
            told = list(live(folder, prefect, day, kill=day == killed_on))
            seconds = time.monotonic() - began
            print(f"day {day:2d}  {seconds:4.0f} s  {'; '.join((*news, *told))}", flush=True)


def prepare(folder: Path) -> None:
    """Copy the flows and their deployments."""
    (folder / "flows").mkdir(parents=True)
    for name in FLOWS:
        shutil.copy(ROOT / "flows" / f"{name}.py", folder / "flows")
    shutil.copy(HERE / "prefect.yaml", folder)


def live(folder: Path, prefect: Prefect, day: int, *, kill: bool) -> Iterator[str]:
    """Make a day's runs; what came of them, in words."""
    seen = len(entries(folder))
    improving = prefect.begin(day, "improve")
    if kill and killed(folder, prefect, improving, seen):
        yield "worker killed after the promotion, before the payment"
        prefect.start_worker()
        improving = prefect.begin(day, "improve")
    require_completed(prefect, prefect.finish([improving]))
    later = [prefect.begin(day, name) for name in LATER if prefect.due(day, name)]
    require_completed(prefect, prefect.finish(later))
    for entry in entries(folder)[seen:]:
        if entry.kind == "attempt.closed":
            yield outcome(entry.body)
        elif entry.kind == "champion.rolled_back":
            yield f"rolled back to version {entry.body['version']}"


def killed(folder: Path, prefect: Prefect, run: str, seen: int) -> bool:
    """Kill the worker once the alias has moved and nothing is paid; False when nothing moved."""
    while not prefect.has_ended(run):
        if any(entry.kind == "attempt.promoted" for entry in entries(folder)[seen:]):
            prefect.kill_worker()
            prefect.give_up(run)
            return True
        time.sleep(0.05)
    return False


def require_completed(prefect: Prefect, ended: dict[str, dict[str, Any]]) -> None:
    """Stop the season at the first run that failed."""
    for run, state in ended.items():
        if state["type"] != "COMPLETED":
            raise RuntimeError(
                f"run {run}: {state['name']}: {state['message']}\n{prefect.log('worker')}"
            )


def outcome(body: dict[str, Any]) -> str:
    """A closed attempt in words."""
    receipt = body.get("receipt") or {}
    paid = int(receipt.get("payment", {}).get("paid_bps") or 0)
    told = f"{body['outcome']}"
    if receipt.get("comparison"):
        told += f" {receipt['comparison']['improvement_bps']:+.0f} bps"
    if paid:
        told += f", {paid / 100:.2f} DeltaOnes paid"
    return told + (", finished after a kill" if receipt.get("resumed") else "")


def entries(folder: Path) -> tuple[Any, ...]:
    """The ledger's entries so far."""
    from hokusai_mlflow.ledger import Ledger  # noqa: PLC0415

    file = folder / ".hokusai" / "ledger.db"
    if not file.exists():
        return ()
    with Ledger(f"sqlite:///{file}") as ledger:
        return tuple(ledger.entries(model=MODEL))


def tell(folder: Path) -> int:
    """Print the books, each number beside those of the others; 4 when two differ."""
    from hokusai_mlflow.settings import Settings  # noqa: PLC0415

    spec, home = folder / "pipeline.yaml", folder / ".hokusai"
    for line in summary(Settings(home=home)):
        print(line)
    found = books.read(spec, home)
    environment = {**os.environ, "HOKUSAI_HOME": str(home)}
    runs = books.paid_runs(Settings(home=home), MODEL)
    found += books.commands(spec, environment, runs)
    print(books.shown(found))
    different = [line for line in found if not line.agrees]
    if different:
        print(f"{len(different)} of {len(found)} lines differ", file=sys.stderr)
        return DIFFERENT
    print(f"all {len(found)} lines agree; look around: HOKUSAI_HOME={home} hokusai ui")
    return 0


def summary(settings: Any) -> Iterator[str]:
    """What the dashboard shows of contributors, of the champion's changes, and of the hold-outs."""
    from hokusai_mlflow.history import (  # noqa: PLC0415
        History,
        Listing,
        champions,
        contributors,
        holdouts,
    )

    with History.of(settings) as history:
        yield f"{'contributor':16}{'attempts':>10}{'rows used':>11}{'impact':>11}{'DeltaOnes':>12}"
        for one in contributors.read(history, Listing(size=100), model=MODEL):
            impact = f"{one.impact_bps:+.0f} bps"
            row = f"{one.name:16}{one.contributions:10,}{one.accepted:11,}{impact:>11}"
            yield f"{row}{one.delta_ones:12.6f}"
        for change in champions.read(history, MODEL):
            yield f"version {change.version} {change.kind.replace('_', ' ')} {change.reason[:90]}"
        for kept in holdouts.read(history, MODEL):
            state = "retired" if kept.retired else "sealed"
            yield f"{kept.name}: {kept.spent} of {kept.quota} looks spent, {state}"


if __name__ == "__main__":
    sys.exit(main())
