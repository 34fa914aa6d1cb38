"""Who brought data first: as the ledger saw it, not as a spec lists it.

What two contributions share, or nearly share, is credited to the one whose row was seen first. A
row, features and target, is seen under a contributor's name when an attempt with it enters the
ledger, whatever becomes of that attempt. A copy that comes later loses, wherever the spec lists it;
a file that grows keeps the place of the rows that it had. What was never seen before comes last, in
the order of the spec.

An entry holds the first 64 bits of a SHA-256 of each row that is new under its name. They tell
nobody what a row is who does not have it, and finding another row with the mark of a given one
takes some 2^64 trials.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.contributions.checks import Turn
from hokusai_mlflow.contributions.dataset import Dataset
from hokusai_mlflow.contributions.digests import content_digest
from hokusai_mlflow.ledger import Entry, Transaction

SEEN = "contribution.seen"
_BYTES = 8
Marks = npt.NDArray[np.uint64]


def credit_turns(seen: Iterable[Entry], model: str, contributions: Sequence[Dataset]) -> list[Turn]:
    """Whose rows take their turn when: those that were seen first come first.

    Parameters
    ----------
    seen : iterable of Entry
        Of kind `SEEN`.
    model : str
        Registered model name.
    contributions : sequence of Dataset
        In the order of the spec.

    Returns
    -------
    list of (int, array of int)
        Position of a contribution, and of some of its rows. Every row is in one turn.
    """
    entries = [entry for entry in seen if entry.model == model]
    last = max((entry.seq for entry in entries), default=0) + 1
    turns = []
    for at, one in enumerate(contributions):
        mine = [entry for entry in entries if entry.body["name"] == one.name]
        since = _since(mine, _marks(one), last)
        turns += [(int(when), at, np.flatnonzero(since == when)) for when in np.unique(since)]
    return [(at, rows) for _, at, rows in sorted(turns, key=lambda turn: turn[:2])]


def remember(
    writing: Transaction, model: str, attempt: str, contributions: Sequence[Dataset]
) -> None:
    """Write down which rows are seen for the first time; again changes nothing."""
    seen = writing.entries(model=model, kind=SEEN)
    for one in contributions:
        mine = [entry for entry in seen if entry.body["name"] == one.name]
        marks = np.unique(_marks(one))
        new = marks[_since(mine, marks, -1) == -1]
        if len(new):
            # Without the ids, which are free to choose.
            content = content_digest(one.rows, one.rows, one.targets)
            packed = base64.b64encode(new.astype("<u8").tobytes()).decode()
            body = {"name": one.name, "rows": len(one), "content": content, "new": packed}
            key = f"{model}/{one.name}/{attempt}"
            writing.append(SEEN, key, body, model=model, attempt=attempt)


def _since(entries: Sequence[Entry], marks: Marks, unseen: int) -> npt.NDArray[np.int64]:
    """Number of the entry that saw each mark, or `unseen`."""
    found = np.full(len(marks), unseen, dtype=np.int64)
    for entry in entries:
        # Before there were marks, whole contributions were remembered.
        known = np.frombuffer(base64.b64decode(entry.body.get("new", "")), "<u8")
        found[np.isin(marks, known)] = entry.seq
    return found


def _marks(contribution: Dataset) -> Marks:
    targets = contribution.targets
    # One file's 1 is another's 1.0.
    said = targets.tolist() if targets.dtype.kind == "U" else map("{:.17g}".format, targets)
    rows = zip(contribution.rows.tolist(), said, strict=True)
    told = (hashlib.sha256(f"{row} {target}".encode()).digest()[:_BYTES] for row, target in rows)
    return np.frombuffer(b"".join(told), "<u8").astype(np.uint64)
