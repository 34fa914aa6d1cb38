"""Waiting for many tasks, and showing how far they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.futures import PrefectFuture, as_completed
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, track

Told = Callable[[str, int, int], None]
"""Called with a stage, what is done of it, and all there is."""


def wait_for_all(title: str, futures: Iterable[PrefectFuture[Any]]) -> None:
    """Wait for all, with a bar on the terminal and, in tenths, on the run's page in Prefect."""
    futures = list(futures)
    artifact = create_progress_artifact(0.0, description=title)
    tenth = -(-len(futures) // 10)
    done = track(as_completed(futures), description=title, total=len(futures))
    for count, future in enumerate(done, start=1):
        future.result()
        if count % tenth == 0 or count == len(futures):
            update_progress_artifact(artifact, 100 * count / len(futures))


@contextmanager
def under_way(title: str) -> Iterator[Told]:
    """Show that something of unknown length is under way, and how long it took.

    Yields
    ------
    callable
        Takes a stage, what is done of it and all there is, and shows a bar of its own for it.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns) as bar:
        task = bar.add_task(title, total=None)
        stages: dict[str, TaskID] = {}

        def told(stage: str, done: int, whole: int) -> None:
            if stage not in stages:
                stages[stage] = bar.add_task(f"  {stage}")
            bar.update(stages[stage], completed=done, total=whole)

        yield told
        bar.update(task, total=1, completed=1)
