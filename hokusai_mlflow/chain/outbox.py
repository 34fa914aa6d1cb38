"""Exactly-once payment: what must be paid is in the ledger before anything is sent.

A settlement goes intent → signed → broadcast → confirmed or failed, each step an appended entry.
The signed transaction and its hash are in the ledger before it is sent, so that whoever comes
after a crash sends the same one again; another one is signed only when the old hash can never be
mined, or with the same nonce. The contract's map of used evidence is the last guard.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from hokusai_mlflow.chain.book import SettlementBook
from hokusai_mlflow.chain.delivery import Delivery
from hokusai_mlflow.chain.fees import FeePolicy
from hokusai_mlflow.chain.finality import Finality
from hokusai_mlflow.chain.improvement import Improvement, digest_hex
from hokusai_mlflow.chain.journal import Journal
from hokusai_mlflow.chain.offers import Offers
from hokusai_mlflow.chain.proven import Proven
from hokusai_mlflow.chain.settlement import INTENT, RENEWED, Record, Settlement
from hokusai_mlflow.chain.settler import Settler
from hokusai_mlflow.chain.signer import Signer
from hokusai_mlflow.chain.transactions import require_permitted
from hokusai_mlflow.chain.verifier import Verifier
from hokusai_mlflow.errors import InputError, LedgerConflict, WrongChain
from hokusai_mlflow.ledger import Entry, Ledger

_LONGEST_PAUSE, _FINISHING = 2.0, 30.0


class Outbox:
    """Pays every enqueued improvement once, from any number of processes at any time.

    One object belongs to one thread; other threads and processes use their own.

    Parameters
    ----------
    ledger : Ledger
        Shared by all settlers.
    verifier : Verifier
        The contract.
    signer : Signer
        Key that sends the transactions and pays their fees.
    finality : int or {"safe", "finalized"}, default 1
        Blocks that must contain or follow the payment before it counts, or the chain's own tag.
    fees : FeePolicy, optional
        What is offered per gas.
    bump_after : float, default 60
        Seconds after which an unmined transaction is replaced by one that offers more.
    poll : float, default 0.25
        Seconds between two looks at the chain, growing to 2.
    """

    def __init__(
        self,
        ledger: Ledger,
        verifier: Verifier,
        signer: Signer,
        *,
        finality: Finality = 1,
        fees: FeePolicy | None = None,
        bump_after: float = 60.0,
        poll: float = 0.25,
    ) -> None:
        self._ledger = ledger
        self._verifier = verifier
        self._signer = signer
        self._web3 = verifier.web3
        self._poll = poll
        self._book = SettlementBook(verifier.chain_id, verifier.address)
        journal = Journal(ledger, self._book)
        delivery = Delivery(verifier, finality)
        self._settler = Settler(
            verifier,
            journal=journal,
            delivery=delivery,
            offers=Offers(
                verifier, signer, journal=journal, delivery=delivery, fees=fees or FeePolicy()
            ),
            bump_after=bump_after,
        )

    # ------------------------------------------------------------------ what callers use

    def enqueue(
        self,
        improvement: Improvement,
        signatures: Sequence[bytes],
        *,
        model: str,
        attempt: str | None,
        proven: Proven | None = None,
    ) -> Entry:
        """Write down that an improvement must be paid; `settle` then pays it.

        Parameters
        ----------
        improvement : Improvement
            What the oracles signed.
        signatures : sequence of bytes
            Their signatures, ascending by signer.
        model : str
            Registered model name.
        attempt : str or None
            Attempt that it belongs to.
        proven : Proven, optional
            Proofs of its sums, where the model asks for them.

        Returns
        -------
        Entry
            The intent. Enqueueing the same improvement again returns the first one, whatever its
            deadline, signatures and proofs; only after the payment has failed do new ones replace
            them.

        Raises
        ------
        LedgerConflict
            When the evidence was enqueued for another improvement or contract.
        """
        evidence = _key(improvement.evidence)
        body = {
            "chain_id": self._verifier.chain_id,
            "contract": self._verifier.address,
            "improvement": improvement.to_dict(),
            "signatures": ["0x" + bytes(signature).hex() for signature in signatures],
            **({} if proven is None else {"proven": proven.to_dict()}),
        }
        with self._ledger.transaction() as transaction:
            stored = transaction.get(INTENT, evidence)
            if stored is None:
                return transaction.append(INTENT, evidence, body, model=model, attempt=attempt)
            _require_same(stored, body, model)
            self._book.refresh(transaction)
            record = self._book.get(evidence)
            if record is None or record.state != "failed" or _is_current(record, body):
                return stored
            renewed = {"evidence": evidence} | body
            key = f"{evidence}/{record.steps}"
            return transaction.append(RENEWED, key, renewed, model=model, attempt=record.attempt)

    def settle(
        self, timeout: float = 60.0, *, stop: threading.Event | None = None
    ) -> list[Settlement]:
        """Bring every open settlement as far as it goes.

        Parameters
        ----------
        timeout : float, default 60
            Seconds to wait for the chain; steps that need no waiting are still taken afterwards.
            What is unfinished then is finished by the next call, from any process.
        stop : threading.Event, optional
            When set, return after the step that is under way.

        Returns
        -------
        list of Settlement
            All that were open, as they stand now, in the order in which they were enqueued.

        Raises
        ------
        ChainUnreachable
            When the chain does not answer at the beginning.
        WrongChain
            When it has become another chain.
        ChainError
            When the signer may not be used on this chain.
        """
        served = self._web3.eth.chain_id
        if served != self._verifier.chain_id:
            raise WrongChain(
                f"settlements are for chain {self._verifier.chain_id}, but the endpoint now "
                f"serves chain {served}; correct the RPC URL"
            )
        require_permitted(self._web3, self._signer)
        until = time.monotonic() + timeout
        stop = stop or threading.Event()
        self._settler.errors.clear()
        self._book.refresh(self._ledger)
        self._settler.reopen_reorged()
        handled: dict[str, None] = {}
        parked: set[str] = set()
        pause = self._poll
        while not stop.is_set():
            self._book.refresh(self._ledger)
            active = _spread([r for r in self._book.open() if r.evidence not in parked])
            handled.update(dict.fromkeys(record.evidence for record in active))
            outcomes = {self._settler.visit(r, parked) for r in active if not stop.is_set()}
            if "moved" in outcomes and time.monotonic() < until + _FINISHING:
                pause = self._poll
                continue
            if "pending" not in outcomes or time.monotonic() >= until:
                break
            stop.wait(min(pause, max(0.0, until - time.monotonic())))
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        self._book.refresh(self._ledger)
        found = [self._record(evidence) for evidence in handled]
        return [self._told(record) for record in sorted(found, key=lambda record: record.seq)]

    def settlement(self, evidence: str) -> Settlement:
        """How the payment of an evidence digest stands in the ledger.

        Raises
        ------
        InputError
            When it was never enqueued for this contract.
        """
        self._book.refresh(self._ledger)
        return self._told(self._record(_key(evidence)))

    def settlements(self, *, model: str | None = None) -> list[Settlement]:
        """All settlements of this contract, or of one model, in order of their intents."""
        self._book.refresh(self._ledger)
        records = self._book.records()
        return [self._told(r) for r in records if model is None or r.model == model]

    # ------------------------------------------------------------------ inside

    def _record(self, evidence: str) -> Record:
        record = self._book.get(evidence)
        if record is None:
            raise InputError(
                f"no improvement with the evidence {evidence} was enqueued for the contract "
                f"{self._verifier.address} on chain {self._verifier.chain_id}"
            )
        return record

    def _told(self, record: Record) -> Settlement:
        return record.settlement(self._settler.errors.get(record.evidence))

    def __repr__(self) -> str:
        return f"Outbox({self._verifier!r}, signing with {self._signer.address})"


def _spread(records: list[Record]) -> list[Record]:
    """Let every process begin with another one of those that nobody has begun with."""
    begun = [record for record in records if record.live]
    others = records[len(begun) :]
    turn = os.getpid() % len(others) if others else 0
    return begun + others[turn:] + others[:turn]


def _key(evidence: str) -> str:
    return digest_hex("evidence", evidence)[2:]


def _without_deadline(body: Mapping[str, Any]) -> dict[str, Any]:
    improvement = {k: v for k, v in body["improvement"].items() if k != "deadline"}
    return {
        "chain_id": body["chain_id"],
        "contract": body["contract"],
        "improvement": improvement,
    }


def _require_same(stored: Entry, body: Mapping[str, Any], model: str) -> None:
    before, after = _without_deadline(stored.body), _without_deadline(body)
    if stored.model == model and before == after:
        return
    differing = [name for name in after if before[name] != after[name]]
    if before["improvement"] != after["improvement"]:
        first, second = before["improvement"], after["improvement"]
        differing = [name for name in second if first[name] != second[name]]
    if stored.model != model:
        differing.append("model")
    raise LedgerConflict(
        f"evidence {stored.key} was enqueued at entry {stored.seq} with another "
        f"{', '.join(differing)}; one evidence pays one improvement on one contract"
    )


def _is_current(record: Record, body: Mapping[str, Any]) -> bool:
    given = [bytes.fromhex(signature[2:]) for signature in body["signatures"]]
    proven = None if record.proven is None else record.proven.to_dict()
    said = (record.improvement.to_dict(), list(record.signatures), proven)
    return said == (body["improvement"], given, body.get("proven"))
