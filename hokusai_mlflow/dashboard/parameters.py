"""What may stand in an address, and how long it may be."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Query

from hokusai_mlflow.history import Listing
from hokusai_mlflow.history.listing import MOST_ROWS

_TEXT = r"^[^\x00]*$"

Step = Annotated[str, Path(min_length=1, max_length=140, pattern=_TEXT)]
Bounded = Annotated[str, Query(max_length=300, pattern=_TEXT)]
Version = Annotated[int | None, Query(ge=1, le=1_000_000)]
Baseline = Annotated[float, Query(ge=-1e9, le=1e9, allow_inf_nan=False)]
Candidate = Annotated[float, Query(ge=-1e9, le=1e9, allow_inf_nan=False)]
Tokens = Annotated[int, Query(ge=1, le=1_000_000)]
Minimum = Annotated[int, Query(ge=10, le=10_000)]
Share = Annotated[float, Query(ge=0, le=100, allow_inf_nan=False)]


def listing(
    q: Annotated[str, Query(max_length=100, pattern=_TEXT, description="Only rows with it.")] = "",
    sort: Annotated[str, Query(max_length=40, description="Column to sort by.")] = "",
    desc: Annotated[bool, Query(description="Largest first.")] = False,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    size: Annotated[int, Query(ge=1, le=MOST_ROWS, description="Rows per page.")] = 25,
) -> Listing:
    """Which page of a table, in which order."""
    return Listing(sort, desc, page, size, q.strip())


WhichPage = Annotated[Listing, Depends(listing)]
