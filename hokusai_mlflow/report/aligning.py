"""Tables as aligned text, with their drawings in letters."""

from __future__ import annotations

import unicodedata

from hokusai_mlflow.report.view import Table
from hokusai_mlflow.report.words import short

MOST, LONGEST = 62, 400
"""Letters of a cell in its column, and of one that stands below its row."""


def wide(text: str, width: int, *, right: bool = False) -> str:
    """Text padded to a width in columns of a terminal: East Asian letters take two."""
    gap = " " * max(0, width - columns(text))
    return gap + text if right else text + gap


def columns(text: str) -> int:
    """Columns that a text takes on a terminal."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def aligned(table: Table) -> str:
    """A table in columns; its drawings stand after the first `before` of them.

    Columns of long texts follow below each row, so that no terminal is too narrow.
    """
    at_side: list[int] = []
    below: list[int] = []
    for at, column in enumerate(table.columns):
        cells = [line.cells[at] for line in table.lines]
        wide_one = max(map(columns, cells), default=0) > MOST and not column.names
        (below if wide_one else at_side).append(at)
    heads = [table.columns[at].head for at in at_side]
    numeric = [table.columns[at].numeric for at in at_side]
    rows = [[short(line.cells[at], MOST) for at in at_side] for line in table.lines]
    if table.plot is not None:
        at = sum(one < table.before for one in at_side)
        heads.insert(at, short(table.plot.head, len(table.plot.foot.text)))
        numeric.insert(at, False)
        for row, drawn in zip(rows, table.plot.cells, strict=True):
            row.insert(at, drawn.text)
        rows.append([""] * len(heads))
        rows[-1][at] = table.plot.foot.text
    widths = [max(map(columns, column)) for column in zip(heads, *rows, strict=True)]
    lines = []
    for number, row in enumerate([heads, *rows]):
        padded = (
            wide(text, width, right=right)
            for text, width, right in zip(row, widths, numeric, strict=True)
        )
        lines.append("  ".join(padded).rstrip())
        if 0 < number <= len(table.lines):
            told = (table.lines[number - 1].cells[at] for at in below)
            lines += [f"    {short(text, LONGEST)}" for text in told if text]
    return "\n".join(lines)
