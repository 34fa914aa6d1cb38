"""One settlement, one step at a time: each looks at the chain and appends what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from web3.exceptions import BlockNotFound, TransactionNotFound, Web3RPCError

from hokusai_mlflow.chain.delivery import Delivery, is_lost, refusal_of
from hokusai_mlflow.chain.journal import Journal
from hokusai_mlflow.chain.offers import Offers
from hokusai_mlflow.chain.refusals import ALREADY_PAID, RETRYABLE, explained
from hokusai_mlflow.chain.settlement import Place, Record, SignedTransaction
from hokusai_mlflow.chain.verifier import Verifier
from hokusai_mlflow.errors import ChainError, ContractRefused

_MOST_REVERTS = 3
_REACH, _SEALED = 1_024, 128
"""Blocks below the newest payment in which payments are looked for again; in which no more."""

Outcome: TypeAlias = Literal["moved", "pending", "parked"]


class Settler:
    """Moves single settlements; `hokusai_mlflow.chain.outbox.Outbox` says which and when.

    Parameters
    ----------
    verifier : Verifier
    journal : Journal
        Where the steps are written.
    delivery : Delivery
    offers : Offers
        Signs what is sent.
    bump_after : float
        Seconds after which an unmined transaction is replaced.
    """

    def __init__(
        self,
        verifier: Verifier,
        *,
        journal: Journal,
        delivery: Delivery,
        offers: Offers,
        bump_after: float,
    ) -> None:
        self._verifier = verifier
        self._journal = journal
        self._delivery = delivery
        self._offers = offers
        self._bump_after = bump_after
        self._sealed: set[Place] = set()
        self.errors: dict[str, str] = {}
        """Why a settlement does not move at present, by evidence; not worth an entry."""

    # ------------------------------------------------------------------ one step

    def visit(self, record: Record, parked: set[str]) -> Outcome:
        """Take the next step of an open settlement.

        Parameters
        ----------
        record : Record
        parked : set of str
            Evidence digests that are not worth another visit in this round; kept up to date.

        Returns
        -------
        {"moved", "pending", "parked"}
            Something changed; the chain must be waited for; nothing will change by waiting.
        """
        try:
            outcome = self._follow(record) if record.live else self._start(record, parked)
        except OSError as problem:
            if not is_lost(problem):
                raise
            self.errors[record.evidence] = str(problem)
            return "pending"
        except (TransactionNotFound, BlockNotFound) as problem:
            # A node that is behind the one that answered before.
            self.errors[record.evidence] = str(problem)
            return "pending"
        except ChainError as problem:
            self.errors[record.evidence] = str(problem)
            outcome = "parked"
        except Web3RPCError as problem:
            self.errors[record.evidence] = f"the node refused: {refusal_of(problem)}"
            outcome = "parked"
        if outcome == "pending" and self._is_behind(record, parked):
            outcome = "parked"
        if outcome == "parked":
            parked.add(record.evidence)
        elif outcome == "moved":
            self.errors.pop(record.evidence, None)
            # Whoever waited for this one to become the head may go on.
            parked.difference_update(self._journal.book.successors(record))
        return outcome

    def reopen_reorged(self) -> None:
        """Reopen what was final in a block that the chain no longer has.

        Each block is asked for by itself: of two payments that were final, the newer one may be in
        the chain of today and the older one in a block that lost against it.
        """
        final = {
            record.place: record
            for record in self._journal.book.records()
            if not record.is_open and record.place is not None and record.place not in self._sealed
        }
        newest = max((place.block for place in final), default=0)
        for place, record in final.items():
            if place.block <= newest - _REACH:
                continue
            standing = self._delivery.is_standing(place)
            if standing is False:
                self._journal.reorged(record, place)
            elif standing and place.block <= newest - _SEALED:
                self._sealed.add(place)

    def _is_behind(self, record: Record, parked: set[str]) -> bool:
        """Whether a lower nonce of the same account is parked, so that this one cannot be mined."""
        return bool(record.live) and any(
            other.live
            and other.live[0].sender == record.live[0].sender
            and other.live[0].nonce < record.live[0].nonce
            for other in map(self._journal.record, parked)
        )

    # ------------------------------------------------------------------ before anything is sent

    def _start(self, record: Record, parked: set[str]) -> Outcome:
        """Nothing of ours can be mined: look whether it is paid, else sign."""
        first = self._journal.book.predecessor(record)
        if first is not None and not self._leads(record, first):
            self.errors[record.evidence] = f"waits for the settlement of {first.evidence[:16]}…"
            return "parked" if first.evidence in parked else "pending"
        self._journal.refresh()
        if not self._journal.is_current(record):
            # Another settler took it up while this one was busy with those before it.
            return "moved"
        if self._verifier.is_used(record.evidence):
            return self._paid_by_another(record)
        data = self._verifier.process_call_data(*record.payment)
        try:
            gas = self._delivery.estimate_gas(self._offers.sender, data)
        except ContractRefused as refused:
            return self._refuse(record, refused, data)
        fees = self._offers.quote()
        if fees is None:
            self._journal.waiting(record, "FeesAboveCap", self._offers.cap_told)
            return "parked"
        # Out of gas is the likeliest reason of a revert that no simulation shows.
        self._offers.first(record, gas * (120 + 40 * record.reverts) // 100, fees)
        return "moved"

    def _leads(self, record: Record, first: Record) -> bool:
        """Whether a settlement may go before one that was enqueued later and makes its champion.

        A lineage that was enqueued backwards waits; one that goes in a circle must not.
        """
        if first.seq < record.seq:
            return False
        return self._verifier.head(record.improvement.model) == record.improvement.champion

    def _paid_by_another(self, record: Record) -> Outcome:
        recorded = self._verifier.recorded(record.evidence)
        if recorded is None:
            return "pending"
        place = Place(recorded.transaction, recorded.block, recorded.block_hash)
        if not self._delivery.is_deep(place):
            return "pending"
        self._journal.confirmed(record, recorded)
        return "moved"

    def _refuse(self, record: Record, refused: ContractRefused, data: bytes) -> Outcome:
        if refused.reason == ALREADY_PAID:
            return "pending"
        if refused.reason in RETRYABLE:
            self._journal.waiting(record, refused.reason, explained(refused))
            return "parked"
        if not self._delivery.is_lasting(self._offers.sender, data, refused):
            self.errors[record.evidence] = f"{explained(refused)}; not deep enough to be final"
            return "pending"
        self._journal.failed(record, refused, None)
        return "moved"

    # ------------------------------------------------------------------ after something was sent

    def _follow(self, record: Record) -> Outcome:
        """A transaction of ours may be mined: find it, send it again, or give its nonce up."""
        receipt = self._delivery.receipt(record.live)
        if receipt is not None:
            return self._mined(record, receipt)
        if record.place is not None:
            self._journal.reorged(record, record.place)
            return "moved"
        transaction = record.live[-1]
        if self._delivery.is_nonce_used(transaction):
            if not self._delivery.is_nonce_lost(record.live):
                return "pending"
            why = "its nonce was used by another transaction"
            self._journal.dropped(record, why, reverted=False)
            return "moved"
        return self._send(record, transaction)

    def _mined(self, record: Record, receipt: Mapping[str, Any]) -> Outcome:
        place = self._delivery.place(receipt)
        if place is None:
            return "pending"
        if self._delivery.is_deep(place):
            self._landed(record, receipt, place)
        elif record.place is None:
            self._journal.mined(record, place)
        elif record.place != place:
            self._journal.reorged(record, record.place)
        else:
            return "pending"
        return "moved"

    def _landed(self, record: Record, receipt: Mapping[str, Any], place: Place) -> None:
        if receipt["status"] != 1:
            self._reverted(record, receipt, place)
            return
        recorded = self._verifier.improvement_in(receipt, record.evidence)  # type: ignore[arg-type]
        if recorded is not None:
            self._journal.confirmed(record, recorded)
        else:
            refused = ContractRefused("it was mined without recording an improvement")
            self._journal.failed(record, refused, place)

    def _reverted(self, record: Record, receipt: Mapping[str, Any], place: Place) -> None:
        refused = self._delivery.replay(record, receipt)
        passing = refused.reason in RETRYABLE or refused.reason == ALREADY_PAID
        lasting = self._delivery.is_decoded(refused) or record.reverts + 1 >= _MOST_REVERTS
        if lasting and not passing:
            self._journal.failed(record, refused, place)
        else:
            counts = refused.reason != ALREADY_PAID
            self._journal.dropped(record, str(refused), reverted=counts)

    def _send(self, record: Record, transaction: SignedTransaction) -> Outcome:
        problem = self._delivery.send(transaction)
        if problem is None and record.state != "broadcast":
            self._journal.broadcast(record, transaction.hash)
            return "moved"
        is_own = transaction.sender == self._offers.sender
        if problem is None:
            self.errors.pop(record.evidence, None)
        else:
            self.errors[record.evidence] = problem.told
            if problem.kind == "refused":
                return "parked"
            if problem.kind == "underpriced" and is_own:
                return "moved" if self._raise_offer(record, transaction) else "pending"
        # Only what was sent is replaced: else every visit would sign another one.
        overdue = is_own and self._age(transaction) >= self._bump_after
        return "moved" if overdue and self._hasten(record, transaction) else "pending"

    # ------------------------------------------------------------------ when nothing is mined

    def _hasten(self, record: Record, transaction: SignedTransaction) -> bool:
        """Do what an unmined transaction needs: a better offer, or the nonce before it."""
        due = self._delivery.due_nonce(transaction.sender)
        if due == transaction.nonce:
            return self._raise_offer(record, transaction)
        if due > transaction.nonce or due in self._journal.book.reserved(transaction.sender):
            return False
        return self._fill(record, due)

    def _raise_offer(self, record: Record, before: SignedTransaction) -> bool:
        fees = self._offers.raised(before)
        if fees is None:
            self.errors[record.evidence] = self._offers.cap_told
            return False
        self._offers.replacement(record, before, fees)
        return True

    def _fill(self, record: Record, nonce: int) -> bool:
        """Use up a nonce that nobody of ours holds, so that the ones after it can be mined.

        Whoever took it from outside the ledger has lost it, or offers so little that it is stuck:
        a transaction in the queue that offers as much as ours is not replaced.
        """
        filler = self._journal.book.filler(self._offers.sender, nonce)
        if filler is not None:
            told, known = "", self._delivery.is_known(filler.hash)
            problem = None if known else self._delivery.send(filler)
            if problem is not None:
                told = f": {problem.told}"
            self.errors[record.evidence] = f"waits behind nonce {nonce}, which is being used{told}"
            stuck = known and self._age(filler) >= self._bump_after
            if not stuck and (problem is None or problem.kind != "underpriced"):
                return False
        fees = self._offers.raised(filler) if filler else self._offers.quote()
        if fees is None:
            self.errors[record.evidence] = self._offers.cap_told
            return False
        self._offers.filler(record, nonce, fees, filler)
        return True

    @staticmethod
    def _age(transaction: SignedTransaction) -> float:
        return (datetime.now(UTC) - transaction.signed_at).total_seconds()
