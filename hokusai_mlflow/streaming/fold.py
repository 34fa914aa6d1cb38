"""Partial results of batches, computed in threads and added up in a fixed order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import reduce
from operator import add
from typing import Generic, TypeVar

import numpy as np

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.streaming.source import Batch

T = TypeVar("T")


def fold(
    batches: Iterable[Batch],
    part: Callable[[Batch], T],
    *,
    threads: int | None = None,
    done: Callable[[int], None] | None = None,
) -> T | None:
    """Sum of `part(batch)` over all batches; None when there are none.

    At most two batches per thread are held. Results are added in the order of the batches, like
    sizes first, so the sum does not depend on timing and costs log(batches) additions of large
    parts.

    Parameters
    ----------
    batches : iterable of Batch
        What is summed.
    part : callable
        Called in threads; numpy and pyarrow run side by side.
    threads : int, optional
        As many as there are processors when not given.
    done : callable, optional
        Called with the rows of every batch that was summed.
    """
    workers = threads or os.cpu_count() or 1
    _keep_freed_memory()
    total: _Sum[T] = _Sum()
    waiting: deque[tuple[Future[T], int]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="hokusai-fold") as pool:
        try:
            for batch in batches:
                waiting.append((pool.submit(part, batch), batch.rows.num_rows))
                if len(waiting) >= 2 * workers:
                    _take(waiting, total, done)
            while waiting:
                _take(waiting, total, done)
        finally:
            for future, _ in waiting:
                future.cancel()
    return total.result()


def located(batch: Batch, part: Callable[[Batch], T]) -> T:
    """`part(batch)`, where bad input is told by file and row.

    Raises
    ------
    InputError
        Of the same kind, with the place.
    """
    try:
        return part(batch)
    except InputError as error:
        at, told = _first_bad_row(batch, part, error)
        where = f"row {batch.first + at:,}" if told else f"rows from {batch.first:,}"
        found = told or error
        raise type(found)(f"{batch.file}, {where}, counted from 0: {found}") from error


def _first_bad_row(
    batch: Batch, part: Callable[[Batch], T], error: InputError
) -> tuple[int, InputError | None]:
    # Halves, until one row is left that is bad by itself.
    low, high, told = 0, batch.rows.num_rows, None
    while high - low > 1:
        middle = (low + high) // 2
        for start, end in ((low, middle), (middle, high)):
            try:
                part(Batch(batch.rows.slice(start, end - start), batch.file, batch.first + start))
            except InputError as smaller:
                low, high, told = start, end, smaller
                break
        else:
            return low, None
    return low, told or error


class _Sum(Generic[T]):
    """A binary counter: parts of 1, 2, 4 … batches, equal ones added up at once."""

    def __init__(self) -> None:
        self._parts: list[tuple[int, T]] = []

    def take(self, part: T) -> None:
        level = 0
        while self._parts and self._parts[-1][0] == level:
            part = add(self._parts.pop()[1], part)
            level += 1
        self._parts.append((level, part))

    def result(self) -> T | None:
        return reduce(add, [part for _, part in self._parts]) if self._parts else None


def _take(
    waiting: deque[tuple[Future[T], int]], total: _Sum[T], done: Callable[[int], None] | None
) -> None:
    future, rows = waiting.popleft()
    total.take(future.result())
    if done is not None:
        done(rows)


def _keep_freed_memory() -> None:
    # glibc gives freed chunks back to the system, to fetch them page by page for the next batch,
    # until it has seen a larger one freed. That costs more than the arithmetic.
    np.empty(2**21)
