"""What has happened: an append-only, hash-chained record, and the budget of sealed hold-outs."""

from hokusai_mlflow.ledger.entry import Entry
from hokusai_mlflow.ledger.looks import (
    Look,
    accept_look,
    active_holdout,
    looks,
    retire_holdout,
    spend_look,
)
from hokusai_mlflow.ledger.store import Ledger
from hokusai_mlflow.ledger.transaction import Transaction

__all__ = [
    "Entry",
    "Ledger",
    "Look",
    "Transaction",
    "accept_look",
    "active_holdout",
    "looks",
    "retire_holdout",
    "spend_look",
]
