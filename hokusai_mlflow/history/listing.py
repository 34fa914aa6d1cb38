"""One page of a long table: sorted, filtered and cut by the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Row, Select, func, select

from hokusai_mlflow.errors import InputError, did_you_mean

MOST_ROWS = 500
_MOST_PAGES = 1_000_000
_LONGEST_SEARCH = 100

Item = TypeVar("Item")
Columns = Mapping[str, Any]
"""SQL expression by the name under which people sort by it."""


@dataclass(frozen=True)
class Listing:
    """Which page of a table, in which order.

    Attributes
    ----------
    sort : str
        Name of the column to sort by; empty for the table's own order.
    descending : bool
        Largest first; rows without a value come last either way.
    page : int
        From 1.
    size : int
        Rows per page, at most 500.
    search : str
        Only rows that contain this text, in any case; at most 100 characters.
    """

    sort: str = ""
    descending: bool = False
    page: int = 1
    size: int = 25
    search: str = ""

    def __post_init__(self) -> None:
        if not (1 <= self.size <= MOST_ROWS and 1 <= self.page <= _MOST_PAGES):
            raise InputError(
                f"expected a page from 1 of 1 to {MOST_ROWS} rows, found page {self.page} of "
                f"{self.size} rows"
            )
        if len(self.search) > _LONGEST_SEARCH or "\0" in self.search:
            raise InputError(f"a search is at most {_LONGEST_SEARCH} characters of text")


@dataclass(frozen=True, repr=False)
class Page(Generic[Item]):
    """One page of a table.

    Attributes
    ----------
    items : tuple
        The rows of this page.
    total : int
        Rows of all pages.
    listing : Listing
        What was asked for.
    """

    items: tuple[Item, ...]
    total: int
    listing: Listing

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // self.listing.size))

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "items": [item.to_dict() for item in self.items],  # type: ignore[attr-defined]
            "total": self.total,
            "page": self.listing.page,
            "pages": self.pages,
            "size": self.listing.size,
        }

    def __repr__(self) -> str:
        return f"Page({self.listing.page} of {self.pages}, {self.total} rows)"


def read_page(
    connection: Connection,
    query: Select[Any],
    make: Callable[[Row[Any]], Item],
    listing: Listing,
    *,
    columns: Columns,
    order: tuple[Any, ...],
    searched: tuple[Any, ...] = (),
) -> Page[Item]:
    """Read one page of a query.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    query : sqlalchemy.Select
        All rows, in no order.
    make : callable
        Makes an item of a row.
    listing : Listing
        Which page.
    columns : mapping
        What may be sorted by.
    order : tuple
        The table's own order, which also decides between equals.
    searched : tuple
        Text columns that a search looks in.

    Raises
    ------
    InputError
        When there is no such column to sort by.
    """
    if listing.search:
        text = listing.search.lower()
        matches = [func.instr(func.lower(column), text) > 0 for column in searched]
        query = query.where(_any(matches))
    total = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    if listing.sort:
        if listing.sort not in columns:
            raise InputError(
                f"cannot sort by {listing.sort!r}{did_you_mean(listing.sort, columns)}"
            )
        column = columns[listing.sort]
        chosen = column.desc() if listing.descending else column.asc()
        query = query.order_by(column.is_(None), chosen)
    query = query.order_by(*order).limit(listing.size).offset((listing.page - 1) * listing.size)
    return Page(tuple(make(row) for row in connection.execute(query)), total, listing)


def _any(conditions: list[Any]) -> Any:
    found = conditions[0]
    for condition in conditions[1:]:
        found = found | condition
    return found
