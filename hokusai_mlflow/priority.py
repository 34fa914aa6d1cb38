"""Who brought data first: as the ledger saw it, not as a spec lists it.

What two contributions share, or nearly share, is credited to the one that was seen first. Seen is
a contribution's content, rows and targets, under its name, when an attempt with it enters the
ledger, whatever becomes of that attempt. A copy that comes later loses, wherever the spec lists it.
What was never seen before comes last, in the order of the spec. A file that changes is a new
contribution: rows that are added later are better brought under another name, so that the older
ones keep their place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hokusai_mlflow.contributions.dataset import Dataset
from hokusai_mlflow.contributions.digests import content_digest
from hokusai_mlflow.ledger import Entry, Transaction

SEEN = "contribution.seen"


def credit_order(seen: Iterable[Entry], model: str, contributions: Sequence[Dataset]) -> list[int]:
    """Positions of the contributions, the first to be credited first.

    Parameters
    ----------
    seen : iterable of Entry
        Of kind `SEEN`.
    model : str
        Registered model name.
    contributions : sequence of Dataset
        In the order of the spec.
    """
    since = {entry.key: entry.seq for entry in seen}
    last = max(since.values(), default=0) + 1
    first = [since.get(_key(model, one), last) for one in contributions]
    return sorted(range(len(contributions)), key=first.__getitem__)


def remember(
    writing: Transaction, model: str, attempt: str, contributions: Sequence[Dataset]
) -> None:
    """Write down which contributions are seen for the first time; again changes nothing."""
    for one in contributions:
        key = _key(model, one)
        if writing.get(SEEN, key) is None:
            body = {"name": one.name, "rows": len(one), "content": key.rpartition("/")[2]}
            writing.append(SEEN, key, body, model=model, attempt=attempt)


def _key(model: str, contribution: Dataset) -> str:
    # Without the ids, which are free to choose.
    rows = contribution.rows
    return f"{model}/{contribution.name}/{content_digest(rows, rows, contribution.targets)}"
