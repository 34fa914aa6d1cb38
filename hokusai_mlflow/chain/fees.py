"""What a settlement may cost: EIP-1559 fees with a cap, and bumps that nodes accept."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from web3 import Web3

from hokusai_mlflow.errors import ChainError, InputError

GWEI = 10**9


@dataclass(frozen=True, slots=True)
class Fees:
    """Fees per gas of one transaction, in wei."""

    max_fee: int
    priority_fee: int

    def to_dict(self) -> dict[str, str]:
        """JSON form; wei are decimal strings."""
        return {name: str(wei) for name, wei in asdict(self).items()}

    def __repr__(self) -> str:
        return f"Fees({self.max_fee / GWEI:g} gwei, tip {self.priority_fee / GWEI:g})"


@dataclass(frozen=True, slots=True)
class FeePolicy:
    """How much is offered for a place in a block.

    Parameters
    ----------
    cap_wei : int
        Most that is ever offered per gas. Above it settlements wait until fees fall.
    headroom : int
        The base fee may grow by this factor before an offer is too low.
    bump_percent : int
        How much more a replacement offers; nodes refuse less than 10 %.
    """

    cap_wei: int = 300 * GWEI
    headroom: int = 2
    bump_percent: int = 15

    def __post_init__(self) -> None:
        if self.cap_wei < 1 or self.headroom < 1 or self.bump_percent < 10:
            raise InputError(
                f"a fee policy needs a positive cap and headroom and bumps of at least 10 %, "
                f"found {self!r}"
            )

    def quote(self, web3: Web3) -> Fees | None:
        """Fees for the next blocks; None when even the next one costs more than the cap.

        Raises
        ------
        ChainError
            When the chain has no base fee (it predates EIP-1559).
        """
        base = web3.eth.get_block("latest").get("baseFeePerGas")
        if base is None:
            raise ChainError(
                f"chain {web3.eth.chain_id} has no base fee; settling needs an EIP-1559 chain"
            )
        tip = int(web3.eth.max_priority_fee)
        if base + tip > self.cap_wei:
            return None
        return Fees(max_fee=min(self.headroom * base + tip, self.cap_wei), priority_fee=tip)

    def bumped(self, before: Fees, quote: Fees) -> Fees | None:
        """Fees that replace `before`, at least those of `quote`; None when beyond the cap."""
        raised = Fees(
            max_fee=max(quote.max_fee, self._more(before.max_fee)),
            priority_fee=max(quote.priority_fee, self._more(before.priority_fee)),
        )
        return raised if raised.max_fee <= self.cap_wei else None

    def _more(self, wei: int) -> int:
        return wei * (100 + self.bump_percent) // 100 + 1
