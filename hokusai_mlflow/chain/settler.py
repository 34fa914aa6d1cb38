"""One settlement, one step at a time: each looks at the chain and appends what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from web3.exceptions import BlockNotFound, TransactionNotFound, Web3RPCError

from hokusai_mlflow.chain.delivery import Delivery, is_lost, refusal_of
from hokusai_mlflow.chain.events import RecordedImprovement
from hokusai_mlflow.chain.fees import FeePolicy, Fees
from hokusai_mlflow.chain.settlement import (
    BROADCAST,
    CONFIRMED,
    DROPPED,
    FAILED,
    MINED,
    REORGED,
    SIGNED,
    WAITING,
    Place,
    Record,
    SettlementBook,
    SignedTransaction,
)
from hokusai_mlflow.chain.signer import Signer
from hokusai_mlflow.chain.transactions import signer_lock
from hokusai_mlflow.chain.verifier import Verifier
from hokusai_mlflow.errors import ChainError, ContractRefused
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.ledger.entry import json_safe

RETRYABLE = frozenset(
    {"BudgetExceeded", "DailyCapExceeded", "EnforcedPause", "HeadIsAnother", "ModelUnknown"}
)
"""Refusals that an operator, another settlement or the next day can lift."""

ALREADY_PAID = "EvidenceUsed"
_MOST_REVERTS = 3
_REMEDIES = {
    "BudgetExceeded": "raise the model's budget, then settle again",
    "DailyCapExceeded": "settle again tomorrow, or raise the model's daily cap",
    "EnforcedPause": "settle again when the contract is unpaused",
    "HeadIsAnother": "settle again when the chain's head is this improvement's champion",
    "ModelUnknown": "configure the model on chain, then settle again",
    "Expired": "have it attested again with a later deadline and enqueue it again",
    "QuorumMissing": "have it attested by enough registered oracles and enqueue it again",
    "NotAnOracle": "have it attested by registered oracles and enqueue it again",
}

Outcome = Literal["moved", "pending", "parked"]


class Settler:
    """Moves single settlements; `hokusai_mlflow.chain.outbox.Outbox` says which and when.

    Parameters
    ----------
    ledger : Ledger
    verifier : Verifier
    signer : Signer
    book : SettlementBook
        Read before and after every step.
    delivery : Delivery
    fees : FeePolicy
    bump_after : float
        Seconds after which an unmined transaction is replaced.
    """

    def __init__(
        self,
        ledger: Ledger,
        verifier: Verifier,
        signer: Signer,
        *,
        book: SettlementBook,
        delivery: Delivery,
        fees: FeePolicy,
        bump_after: float,
    ) -> None:
        self._ledger = ledger
        self._verifier = verifier
        self._signer = signer
        self._web3 = verifier.web3
        self._book = book
        self._delivery = delivery
        self._fees = fees
        self._bump_after = bump_after
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
            # Whoever waited for this one to become the head may go on.
            candidate = record.improvement.candidate
            for other in self._book.records():
                if other.improvement.champion == candidate:
                    parked.discard(other.evidence)
        return outcome

    def _is_behind(self, record: Record, parked: set[str]) -> bool:
        """Whether a lower nonce of the same account is parked, so that this one cannot be mined."""
        return bool(record.live) and any(
            other.live
            and other.live[0].sender == record.live[0].sender
            and other.live[0].nonce < record.live[0].nonce
            for other in map(self._record, parked)
        )

    def _start(self, record: Record, parked: set[str]) -> Outcome:
        """Nothing of ours can be mined: look whether it is paid, else sign."""
        if self._verifier.is_used(record.evidence):
            return self._paid_by_another(record)
        first = self._book.predecessor(record)
        if first is not None:
            self.errors[record.evidence] = f"waits for the settlement of {first.evidence[:16]}…"
            return "parked" if first.evidence in parked else "pending"
        data = self._verifier.process_call_data(record.improvement, record.signatures)
        try:
            gas = self._delivery.estimate_gas(self._signer.address, data)
        except ContractRefused as refused:
            if refused.reason == ALREADY_PAID:
                return "pending"
            return self._refuse(record, refused)
        quote = self._fees.quote(self._web3)
        if quote is None:
            return self._wait(record, "FeesAboveCap", self._cap_told())
        # Out of gas is the likeliest reason of a revert that no simulation shows.
        gas = gas * (120 + 40 * record.reverts) // 100
        return self._sign(record, data, gas, quote)

    def _follow(self, record: Record) -> Outcome:
        """A transaction of ours may be mined: find it, send it again, or give its nonce up."""
        receipt = self._delivery.receipt(record.live)
        if receipt is not None:
            return self._mined(record, receipt)
        if record.place is not None:
            return self._step(record, REORGED, _placed(record.place))
        transaction = record.live[-1]
        if self._delivery.is_nonce_used(transaction):
            if not self._delivery.is_nonce_lost(record.live):
                return "pending"
            return self._drop(record, "its nonce was used by another transaction", reverted=False)
        return self._send(record, transaction)

    def _mined(self, record: Record, receipt: Mapping[str, Any]) -> Outcome:
        place = self._delivery.place(receipt)
        if place is None:
            return "pending"
        if self._delivery.is_deep(place):
            if receipt["status"] == 1:
                return self._landed(record, receipt, place)
            return self._reverted(record, receipt, place)
        if record.place is None:
            return self._step(record, MINED, _placed(place))
        if record.place != place:
            return self._step(record, REORGED, _placed(record.place))
        return "pending"

    def _landed(self, record: Record, receipt: Mapping[str, Any], place: Place) -> Outcome:
        recorded = self._verifier.improvement_in(receipt, record.evidence)  # type: ignore[arg-type]
        if recorded is not None:
            return self._confirm(record, recorded, by="own")
        refused = ContractRefused("it was mined without recording an improvement")
        return self._fail(record, refused, place)

    def _reverted(self, record: Record, receipt: Mapping[str, Any], place: Place) -> Outcome:
        refused = self._delivery.replay(record, receipt)
        passing = refused.reason in RETRYABLE or refused.reason == ALREADY_PAID
        lasting = self._delivery.is_decoded(refused) or record.reverts + 1 >= _MOST_REVERTS
        if lasting and not passing:
            return self._fail(record, refused, place)
        return self._drop(record, str(refused), reverted=refused.reason != ALREADY_PAID)

    def _send(self, record: Record, transaction: SignedTransaction) -> Outcome:
        age = (datetime.now(UTC) - transaction.signed_at).total_seconds()
        is_own = transaction.sender == self._signer.address
        if age >= self._bump_after and is_own:
            outcome = self._bump(record, transaction)
            if outcome is not None:
                return outcome
        else:
            self.errors.pop(record.evidence, None)
        problem = self._delivery.send(transaction)
        if problem is None:
            if record.state == "broadcast":
                return "pending"
            return self._step(record, BROADCAST, {"tx_hash": transaction.hash})
        self.errors[record.evidence] = problem.told
        if problem.kind == "underpriced" and is_own:
            return self._bump(record, transaction) or "pending"
        return "parked" if problem.kind == "refused" else "pending"

    def _bump(self, record: Record, before: SignedTransaction) -> Outcome | None:
        quote = self._fees.quote(self._web3)
        fees = None if quote is None else self._fees.bumped(before.fees, quote)
        if fees is None:
            self.errors[record.evidence] = self._cap_told()
            return None
        data = self._verifier.process_call_data(record.improvement, record.signatures)
        return self._sign(record, data, before.gas, fees, replaces=before)

    def _sign(
        self,
        record: Record,
        data: bytes,
        gas: int,
        fees: Fees,
        *,
        replaces: SignedTransaction | None = None,
    ) -> Outcome:
        """Fix the nonce, sign, and persist raw transaction and hash before anything is sent."""
        sender = self._signer.address
        with signer_lock(self._verifier.home, sender):
            self._book.refresh(self._ledger)
            if self._record(record.evidence).steps != record.steps:
                return "moved"
            reserved = self._book.reserved(sender)
            nonce = (
                replaces.nonce if replaces else self._delivery.next_nonce(sender, after=reserved)
            )
            raw, tx_hash = self._signer.sign_transaction(
                {
                    "to": self._verifier.address,
                    "data": data,
                    "value": 0,
                    "chainId": self._verifier.chain_id,
                    "nonce": nonce,
                    "gas": gas,
                    "maxFeePerGas": fees.max_fee,
                    "maxPriorityFeePerGas": fees.priority_fee,
                    "type": 2,
                }
            )
            body = {
                "tx_hash": tx_hash,
                "raw": "0x" + raw.hex(),
                "sender": sender,
                "nonce": nonce,
                "gas": gas,
                "replaces": replaces.hash if replaces else None,
                **fees.to_dict(),
            }

            # The lock holds on this machine; settlers elsewhere are kept apart by the ledger.
            def is_free(book: SettlementBook) -> bool:
                return replaces is not None or nonce not in book.reserved(sender)

            return self._step(record, SIGNED, body, only_if=is_free)

    # ------------------------------------------------------------------ how it ends

    def _paid_by_another(self, record: Record) -> Outcome:
        recorded = self._verifier.recorded(record.evidence)
        if recorded is None or not self._delivery.is_deep(_where(recorded)):
            return "pending"
        return self._confirm(record, recorded, by="another")

    def _confirm(
        self, record: Record, recorded: RecordedImprovement, *, by: Literal["own", "another"]
    ) -> Outcome:
        body = _placed(_where(recorded)) | {"by": by, "recorded": recorded.to_dict()}
        return self._step(record, CONFIRMED, body)

    def _refuse(self, record: Record, refused: ContractRefused) -> Outcome:
        if refused.reason in RETRYABLE:
            return self._wait(record, refused.reason, _explained(refused))
        return self._fail(record, refused, None)

    def _wait(self, record: Record, reason: str, told: str) -> Outcome:
        if (record.state, record.reason) != ("waiting", reason):
            self._step(record, WAITING, {"reason": reason, "error": told})
        return "parked"

    def _fail(self, record: Record, refused: ContractRefused, place: Place | None) -> Outcome:
        placed = _placed(place) if place else {"tx_hash": None, "block": None, "block_hash": None}
        reason = {
            "reason": refused.reason,
            "arguments": json_safe(refused.arguments),
            "error": _explained(refused),
        }
        return self._step(record, FAILED, placed | reason)

    def _drop(self, record: Record, why: str, *, reverted: bool) -> Outcome:
        body = {
            "tx_hashes": [transaction.hash for transaction in record.live],
            "sender": record.live[-1].sender,
            "nonce": record.live[-1].nonce,
            "why": why,
            "reverted": reverted,
        }
        return self._step(record, DROPPED, body)

    def reopen_reorged(self) -> None:
        """Reopen what was final in a block that the chain no longer has."""
        final = [r for r in self._book.records() if not r.is_open and r.place is not None]
        for record in sorted(final, key=lambda r: r.place.block, reverse=True):  # type: ignore[union-attr]
            assert record.place is not None
            standing = self._delivery.is_standing(record.place)
            if standing:
                # Blocks are linked by hash: all earlier ones stand as well.
                break
            if standing is False:
                self._step(record, REORGED, _placed(record.place))

    # ------------------------------------------------------------------ inside

    def _step(
        self,
        record: Record,
        kind: str,
        body: Mapping[str, Any],
        *,
        only_if: Callable[[SettlementBook], bool] | None = None,
    ) -> Outcome:
        """Append the next step, unless another settler was first; either way things moved."""
        with self._ledger.transaction() as transaction:
            self._book.refresh(transaction)
            current = self._record(record.evidence)
            if current.steps == record.steps and (only_if is None or only_if(self._book)):
                transaction.append(
                    kind,
                    f"{record.evidence}/{record.steps}",
                    {"evidence": record.evidence, **body},
                    model=record.model,
                    attempt=record.attempt,
                )
        self._book.refresh(self._ledger)
        self.errors.pop(record.evidence, None)
        return "moved"

    def _record(self, evidence: str) -> Record:
        record = self._book.get(evidence)
        assert record is not None, "entries are never removed"
        return record

    def _cap_told(self) -> str:
        return (
            f"fees are above the cap of {self._fees.cap_wei / 10**9:g} gwei; settle again when "
            "they have fallen, or raise the cap"
        )


def _where(recorded: RecordedImprovement) -> Place:
    return Place(recorded.transaction, recorded.block, recorded.block_hash)


def _placed(place: Place) -> dict[str, Any]:
    return {"tx_hash": place.transaction, "block": place.block, "block_hash": place.block_hash}


def _explained(refused: ContractRefused) -> str:
    remedy = _REMEDIES.get(refused.reason)
    return f"{refused}; {remedy}" if remedy else str(refused)
