"""A later measurement of a paid improvement: what oracles sign about the part held back."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

from hokusai_mlflow.chain.events import ChainEvent
from hokusai_mlflow.chain.improvement import EIP712_TYPES, digest_hex
from hokusai_mlflow.deltaone import PairedSums
from hokusai_mlflow.errors import InputError

ADMITTED = "maintenance.admitted"
SIGNED = "maintenance.signed"
RECORDED = "maintenance.recorded"
"""Kinds of the ledger's entries: which measurement counts, its signatures, what came of it."""


def place_of(chain_id: int, contract: str, evidence: str) -> str:
    """Key of the entries about what was held back of an improvement; SIGNED adds its deadline."""
    return f"{chain_id}/{contract}/{evidence.removeprefix('0x')}"


def decision_of(event: ChainEvent) -> dict[str, Any]:
    """What a ``MaintenanceRecorded`` says, as the ledger keeps it; wei are decimal strings."""
    said = event.arguments
    return {
        "evidence": said["evidence"],
        "report": said["maintenance"]["report"],
        "maintained": said["maintained"],
        "measured_bps": said["measuredBps"],
        "amount": str(said["amount"]),
        "transaction": event.transaction,
        "block": event.block,
        "block_hash": event.block_hash,
    }


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Whether an improvement lasts: paid when its model's minimum is still met.

    Parameters
    ----------
    evidence : str
        The improvement's evidence digest.
    report : str
        Digest of the document about this measurement; used once.
    sums : PairedSums
        Of the same two models, on examples that came later.
    deadline : int
        Unix time in seconds after which the contract refuses.
    """

    evidence: str
    report: str
    sums: PairedSums
    deadline: int

    TYPES: ClassVar[dict[str, list[dict[str, str]]]] = {
        "PairedSums": EIP712_TYPES["PairedSums"],
        "Maintenance": [
            {"name": "evidence", "type": "bytes32"},
            {"name": "report", "type": "bytes32"},
            {"name": "sums", "type": "PairedSums"},
            {"name": "deadline", "type": "uint64"},
        ],
    }

    def __post_init__(self) -> None:
        for name in ("evidence", "report"):
            object.__setattr__(self, name, digest_hex(name, getattr(self, name)))
        if self.evidence == self.report:
            raise InputError("the report is about a later measurement; the evidence is not one")
        if not 0 < self.deadline < 2**64:
            raise InputError(f"deadline must be from 1 to 2**64 − 1, found {self.deadline}")

    def message(self) -> dict[str, Any]:
        """The EIP-712 message: the contract's field names, digests as bytes."""
        return {
            "evidence": bytes.fromhex(self.evidence[2:]),
            "report": bytes.fromhex(self.report[2:]),
            "sums": {field.name: getattr(self.sums, field.name) for field in fields(PairedSums)},
            "deadline": self.deadline,
        }

    def __repr__(self) -> str:
        return f"Maintenance(of {self.evidence[:10]}…, n={self.sums.n})"
