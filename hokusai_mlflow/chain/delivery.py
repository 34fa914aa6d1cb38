"""What the outbox asks of the chain: is a transaction there, how deep, and can it still come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from web3.exceptions import BlockNotFound, TransactionNotFound, Web3RPCError

from hokusai_mlflow.chain.finality import Finality, require_finality, settled_height
from hokusai_mlflow.chain.refusals import refusals
from hokusai_mlflow.chain.settlement import Place, Record, SignedTransaction
from hokusai_mlflow.chain.verifier import Verifier
from hokusai_mlflow.errors import ContractRefused

_HAS_IT = ("already known", "already imported", "known transaction", "alreadyexists")
_NONCE_GONE = ("nonce too low", "oldnonce", "nonce is too low")
_OCCUPIED = ("replacement transaction underpriced", "replacement underpriced")
_TOO_CHEAP = ("underpriced", "less than block base fee", "feetoolow", "below base fee")


@dataclass(frozen=True, slots=True)
class NotSent:
    """Why a transaction is not known to be with the node.

    `kind`: ``lost`` (the answer is), ``nonce`` (gone), ``occupied`` (another transaction with this
    nonce is queued and offers as much), ``underpriced``, ``refused``.
    """

    kind: Literal["lost", "nonce", "occupied", "underpriced", "refused"]
    told: str


class Delivery:
    """Questions to the chain about transactions, without any decision of what to do.

    Parameters
    ----------
    verifier : Verifier
    finality : int or {"safe", "finalized"}
        When a block counts as settled.
    """

    def __init__(self, verifier: Verifier, finality: Finality) -> None:
        require_finality(finality)
        self._verifier = verifier
        self._eth = verifier.web3.eth
        self._finality = finality

    def estimate_gas(self, sender: str, data: bytes) -> int:
        """Gas that the payment takes now.

        Raises
        ------
        ContractRefused
            When the contract would revert.
        """
        with refusals():
            return int(self._eth.estimate_gas(self._call(sender, data)))

    def is_lasting(self, sender: str, data: bytes, refused: ContractRefused) -> bool:
        """Whether the contract refuses likewise in the newest state that cannot be undone."""
        height = self._settled_height()
        if height < 0:
            return False
        try:
            with refusals():
                self._eth.call(self._call(sender, data), height)
        except ContractRefused as before:
            return before.reason == refused.reason
        return False

    def next_nonce(self, sender: str, *, after: set[int]) -> int:
        """First nonce that neither the chain, its queue, nor a transaction of ours has."""
        queued = self._eth.get_transaction_count(sender, "pending")  # type: ignore[arg-type]
        return max([self.due_nonce(sender), queued, *(nonce + 1 for nonce in after)])

    def due_nonce(self, sender: str) -> int:
        """The nonce that the account's next mined transaction must have."""
        return int(self._eth.get_transaction_count(sender, "latest"))  # type: ignore[arg-type]

    def receipt(self, transactions: Sequence[SignedTransaction]) -> Mapping[str, Any] | None:
        """Receipt of whichever of these was mined."""
        for transaction in reversed(transactions):
            try:
                return self._eth.get_transaction_receipt(transaction.hash)  # type: ignore[arg-type]
            except TransactionNotFound:
                continue
        return None

    def place(self, receipt: Mapping[str, Any]) -> Place | None:
        """Where a receipt's transaction is; None when its block is not the chain's (any more)."""
        found = Place(
            _hex(receipt["transactionHash"]), receipt["blockNumber"], _hex(receipt["blockHash"])
        )
        return found if self.is_standing(found) else None

    def is_standing(self, place: Place) -> bool | None:
        """Whether the chain has this very block at its height; None when it is not that high."""
        try:
            block = self._eth.get_block(place.block)
        except BlockNotFound:
            return None
        return _hex(block["hash"]) == place.block_hash

    def is_deep(self, place: Place) -> bool:
        """Whether a standing block has enough blocks on top of it."""
        return place.block <= self._settled_height()

    def is_nonce_used(self, transaction: SignedTransaction) -> bool:
        """Whether some transaction with this nonce is in the newest block or below."""
        return self.due_nonce(transaction.sender) > transaction.nonce

    def is_nonce_lost(self, transactions: Sequence[SignedTransaction]) -> bool:
        """Whether none of these, all of one nonce, can ever be mined.

        The nonce was used deeply enough, and by none of them: asked in this order, for a receipt
        that appears in between is then seen.
        """
        first = transactions[0]
        height = self._settled_height()
        if height < 0:
            return False
        used = self._eth.get_transaction_count(first.sender, height)  # type: ignore[arg-type]
        return used > first.nonce and self.receipt(transactions) is None

    def is_known(self, tx_hash: str) -> bool:
        """Whether the node has a transaction, queued or mined."""
        try:
            self._eth.get_transaction(tx_hash)  # type: ignore[arg-type]
        except TransactionNotFound:
            return False
        return True

    def send(self, transaction: SignedTransaction) -> NotSent | None:
        """Send a transaction unless the node has it; None when it has it now."""
        try:
            if self.is_known(transaction.hash):
                return None
            self._eth.send_raw_transaction(transaction.raw)
        except Web3RPCError as problem:
            return self._why_not(transaction, problem)
        except OSError as problem:
            if not is_lost(problem):
                raise
            return NotSent("lost", str(problem))
        return None

    def replay(self, record: Record, receipt: Mapping[str, Any]) -> ContractRefused:
        """Why a mined transaction reverted: the same call, in the state before its block."""
        data = self._verifier.process_call_data(*record.payment)
        call = self._call(record.live[-1].sender, data)
        try:
            with refusals():
                self._eth.call(call, receipt["blockNumber"])
                self._eth.call(call, receipt["blockNumber"] - 1)
        except ContractRefused as refused:
            return refused
        except Web3RPCError as problem:
            return ContractRefused(f"reverted; the node cannot say why: {refusal_of(problem)}")
        return ContractRefused("reverted on chain, though the same call succeeds around it")

    @staticmethod
    def is_decoded(refused: ContractRefused) -> bool:
        """Whether a refusal is one of the contract's own errors, and so a lasting answer."""
        return refused.reason.isidentifier()

    def _why_not(self, transaction: SignedTransaction, problem: Web3RPCError) -> NotSent | None:
        told = refusal_of(problem)
        low = told.lower()
        if any(sign in low for sign in _HAS_IT):
            return None
        if any(sign in low for sign in _NONCE_GONE):
            # Also what a node says about a transaction that it mined a moment ago.
            known = self.is_known(transaction.hash)
            return None if known else NotSent("nonce", told)
        if any(sign in low for sign in _OCCUPIED):
            return NotSent("occupied", f"another transaction has nonce {transaction.nonce}: {told}")
        if any(sign in low for sign in _TOO_CHEAP):
            return NotSent("underpriced", told)
        return NotSent("refused", f"the node refuses transaction {transaction.hash}: {told}")

    def _settled_height(self) -> int:
        return settled_height(self._verifier.web3, self._finality)

    def _call(self, sender: str, data: bytes) -> Any:
        return {"from": sender, "to": self._verifier.address, "data": data}


def is_lost(problem: OSError) -> bool:
    """Whether an error means that no answer came, rather than something of this machine."""
    module = type(problem).__module__
    is_connection = isinstance(problem, ConnectionError | TimeoutError)
    return is_connection or module.startswith(("requests", "urllib3"))


def refusal_of(problem: Web3RPCError) -> str:
    """What a node said, without the request around it."""
    response = problem.rpc_response
    if isinstance(response, Mapping):
        error = response.get("error")
        if isinstance(error, Mapping) and error.get("message"):
            return str(error["message"])
    return str(problem.message if problem.message else problem)


def _hex(value: bytes) -> str:
    return "0x" + bytes(value).hex()
