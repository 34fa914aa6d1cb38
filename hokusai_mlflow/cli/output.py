"""What commands print: text for people on a terminal, JSON documents for scripts."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

MARKS: Mapping[bool | None, tuple[str, str]] = {
    True: ("✓", "green"),
    False: ("✗", "red"),
    None: ("–", "yellow"),
}
"""Mark and colour of what holds, what does not, and what could not be checked."""


def console() -> Console:
    """Standard output; lines of text keep their numbers and paths as they are."""
    return Console(highlight=False)


def errors() -> Console:
    """Standard error."""
    return Console(stderr=True, highlight=False)


def say(text: str, style: str = "") -> None:
    """Print one line that is never broken, so that it can be copied."""
    console().print(Text(text, style=style), soft_wrap=True)


def marked(ok: bool | None, what: str, detail: str, remedy: str = "") -> None:
    """Print one checked line: its mark, what was checked, what was found, what to do."""
    mark, style = MARKS[ok]
    line = Text.assemble((f"{mark} ", style), (what, "bold"), f"  {detail}")
    if remedy:
        line.append(f"\n    → {remedy}", style="italic")
    console().print(line, soft_wrap=True)


def document(value: Any, stream: TextIO | None = None) -> None:
    """Print a value as one line of JSON; numbers that are not finite become null."""
    text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, default=str)
    print(text, file=stream or sys.stdout, flush=True)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return value


@contextmanager
def documents_only() -> Iterator[TextIO]:
    """Keep standard output for documents: whatever else writes to it goes to standard error.

    Yields
    ------
    TextIO
        The standard output to write documents to.
    """
    out = sys.stdout
    out.flush()
    try:
        descriptor = out.fileno()
    except (OSError, ValueError):
        descriptor = None
    if descriptor != 1:
        with redirect_stdout(sys.stderr):
            yield out
        return
    # Compiled code and child processes write to the descriptor, not to Python's stream.
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with os.fdopen(os.dup(kept), "w", encoding="utf-8") as stream:
            yield stream
    finally:
        out.flush()
        os.dup2(kept, 1)
        os.close(kept)
