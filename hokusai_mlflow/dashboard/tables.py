"""A table as data: columns, cells, sorting and pages, the same for a server and for files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from markupsafe import Markup

from hokusai_mlflow.dashboard.addresses import slug
from hokusai_mlflow.history import Listing, Page

Item = TypeVar("Item")


@dataclass(frozen=True)
class Cell:
    """What stands in one place of a table.

    Attributes
    ----------
    text : str
        Always shown as text.
    href : str
        Where it links to, from the root of the pages; empty for no link.
    tone : str
        Name of a class: an outcome or a standing.
    detail : str
        A second, softer line.
    drawing : Markup
        An SVG of ours.
    key : str or float or None
        What it is sorted by in a page without a server; the text by default.
    """

    text: str
    href: str = ""
    tone: str = ""
    detail: str = ""
    drawing: Markup | str = ""
    key: str | float | None = None


@dataclass(frozen=True)
class Column(Generic[Item]):
    """One column; `sort` is the name that the history sorts by, empty where it cannot."""

    title: str
    cell: Callable[[Item], Cell]
    sort: str = ""
    numeric: bool = False


@dataclass(frozen=True)
class Filter:
    """A choice above a table: query parameter, label, options, and what is chosen."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...]
    chosen: str = ""

    @classmethod
    def of_models(cls, names: Iterable[str], wanted: str | None) -> Filter:
        """A choice of one model."""
        options = tuple((slug(name), name) for name in names)
        return cls("model", "Model", options, slug(wanted) if wanted else "")


@dataclass(frozen=True)
class Table(Generic[Item]):
    """One page of a table, with all that its links need.

    Attributes
    ----------
    id : str
        Anchor on its page.
    title : str
    columns : sequence of Column
    page : Page
    data : str
        Address of the whole table, without ``.json`` or ``.csv``, from the root of the pages.
    filters : sequence of Filter
    searchable : bool
    empty : str
        What to say where there are no rows.
    kept : mapping
        Further query parameters of the page that its links keep.
    marked : callable
        Class of a row.
    """

    id: str
    title: str
    columns: Sequence[Column[Item]]
    page: Page[Item]
    data: str = ""
    filters: Sequence[Filter] = ()
    searchable: bool = True
    empty: str = "Nothing here yet."
    kept: dict[str, str] = field(default_factory=dict)
    marked: Callable[[Item], str] = lambda item: ""

    @property
    def listing(self) -> Listing:
        """Which page it is, in which order."""
        return self.page.listing

    def rows(self) -> list[tuple[str, list[Cell]]]:
        """Class and cells of every row."""
        return [(self.marked(i), [c.cell(i) for c in self.columns]) for i in self.page]

    def direction(self, column: Column[Item]) -> str:
        """Value of `aria-sort`."""
        if not column.sort or column.sort != self.listing.sort:
            return "none"
        return "descending" if self.listing.descending else "ascending"

    def sorted_by(self, column: Column[Item]) -> str:
        """Query that sorts by a column, or turns its order round."""
        turn = column.sort == self.listing.sort
        descending = not self.listing.descending if turn else column.numeric
        return self._query(replace(self.listing, sort=column.sort, descending=descending, page=1))

    def turned_to(self, page: int) -> str:
        """Query of another page."""
        return self._query(replace(self.listing, page=page))

    @property
    def file_query(self) -> str:
        """Query of the JSON and the CSV: the same rows in the same order, all pages."""
        return self._query(replace(self.listing, page=1, size=Listing().size), anchor=False)

    def hidden(self) -> dict[str, str]:
        """Parameters that a form must carry along."""
        return {
            k: v
            for k, v in self._parameters(replace(self.listing, page=1)).items()
            if k != "q" and k not in {f.name for f in self.filters}
        }

    def _parameters(self, listing: Listing) -> dict[str, str]:
        told: dict[str, Any] = {
            "q": listing.search,
            "sort": listing.sort,
            "desc": "1" if listing.descending else "",
            "page": listing.page if listing.page > 1 else "",
            "size": listing.size if listing.size != Listing().size else "",
        }
        told |= {f.name: f.chosen for f in self.filters} | self.kept
        return {name: str(value) for name, value in told.items() if value}

    def _query(self, listing: Listing, *, anchor: bool = True) -> str:
        asked = urlencode(self._parameters(listing))
        return f"?{asked}" + (f"#{self.id}" if anchor else "")
