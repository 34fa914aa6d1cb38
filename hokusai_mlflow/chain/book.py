"""All settlements of one contract, as the ledger tells them."""

from __future__ import annotations

from collections import defaultdict
from typing import TypeAlias

from hokusai_mlflow.chain.settlement import (
    FILLED,
    INTENT,
    KINDS,
    Record,
    SignedTransaction,
    begin,
    fold,
)
from hokusai_mlflow.ledger import Ledger, Transaction

_Groups: TypeAlias = defaultdict[tuple[str, str], dict[str, None]]
"""Evidence of open settlements, in order, by model and commitment."""


class SettlementBook:
    """All settlements of one contract, kept up to date by reading what was added.

    Positions in the ledger have no gaps and become visible in their order, so that reading what
    comes after the last one read misses nothing.

    Parameters
    ----------
    chain_id : int
    contract : str
        Only settlements enqueued for this contract are followed.
    """

    def __init__(self, chain_id: int, contract: str) -> None:
        self._where = (chain_id, contract)
        self._records: dict[str, Record] = {}
        self._open: dict[str, None] = {}
        self._leading: _Groups = defaultdict(dict)
        self._following: _Groups = defaultdict(dict)
        self._fillers: dict[tuple[str, int], SignedTransaction] = {}
        self._read = 0

    def refresh(self, ledger: Ledger | Transaction) -> None:
        """Read what was added since."""
        for entry in ledger.entries(kind=KINDS, after=self._read):
            self._read = entry.seq
            if entry.kind == INTENT:
                if (entry.body["chain_id"], entry.body["contract"]) == self._where:
                    self._put(begin(entry))
                continue
            record = self._records.get(entry.body["evidence"])
            if record is not None:
                self._put(after := fold(record, entry))
                if entry.kind == FILLED:
                    filler = after.fillers[-1]
                    self._fillers[filler.sender, filler.nonce] = filler

    def get(self, evidence: str) -> Record | None:
        """The record of an evidence digest."""
        return self._records.get(evidence)

    def records(self) -> list[Record]:
        """All records, in the order in which they were enqueued."""
        return list(self._records.values())

    def open(self) -> list[Record]:
        """Records with something to do: those with a nonce first, in its order."""
        return sorted(
            (self._records[evidence] for evidence in self._open),
            key=lambda r: (0, r.live[0].nonce, r.seq) if r.live else (1, 0, r.seq),
        )

    def predecessor(self, record: Record) -> Record | None:
        """Open settlement that must land first, because it makes this one's champion the head."""
        where = (record.improvement.model, record.improvement.champion)
        return next((self._records[evidence] for evidence in self._leading[where]), None)

    def successors(self, record: Record) -> tuple[str, ...]:
        """Evidence of the settlements that wait for this one to become the head."""
        return tuple(self._following[record.improvement.model, record.improvement.candidate])

    def reserved(self, sender: str) -> set[int]:
        """Nonces of an account that live transactions hold."""
        return {
            transaction.nonce
            for evidence in self._open
            for transaction in self._records[evidence].live
            if transaction.sender == sender
        }

    def filler(self, sender: str, nonce: int) -> SignedTransaction | None:
        """The newest transaction that fills a missing nonce of an account."""
        return self._fillers.get((sender, nonce))

    def _put(self, record: Record) -> None:
        evidence, improvement = record.evidence, record.improvement
        self._records[evidence] = record
        for group in (
            self._open,
            self._leading[improvement.model, improvement.candidate],
            self._following[improvement.model, improvement.champion],
        ):
            if record.is_open:
                group[evidence] = None
            else:
                group.pop(evidence, None)
