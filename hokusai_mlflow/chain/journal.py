"""The steps of settlements, written down: each once, whoever else writes at the same time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from hokusai_mlflow.chain.book import SettlementBook
from hokusai_mlflow.chain.events import RecordedImprovement
from hokusai_mlflow.chain.refusals import explained
from hokusai_mlflow.chain.settlement import (
    BROADCAST,
    CONFIRMED,
    DROPPED,
    FAILED,
    FILLED,
    MINED,
    REORGED,
    SIGNED,
    WAITING,
    Place,
    Record,
)
from hokusai_mlflow.errors import ContractRefused
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.ledger.entry import json_safe

OnlyIf = Callable[[SettlementBook], bool]


class Journal:
    """Appends the next step of a settlement, unless another settler was first.

    Parameters
    ----------
    ledger : Ledger
    book : SettlementBook
        Read before and after every step.
    """

    def __init__(self, ledger: Ledger, book: SettlementBook) -> None:
        self._ledger = ledger
        self.book = book

    def refresh(self) -> None:
        """Read what was added to the ledger."""
        self.book.refresh(self._ledger)

    def record(self, evidence: str) -> Record:
        """The settlement of an evidence digest that was enqueued."""
        record = self.book.get(evidence)
        assert record is not None, "entries are never removed"
        return record

    def is_current(self, record: Record) -> bool:
        """Whether nothing was written about a settlement since it was read."""
        return self.record(record.evidence).steps == record.steps

    # ------------------------------------------------------------------ on the way

    def signed(self, record: Record, transaction: Mapping[str, Any], only_if: OnlyIf) -> None:
        """A transaction that pays it is signed; nothing was sent yet."""
        self._step(record, SIGNED, transaction, only_if)

    def filled(self, record: Record, transaction: Mapping[str, Any], only_if: OnlyIf) -> None:
        """A transaction that uses a missing nonce before its own is signed."""
        self._step(record, FILLED, transaction, only_if)

    def broadcast(self, record: Record, tx_hash: str) -> None:
        """A node has its transaction."""
        self._step(record, BROADCAST, {"tx_hash": tx_hash})

    def mined(self, record: Record, place: Place) -> None:
        """Its transaction is in a block that is not deep enough yet."""
        self._step(record, MINED, _placed(place))

    def reorged(self, record: Record, place: Place) -> None:
        """The chain no longer has the block that its transaction was in."""
        self._step(record, REORGED, _placed(place))

    def dropped(self, record: Record, why: str, *, reverted: bool) -> None:
        """None of its transactions will pay: their nonce is used up."""
        body = {
            "tx_hashes": [transaction.hash for transaction in record.live],
            "sender": record.live[-1].sender,
            "nonce": record.live[-1].nonce,
            "why": why,
            "reverted": reverted,
        }
        self._step(record, DROPPED, body)

    def waiting(self, record: Record, reason: str, told: str) -> None:
        """The contract or the fees do not allow it now; written once per reason."""
        if (record.state, record.reason) != ("waiting", reason):
            self._step(record, WAITING, {"reason": reason, "error": told})

    # ------------------------------------------------------------------ how it ends

    def confirmed(self, record: Record, recorded: RecordedImprovement) -> None:
        """It is paid, deep enough, and once."""
        place = Place(recorded.transaction, recorded.block, recorded.block_hash)
        own = recorded.transaction in {transaction.hash for transaction in record.signed}
        by: Literal["own", "another"] = "own" if own else "another"
        body = {"by": by, "recorded": recorded.to_dict()}
        self._step(record, CONFIRMED, _placed(place) | body)

    def failed(self, record: Record, refused: ContractRefused, place: Place | None) -> None:
        """The contract refuses it for good, in a block or before anything was sent."""
        placed = _placed(place) if place else {"tx_hash": None, "block": None, "block_hash": None}
        reason = {
            "reason": refused.reason,
            "arguments": json_safe(refused.arguments),
            "error": explained(refused),
        }
        self._step(record, FAILED, placed | reason)

    # ------------------------------------------------------------------ inside

    def _step(
        self,
        record: Record,
        kind: str,
        body: Mapping[str, Any],
        only_if: OnlyIf = lambda book: True,
    ) -> None:
        with self._ledger.transaction() as transaction:
            self.book.refresh(transaction)
            if self.is_current(record) and only_if(self.book):
                transaction.append(
                    kind,
                    f"{record.evidence}/{record.steps}",
                    {"evidence": record.evidence, **body},
                    model=record.model,
                    attempt=record.attempt,
                )
        self.refresh()


def _placed(place: Place) -> dict[str, Any]:
    return {"tx_hash": place.transaction, "block": place.block, "block_hash": place.block_hash}
