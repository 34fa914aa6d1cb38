"""What a report is made of, whatever it is rendered to: tiles, sections, tables, drawings.

Cells are finished text. Every rendering shows these, and so every rendering says the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

Tone = Literal["good", "bad", "open", "plain"]


@dataclass(frozen=True)
class Tile:
    """One of the few things to read first.

    Attributes
    ----------
    label, main, detail : str
        What it is about, the answer, and the figures behind it.
    tone : {"good", "bad", "open", "plain"}
        Colour and mark.
    """

    label: str
    main: str
    detail: str = ""
    tone: Tone = "plain"


@dataclass(frozen=True)
class Column:
    """Heading of a column, whether it holds numbers, and whether it names the row."""

    head: str
    numeric: bool = False
    names: bool = False


@dataclass(frozen=True)
class Drawn:
    """A drawing for pages, and the same in letters for terminals and Markdown."""

    svg: Markup
    text: str


@dataclass(frozen=True)
class Plot:
    """A column of drawings on one axis: one per row, a heading, and the axis at the foot."""

    head: str
    cells: tuple[Drawn, ...]
    foot: Drawn


@dataclass(frozen=True)
class Line:
    """One row of a table.

    Attributes
    ----------
    cells : tuple of str
        One per column.
    tone : {"good", "bad", "open", "plain"}
        Colour and mark.
    note : str
        Shown below the row.
    """

    cells: tuple[str, ...]
    tone: Tone = "plain"
    note: str = ""


@dataclass(frozen=True)
class Table:
    """Rows under headings, with a drawn column after the first `before` columns if there is one."""

    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    plot: Plot | None = None
    before: int = 1


@dataclass(frozen=True)
class Pair:
    """Champion and candidate side by side."""

    title: str
    champion: Markup
    candidate: Markup
    said: str


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes
    ----------
    name, title : str
        Stable identifier, and the heading.
    told : str
        What it shows, in a sentence.
    table : Table or None
        Figures.
    pairs : tuple of Pair
        Drawings of champion and candidate; pages only, `told` says what they show.
    drawing : Drawn or None
        A drawing by itself.
    facts : tuple of (str, str)
        Names and values, for example digests; values are code.
    command : str
        A command to copy.
    """

    name: str
    title: str
    told: str = ""
    table: Table | None = None
    pairs: tuple[Pair, ...] = ()
    drawing: Drawn | None = None
    facts: tuple[tuple[str, str], ...] = ()
    command: str = ""
