"""Tables as aligned text, with their drawings in letters."""

from __future__ import annotations

import unicodedata

from hokusai_mlflow.report.view import Table
from hokusai_mlflow.report.words import short

MOST = 70
"""Letters of a cell; of the last one, which nothing is aligned after, three times as many."""


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
    """A table in columns; its drawings stand after the first `before` of them."""
    last = len(table.columns) - 1
    heads = [column.head for column in table.columns]
    rows = [
        [short(text, MOST if at < last else 3 * MOST) for at, text in enumerate(line.cells)]
        for line in table.lines
    ]
    numeric = [column.numeric for column in table.columns]
    if table.plot is not None:
        at = table.before
        # A text is padded to the width of the drawings below it.
        heads.insert(at, short(table.plot.head, len(table.plot.foot.text)))
        numeric.insert(at, False)
        for row, drawn in zip(rows, table.plot.cells, strict=True):
            row.insert(at, drawn.text)
        rows.append([""] * len(heads))
        rows[-1][at] = table.plot.foot.text
    widths = [max(map(columns, column)) for column in zip(heads, *rows, strict=True)]
    lines = [
        "  ".join(
            wide(text, width, right=right)
            for text, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in [heads, *rows]
    ]
    return "\n".join(lines)
