"""A process that ends itself at a named point, as `kill -9` would, or waits there."""

import functools
import importlib
import os
import signal
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_pause = ""


def _die() -> None:
    if not _pause:
        os.kill(os.getpid(), signal.SIGKILL)
    waiting = Path(_pause)
    waiting.touch()
    while waiting.exists():
        time.sleep(0.01)


def arm(
    *,
    when: str,
    call: str = "",
    entry: str = "",
    nth: int = 1,
    during: str = "",
    pause: str = "",
) -> None:
    """Die before, in or after the `nth` call of a function or entry of a kind.

    Parameters
    ----------
    when : {"before", "in", "after"}
        Around a call, or around an entry: "in" is after its INSERT and before its commit.
    call : str
        ``"package.module:Class.method"``, at the place where the caller finds it.
    entry : str
        Kind of a ledger entry.
    nth : int
        Which one, from 1.
    during : str
        Another call, outside of which nothing counts.
    pause : str
        Instead of dying, make this file and wait until somebody removes it.
    """
    global _pause  # noqa: PLW0603
    _pause = pause
    left, inside = nth, 0

    def count() -> bool:
        nonlocal left
        if during and not inside:
            return False
        left -= 1
        return left == 0

    def enter(step: int) -> None:
        nonlocal inside
        inside += step

    if during:
        _replace(during, functools.partial(_within, enter))
    if call:
        _around_call(call, when, count)
    else:
        _around_entry(entry, when, count)


def _replace(path: str, wrap: Callable[[Any], Any]) -> None:
    module, _, names = path.partition(":")
    owner = importlib.import_module(module)
    *outer, name = names.split(".")
    for step in outer:
        owner = getattr(owner, step)
    original = getattr(owner, name)
    setattr(owner, name, functools.wraps(original)(wrap(original)))


def _within(enter: Callable[[int], None], original: Any) -> Any:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        enter(1)
        try:
            return original(*args, **kwargs)
        finally:
            enter(-1)

    return wrapped


def _around_call(path: str, when: str, count: Callable[[], bool]) -> None:
    def wrap(original: Any) -> Any:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            now = count()
            if now and when == "before":
                _die()
            result = original(*args, **kwargs)
            if now:
                _die()
            return result

        return wrapped

    _replace(path, wrap)


def _around_entry(kind: str, when: str, count: Callable[[], bool]) -> None:
    from hokusai_mlflow.ledger.store import Ledger
    from hokusai_mlflow.ledger.transaction import Transaction

    append, transaction = Transaction.append, Ledger.transaction
    due = False

    def watched(self: Any, kind_: str, key: str, body: Any, **about: Any) -> Any:
        nonlocal due
        now = kind_ == kind and self.get(kind_, key) is None and count()
        if now and when == "before":
            _die()
        appended = append(self, kind_, key, body, **about)
        if now and when == "in":
            _die()
        due = due or now
        return appended

    @contextmanager
    def committed(self: Any) -> Any:
        nonlocal due
        with transaction(self) as opened:
            yield opened
        if due:
            due = False
            _die()

    Transaction.append = watched
    Ledger.transaction = committed
