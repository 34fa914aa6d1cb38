"""Which rows of the read model an entry of the ledger makes or changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Connection

from hokusai_mlflow.history import (
    fold_attempts,
    fold_champions,
    fold_contributions,
    fold_looks,
    fold_settlements,
)
from hokusai_mlflow.ledger import Entry

Fold = Callable[[Connection, Entry], None]

_FOLDS: Mapping[str, tuple[Fold, ...]] = {
    "attempt.opened": (fold_attempts.opened, fold_contributions.opened),
    "attempt.decided": (fold_attempts.decided,),
    "attempt.promoted": (fold_attempts.promoted, fold_champions.promoted),
    "attempt.evidence": (fold_attempts.evidence, fold_contributions.evidence),
    "attempt.closed": (fold_attempts.closed, fold_contributions.closed),
    "look": (fold_looks.spent,),
    "look.accepted": (fold_looks.accepted,),
    "holdout.retired": (fold_looks.retired,),
    "attestation.requested": (fold_settlements.requested,),
    "champion.rolled_back": (fold_champions.rolled_back,),
    "champion.measured": (fold_champions.measured,),
}


def fold(connection: Connection, entry: Entry) -> None:
    """Bring the index up to date with one more entry; kinds it does not know change nothing.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A writing transaction on the index.
    entry : Entry
        The next one.
    """
    folds = _FOLDS.get(entry.kind, ())
    if entry.kind.startswith("settlement."):
        folds = (fold_settlements.settled,)
    for change in folds:
        change(connection, entry)
