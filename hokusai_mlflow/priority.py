"""Who brought data first: as the ledger saw it, not as a spec lists it.

What two contributions share, or nearly share, is credited to the one whose row was seen first. A
row, features and target, is seen under a contributor's name when an attempt in which it is accepted
enters the ledger, whatever becomes of that attempt, and keeps its place for as long as it stays in
what the contributor brings. So a copy that comes later loses, wherever the spec lists it; a file
that grows keeps the place of the rows that it had; and to claim in advance what others may bring,
one would have to go on bringing it. What was never seen before comes last, in the order of the
spec.

An entry holds a mark of each row that is new under its name, and of each that is gone: 64 bits of a
SHA-256 of its cells, numbers to five digits, so that a file that is exported with fewer digits
keeps its places. That two rows of one contributor share a mark does no harm.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from unicodedata import normalize

import numpy as np
import numpy.typing as npt
import pandas as pd

from hokusai_mlflow.contributions.dataset import Dataset, is_numeric
from hokusai_mlflow.contributions.digests import content_digest
from hokusai_mlflow.contributions.turns import Turn
from hokusai_mlflow.ledger import Entry, Transaction

SEEN = "contribution.seen"
_BYTES = 8
Marks = npt.NDArray[np.uint64]


def credit_turns(seen: Iterable[Entry], model: str, contributions: Sequence[Dataset]) -> list[Turn]:
    """Whose rows take their turn when: those that were seen first come first.

    Parameters
    ----------
    seen : iterable of Entry
        Of kind `SEEN`, in order.
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
        held, since = _places([entry for entry in entries if entry.body["name"] == one.name])
        when = np.full(len(one), last)
        if len(held):
            marks = _marks(one)
            place = np.minimum(np.searchsorted(held, marks), len(held) - 1)
            when = np.where(held[place] == marks, since[place], last)
        turns += [(int(time), at, np.flatnonzero(when == time)) for time in np.unique(when)]
    return [(at, rows) for _, at, rows in sorted(turns, key=lambda turn: turn[:2])]


def remember(
    writing: Transaction,
    model: str,
    attempt: str,
    contributions: Sequence[Dataset],
    accepted: Sequence[npt.NDArray[np.bool_]] = (),
) -> None:
    """Write down which rows are seen for the first time, and which are gone.

    Again changes nothing.

    Parameters
    ----------
    writing : Transaction
    model, attempt : str
    contributions : sequence of Dataset
    accepted : sequence of mask
        Of each contribution, rows that were accepted: only they get a place. All of them before
        there is anything to check against.
    """
    seen = writing.entries(model=model, kind=SEEN)
    for at, one in enumerate(contributions):
        held, _ = _places([entry for entry in seen if entry.body["name"] == one.name])
        marks = _marks(one)
        new = np.setdiff1d(marks[accepted[at]] if accepted else marks, held)
        gone = np.setdiff1d(held, marks)
        if len(new) or len(gone):
            body = {
                "name": one.name,
                "rows": len(one),
                # Without the ids, which are free to choose.
                "content": content_digest(one.rows, one.rows, one.targets),
                "new": _packed(new),
                "gone": _packed(gone),
            }
            key = f"{model}/{one.name}/{attempt}"
            writing.append(SEEN, key, body, model=model, attempt=attempt)


def _places(entries: Sequence[Entry]) -> tuple[Marks, npt.NDArray[np.int64]]:
    """Marks that have a place, in order, and the number of the entry that each has it from."""
    held, since = np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int64)
    for entry in entries:
        new, gone = _unpacked(entry.body, "new"), _unpacked(entry.body, "gone")
        stay = ~np.isin(held, gone)
        held = np.concatenate([held[stay], new])
        since = np.concatenate([since[stay], np.full(len(new), entry.seq)])
    order = np.argsort(held, kind="stable")
    return held[order], since[order]


def _packed(marks: Marks) -> str:
    return base64.b64encode(marks.astype("<u8").tobytes()).decode()


def _unpacked(body: Mapping[str, Any], name: str) -> Marks:
    # Before there were marks, whole contributions were remembered.
    return np.frombuffer(base64.b64decode(body.get(name, "")), "<u8").astype(np.uint64)


def _marks(contribution: Dataset) -> Marks:
    features = contribution.features
    columns = [_coarse(features[name]) for name in sorted(features.columns)]
    rows = zip(*columns, _coarse(pd.Series(contribution.targets)), strict=True)
    told = (hashlib.sha256("\0".join(row).encode()).digest()[:_BYTES] for row in rows)
    return np.frombuffer(b"".join(told), "<u8").astype(np.uint64)


def _coarse(column: pd.Series) -> list[str]:
    if is_numeric(column):
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
        # One file's 1 is another's 1.0, and 0 is no other number than -0.
        return [str(text) for text in np.char.mod("%.4e", numbers + 0.0)]
    texts = column.astype(object)
    return [normalize("NFC", str(cell)) for cell in texts.where(texts.notna(), "")]
