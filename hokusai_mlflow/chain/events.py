"""What the contract says happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from web3 import Web3
from web3.contract import Contract
from web3.exceptions import LogTopicError, MismatchedABI, Web3RPCError
from web3.types import LogReceipt

from hokusai_mlflow.chain.refusals import plain
from hokusai_mlflow.deltaone import WAD, PairedSums


@dataclass(frozen=True, slots=True)
class ChainEvent:
    """One event of the contract, JSON-safe."""

    name: str
    arguments: dict[str, Any]
    block: int
    transaction: str
    log_index: int
    block_hash: str

    def to_dict(self) -> dict[str, Any]:
        """JSON form; whole numbers in `arguments` stay numbers of any size."""
        return asdict(self)

    def __repr__(self) -> str:
        return f"ChainEvent({self.name} in block {self.block})"


@dataclass(frozen=True, slots=True)
class RecordedImprovement:
    """A paid improvement, rebuilt from the chain alone; amounts are wei.

    `model_id`, `evidence`, `champion` and `candidate` are ``0x`` and hexadecimal; `contributors`
    maps addresses to what they were paid, `owner` is what the model's owner was paid. `held` waits
    for a later measurement, `to_claim` for those who have a share below `claims_root`. All of these
    sum to `reward`.
    """

    model_id: str
    evidence: str
    champion: str
    candidate: str
    measured_bps: int
    paid_bps: int
    look: int
    gate: PairedSums
    payment: PairedSums
    reward: int
    contributors: dict[str, int]
    owner: int
    owner_address: str
    transaction: str
    block: int
    block_hash: str
    held: int = 0
    to_claim: int = 0
    claims_root: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON form; wei are decimal strings."""
        return {
            **{name: getattr(self, name) for name in self.__slots__},
            "gate": self.gate.to_dict(),
            "payment": self.payment.to_dict(),
            "reward": str(self.reward),
            "contributors": {account: str(wei) for account, wei in self.contributors.items()},
            "owner": str(self.owner),
            "held": str(self.held),
            "to_claim": str(self.to_claim),
        }

    def __repr__(self) -> str:
        return (
            f"RecordedImprovement({self.reward / WAD:g} DeltaOnes for {self.paid_bps} bps, "
            f"evidence {self.evidence[:10]}…, block {self.block})"
        )


def read_logs(web3: Web3, address: str, first: int, last: int) -> list[LogReceipt]:
    """All logs of a contract within a range of blocks, in order.

    Nodes refuse ranges that are too long for them, each with a limit of its own: a refused range is
    asked for in halves.

    Parameters
    ----------
    web3 : Web3
    address : str
    first, last : int
        Blocks, both included.

    Raises
    ------
    Web3RPCError
        The node refuses even a single block.
    """
    if first > last:
        return []
    asked = {"address": address, "fromBlock": first, "toBlock": last}
    try:
        return list(web3.eth.get_logs(asked))  # type: ignore[arg-type]
    except Web3RPCError:
        if first == last:
            raise
    middle = (first + last) // 2
    return [
        *read_logs(web3, address, first, middle),
        *read_logs(web3, address, middle + 1, last),
    ]


def decode_logs(contract: Contract, logs: Iterable[LogReceipt]) -> tuple[ChainEvent, ...]:
    """The contract's own events among logs, in order.

    Parameters
    ----------
    contract : web3.contract.Contract
    logs : iterable of LogReceipt

    Returns
    -------
    tuple of ChainEvent
    """
    descriptions = [entry for entry in contract.abi if entry["type"] == "event"]
    found = []
    for log in logs:
        if log["address"] != contract.address:
            continue
        for description in descriptions:
            try:
                event = contract.events[description["name"]]().process_log(log)
            except (MismatchedABI, LogTopicError):
                continue
            fields = {field["name"]: field for field in description["inputs"]}
            found.append(
                ChainEvent(
                    name=description["name"],
                    arguments={
                        name: plain(value, fields[name])  # type: ignore[arg-type]
                        for name, value in event["args"].items()
                    },
                    block=log["blockNumber"],
                    transaction="0x" + bytes(log["transactionHash"]).hex(),
                    log_index=log["logIndex"],
                    block_hash="0x" + bytes(log["blockHash"]).hex(),
                )
            )
            break
    return tuple(found)


def recorded_improvement(events: Sequence[ChainEvent], *, block_hash: str) -> RecordedImprovement:
    """Put together the events of one improvement.

    Parameters
    ----------
    events : sequence of ChainEvent
        One ``ImprovementRecorded`` with its ``RewardDistributed``, ``RewardHeld`` and
        ``ClaimsOpened``; of others none that has the same evidence.
    block_hash : str

    Returns
    -------
    RecordedImprovement
    """
    (recorded,) = (event for event in events if event.name == "ImprovementRecorded")
    said = recorded.arguments
    improvement = said["improvement"]
    payments = [
        event.arguments
        for event in events
        if event.name == "RewardDistributed" and event.arguments["evidence"] == said["evidence"]
    ]
    (to_owner,) = (payment for payment in payments if payment["toOwner"])
    later = {event.name: event.arguments for event in events}
    held, opened = later.get("RewardHeld"), later.get("ClaimsOpened")
    return RecordedImprovement(
        model_id=said["modelId"],
        evidence=said["evidence"],
        champion=improvement["champion"],
        candidate=said["candidate"],
        measured_bps=said["measuredBps"],
        paid_bps=improvement["paidBps"],
        look=improvement["look"],
        gate=PairedSums.from_dict(improvement["gate"]),
        payment=PairedSums.from_dict(improvement["payment"]),
        reward=said["reward"],
        contributors={
            payment["account"]: payment["amount"] for payment in payments if not payment["toOwner"]
        },
        owner=said["ownerReward"],
        owner_address=to_owner["account"],
        transaction=recorded.transaction,
        block=recorded.block,
        block_hash=block_hash,
        held=held["amount"] if held else 0,
        to_claim=opened["amount"] if opened else 0,
        claims_root=opened["root"] if opened else None,
    )
