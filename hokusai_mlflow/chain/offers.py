"""Transactions as they are offered: nonce fixed, signed, and written down, in that order.

Nothing is sent here. What is in the ledger is sent by whoever looks at it next.
"""

from __future__ import annotations

from typing import Any

from hokusai_mlflow.chain.book import SettlementBook
from hokusai_mlflow.chain.delivery import Delivery
from hokusai_mlflow.chain.fees import GWEI, FeePolicy, Fees
from hokusai_mlflow.chain.journal import Journal
from hokusai_mlflow.chain.settlement import Record, SignedTransaction
from hokusai_mlflow.chain.signer import Signer
from hokusai_mlflow.chain.transactions import signer_lock
from hokusai_mlflow.chain.verifier import Verifier

PLAIN_GAS = 21_000
"""Gas of a transaction that only uses up its nonce."""


class Offers:
    """Signs for settlements with one account, at fees within the policy.

    Parameters
    ----------
    verifier : Verifier
    signer : Signer
    journal : Journal
    delivery : Delivery
    fees : FeePolicy
    """

    def __init__(
        self,
        verifier: Verifier,
        signer: Signer,
        *,
        journal: Journal,
        delivery: Delivery,
        fees: FeePolicy,
    ) -> None:
        self._verifier = verifier
        self._signer = signer
        self._journal = journal
        self._delivery = delivery
        self._fees = fees

    @property
    def sender(self) -> str:
        """Address of the account."""
        return self._signer.address

    @property
    def cap_told(self) -> str:
        """Why nothing is offered at present."""
        return (
            f"fees are above the cap of {self._fees.cap_wei / GWEI:g} gwei; settle again when "
            "they have fallen, or raise the cap"
        )

    def quote(self) -> Fees | None:
        """Fees for the next blocks; None when they are above the cap."""
        return self._fees.quote(self._verifier.web3)

    def raised(self, before: SignedTransaction) -> Fees | None:
        """Fees that replace a transaction; None when they are above the cap."""
        quote = self.quote()
        return None if quote is None else self._fees.bumped(before.fees, quote)

    def first(self, record: Record, gas: int, fees: Fees) -> None:
        """Sign a payment with the account's next nonce."""
        with signer_lock(self._verifier.home, self.sender):
            self._journal.refresh()
            if not self._journal.is_current(record):
                return
            reserved = self._journal.book.reserved(self.sender)
            nonce = self._delivery.next_nonce(self.sender, after=reserved)
            signed = self._signed(nonce, self._payment(record), gas, fees)
            # The lock holds on this machine; settlers elsewhere are kept apart by the ledger.
            self._journal.signed(
                record, signed, lambda book: nonce not in book.reserved(self.sender)
            )

    def replacement(self, record: Record, before: SignedTransaction, fees: Fees) -> None:
        """Sign the same payment with the same nonce and other fees."""
        signed = self._signed(before.nonce, self._payment(record), before.gas, fees, before)
        self._journal.signed(record, signed, lambda book: True)

    def filler(
        self, record: Record, nonce: int, fees: Fees, replaces: SignedTransaction | None
    ) -> None:
        """Sign a transaction that does nothing, for a nonce that a settlement waits behind."""

        def is_free(book: SettlementBook) -> bool:
            taken = nonce in book.reserved(self.sender)
            return not taken and book.filler(self.sender, nonce) == replaces

        call = {"to": self.sender, "data": b""}
        self._journal.filled(record, self._signed(nonce, call, PLAIN_GAS, fees, replaces), is_free)

    # ------------------------------------------------------------------ inside

    def _payment(self, record: Record) -> dict[str, Any]:
        data = self._verifier.process_call_data(*record.payment)
        return {"to": self._verifier.address, "data": data}

    def _signed(
        self,
        nonce: int,
        call: dict[str, Any],
        gas: int,
        fees: Fees,
        replaces: SignedTransaction | None = None,
    ) -> dict[str, Any]:
        raw, tx_hash = self._signer.sign_transaction(
            {
                **call,
                "value": 0,
                "chainId": self._verifier.chain_id,
                "nonce": nonce,
                "gas": gas,
                "maxFeePerGas": fees.max_fee,
                "maxPriorityFeePerGas": fees.priority_fee,
                "type": 2,
            }
        )
        return {
            "tx_hash": tx_hash,
            "raw": "0x" + raw.hex(),
            "sender": self.sender,
            "nonce": nonce,
            "gas": gas,
            "replaces": replaces.hash if replaces else None,
            **fees.to_dict(),
        }
