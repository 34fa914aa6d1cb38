"""What became of every granted reward, by the contract's events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hokusai_mlflow.chain.events import ChainEvent


@dataclass
class Account:
    """One improvement's reward; amounts are wei.

    Attributes
    ----------
    evidence, model_id : str
        ``0x`` and hexadecimal.
    reward : int
        Granted in all: paid, or waiting, or returned to the budget.
    paid : int
        To contributors and owner, claims included.
    opened, claimed, claims : int
        What contributors may claim, what of it they did, and how often.
    held, vests_from : int
        What was held back, and the second (Unix time) from which on it may be decided.
    maintenance : ChainEvent or None
        The decision about it.
    """

    evidence: str
    model_id: str
    reward: int = 0
    paid: int = 0
    opened: int = 0
    claimed: int = 0
    claims: int = 0
    held: int = 0
    vests_from: int = 0
    maintenance: ChainEvent | None = None
    decisions: int = 0

    @property
    def unclaimed(self) -> int:
        """Wei that wait for those who may claim them."""
        return self.opened - self.claimed

    @property
    def waiting(self) -> int:
        """Wei held back of which nothing is decided."""
        return 0 if self.maintenance else self.held

    @property
    def vested(self) -> int:
        """Wei held back that were granted after all."""
        return self._decided if self._is_maintained else 0

    @property
    def returned(self) -> int:
        """Wei held back that went back to the budget."""
        return 0 if self._is_maintained else self._decided

    @property
    def _decided(self) -> int:
        return int(self.maintenance.arguments["amount"]) if self.maintenance else 0

    @property
    def _is_maintained(self) -> bool:
        return bool(self.maintenance and self.maintenance.arguments["maintained"])

    def add(self, event: ChainEvent) -> None:
        """Take one more event about this evidence into account, in the chain's order."""
        said = event.arguments
        if event.name == "ImprovementRecorded":
            self.reward += said["reward"]
        elif event.name == "RewardDistributed":
            self.paid += said["amount"]
        elif event.name == "ClaimsOpened":
            self.opened += said["amount"]
        elif event.name == "ShareClaimed":
            self.claimed += said["amount"]
            self.claims += 1
        elif event.name == "RewardHeld":
            self.held += said["amount"]
            self.vests_from = said["from"]
        elif event.name == "MaintenanceRecorded":
            self.maintenance = event
            self.decisions += 1

    def differences(self) -> Iterator[str]:
        """What cannot be, were the contract what it says and all of its events known."""
        what = f"evidence {self.evidence[2:]}"
        if not self.reward:
            yield f"{what}: the chain has events about it, but never recorded it"
        if self.claimed > self.opened:
            yield f"{what}: {self.claimed} wei were claimed, of {self.opened}"
        if self.decisions > 1:
            yield f"{what}: what was held back was decided {self.decisions} times"
        if self._decided > self.held:
            done = "vested" if self._is_maintained else "were returned"
            yield f"{what}: {self._decided} wei {done}, of {self.held} held back"
        accounted = self.paid + self.unclaimed + self.waiting + self.returned
        if self.reward and accounted != self.reward:
            yield (
                f"{what}: {self.paid} wei paid, {self.unclaimed} to be claimed, {self.waiting} "
                f"held back and {self.returned} returned make {accounted}; {self.reward} were "
                "granted"
            )


def accounts(events: Iterable[ChainEvent]) -> dict[str, Account]:
    """The account of every evidence digest that events are about.

    Parameters
    ----------
    events : iterable of ChainEvent
        All of the contract's, in order.

    Returns
    -------
    dict of str to Account
        By evidence.
    """
    found: dict[str, Account] = {}
    for event in events:
        evidence = event.arguments.get("evidence")
        if evidence is None:
            continue
        if evidence not in found:
            found[evidence] = Account(evidence, event.arguments["modelId"])
        found[evidence].add(event)
    return found
