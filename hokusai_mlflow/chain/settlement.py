"""Where a settlement stands, folded from the ledger's entries about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from hokusai_mlflow.chain.fees import Fees
from hokusai_mlflow.chain.improvement import Improvement
from hokusai_mlflow.chain.proven import Proven
from hokusai_mlflow.deltaone import WAD
from hokusai_mlflow.ledger import Entry

State = Literal["intent", "waiting", "signed", "broadcast", "confirmed", "failed"]

INTENT = "settlement.intent"
RENEWED = "settlement.renewed"
WAITING = "settlement.waiting"
SIGNED = "settlement.signed"
BROADCAST = "settlement.broadcast"
MINED = "settlement.mined"
REORGED = "settlement.reorged"
DROPPED = "settlement.dropped"
CONFIRMED = "settlement.confirmed"
FAILED = "settlement.failed"
FILLED = "settlement.filled"
KINDS = (
    INTENT,
    RENEWED,
    WAITING,
    SIGNED,
    BROADCAST,
    MINED,
    REORGED,
    DROPPED,
    CONFIRMED,
    FAILED,
    FILLED,
)
"""Kinds of entries about settlements; after the intent each has the key ``<evidence>/<step>``."""

FINAL: frozenset[State] = frozenset({"confirmed", "failed"})


@dataclass(frozen=True, repr=False)
class Settlement:
    """What came of a payment.

    Attributes
    ----------
    state : {"intent", "waiting", "signed", "broadcast", "confirmed", "failed"}
        ``waiting``: the contract would refuse now but may accept later (budget, pause, head).
        ``confirmed``: paid, final. ``failed``: refused for good; see `error`.
    evidence : str
        Evidence digest, 64 hexadecimal digits.
    model : str
        Registered model name.
    attempt : str or None
        Attempt that enqueued it.
    tx_hash : str or None
        Transaction that paid, or the latest that tries to, ``0x`` and 64 digits.
    block : int or None
        Block that the transaction is in.
    reward : int
        Wei paid in all; 0 until confirmed.
    paid : mapping of str to int
        Wei paid to every address, the owner's included; empty until confirmed.
    owner : str or None
        The owner's address among them.
    error : str or None
        Why it failed or waits.
    """

    state: State
    evidence: str
    model: str
    attempt: str | None
    tx_hash: str | None = None
    block: int | None = None
    reward: int = 0
    paid: Mapping[str, int] = field(default_factory=dict)
    owner: str | None = None
    error: str | None = None

    @property
    def is_final(self) -> bool:
        """Whether nothing more will come of it by itself."""
        return self.state in FINAL

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; wei are decimal strings."""
        return {
            "state": self.state,
            "evidence": self.evidence,
            "model": self.model,
            "attempt": self.attempt,
            "tx_hash": self.tx_hash,
            "block": self.block,
            "reward": str(self.reward),
            "paid": {account: str(wei) for account, wei in self.paid.items()},
            "owner": self.owner,
            "error": self.error,
        }

    def __repr__(self) -> str:
        told = f"{self.model} {self.evidence[:12]}… {self.state}"
        if self.paid:
            told += f", {self.reward / WAD:g} DeltaOnes to {len(self.paid)} addresses"
        return f"Settlement({told}{f'; {self.error}' if self.error else ''})"


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """A transaction as it was persisted before it was sent."""

    hash: str
    raw: bytes
    sender: str
    nonce: int
    gas: int
    fees: Fees
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """A transaction's place on the chain."""

    transaction: str
    block: int
    block_hash: str


@dataclass(frozen=True)
class Record:
    """Everything that the ledger says about one settlement; immutable, made by `fold`."""

    evidence: str
    model: str
    attempt: str | None
    seq: int
    improvement: Improvement
    signatures: tuple[bytes, ...]
    intent: Entry
    state: State = "intent"
    steps: int = 1
    signed: tuple[SignedTransaction, ...] = ()
    live: tuple[SignedTransaction, ...] = ()
    """Transactions of one nonce, of which one may yet be mined; the newest last."""
    fillers: tuple[SignedTransaction, ...] = ()
    """Transactions that do nothing but use a nonce that was missing before this one's."""
    place: Place | None = None
    reverts: int = 0
    reason: str | None = None
    error: str | None = None
    recorded: Mapping[str, Any] | None = None
    proven: Proven | None = None
    """Proofs of the improvement's sums, where its model asks for them."""

    @property
    def is_open(self) -> bool:
        """Whether there is something to do."""
        return self.state not in FINAL

    @property
    def payment(self) -> tuple[Improvement, tuple[bytes, ...], Proven | None]:
        """What the contract is called with."""
        return self.improvement, self.signatures, self.proven

    def settlement(self, error: str | None = None) -> Settlement:
        """The public face of it."""
        paid: dict[str, int] = {}
        recorded = self.recorded or {}
        for account, wei in recorded.get("contributors", {}).items():
            paid[account] = paid.get(account, 0) + int(wei)
        owner = recorded.get("owner_address")
        if owner is not None:
            paid[owner] = paid.get(owner, 0) + int(recorded["owner"])
        last = self.live[-1].hash if self.live else None
        return Settlement(
            state=self.state,
            evidence=self.evidence,
            model=self.model,
            attempt=self.attempt,
            tx_hash=self.place.transaction if self.place else last,
            block=self.place.block if self.place else None,
            reward=int(recorded.get("reward", 0)),
            paid=paid,
            owner=owner,
            error=self.error or (error if self.is_open else None),
        )


def begin(entry: Entry) -> Record:
    """The record that an intent opens."""
    return Record(
        evidence=entry.key,
        model=entry.model,
        attempt=entry.attempt,
        seq=entry.seq,
        improvement=Improvement.from_dict(entry.body["improvement"]),
        signatures=_signatures(entry.body),
        intent=entry,
        proven=_proven(entry.body),
    )


def fold(record: Record, entry: Entry) -> Record:
    """The record after one more entry."""
    changes = {"steps": record.steps + 1, "reason": None, "error": None}
    return replace(record, **changes | _changes(record, entry))


def _changes(record: Record, entry: Entry) -> dict[str, Any]:
    body = entry.body
    changes: dict[str, Any] = {}
    if entry.kind == RENEWED:
        improvement = Improvement.from_dict(body["improvement"])
        changes = {"state": "intent", "improvement": improvement, "place": None, "reverts": 0}
        changes |= {"signatures": _signatures(body), "proven": _proven(body)}
    elif entry.kind == WAITING:
        changes = {"state": "waiting", "reason": body["reason"], "error": body["error"]}
    elif entry.kind == SIGNED:
        transaction = _transaction(entry)
        changes = {"state": "signed", "signed": (*record.signed, transaction)}
        changes["live"] = (*record.live, transaction)
    elif entry.kind == BROADCAST:
        changes = {"state": "broadcast"}
    elif entry.kind == MINED:
        changes = {"state": "broadcast", "place": _place(body)}
    elif entry.kind == REORGED:
        live = _tried(record, body["tx_hash"])
        changes = {"state": "broadcast" if live else "intent", "live": live}
        changes |= {"place": None, "recorded": None}
    elif entry.kind == DROPPED:
        reverts = record.reverts + bool(body["reverted"])
        changes = {"state": "intent", "live": (), "place": None, "reverts": reverts}
    elif entry.kind == FILLED:
        # About the nonce before; the settlement itself stands where it stood.
        changes = {"fillers": (*record.fillers, _transaction(entry))}
        changes |= {"reason": record.reason, "error": record.error}
    elif entry.kind == CONFIRMED:
        changes = {"state": "confirmed", "live": (), "place": _place(body)}
        changes["recorded"] = body["recorded"]
    elif entry.kind == FAILED:
        changes = {"state": "failed", "live": (), "reason": body["reason"], "error": body["error"]}
        changes["place"] = _place(body) if body["tx_hash"] else None
    return changes


def _signatures(body: Mapping[str, Any]) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(signature[2:]) for signature in body["signatures"])


def _proven(body: Mapping[str, Any]) -> Proven | None:
    return Proven.from_dict(body["proven"]) if "proven" in body else None


def _transaction(entry: Entry) -> SignedTransaction:
    body = entry.body
    return SignedTransaction(
        hash=body["tx_hash"],
        raw=bytes.fromhex(body["raw"][2:]),
        sender=body["sender"],
        nonce=body["nonce"],
        gas=body["gas"],
        fees=Fees(max_fee=int(body["max_fee"]), priority_fee=int(body["priority_fee"])),
        signed_at=entry.created_at,
    )


def _place(body: Mapping[str, Any]) -> Place:
    return Place(body["tx_hash"], body["block"], body["block_hash"])


def _tried(record: Record, tx_hash: str) -> tuple[SignedTransaction, ...]:
    """Transactions of the nonce that `tx_hash` used; none when it was another settler's."""
    own = [t for t in record.signed if t.hash == tx_hash]
    if not own:
        return ()
    slot = (own[0].sender, own[0].nonce)
    return tuple(t for t in record.signed if (t.sender, t.nonce) == slot)
