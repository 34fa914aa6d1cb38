"""The local chain itself: executes, mines and answers Ethereum's RPC methods."""

# Ethereum's RPC names these methods and documents them.
# ruff: noqa: D102, N802

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from eth.abc import ComputationAPI, SignedTransactionAPI, StateAPI
from eth.db.atomic import AtomicDB
from eth.exceptions import Revert
from eth.vm.spoof import SpoofTransaction
from eth_utils import ValidationError
from eth_utils.address import to_canonical_address

from hokusai_mlflow.chain.development import LOCAL_CHAIN_ID
from hokusai_mlflow.chain.local.reader import REFUSED, REVERTED, ChainReader, RpcError
from hokusai_mlflow.chain.local.rendering import (
    Json,
    hexed,
    price_of,
    type_of,
)
from hokusai_mlflow.chain.local.store import ChainFile
from hokusai_mlflow.errors import WrongChain

GAS_LIMIT = 30_000_000
GENESIS_WEI = 10**24
"""Balance of every account that the genesis block endows: a million ether."""

_REPLACEMENT_PERCENT = 110


class LocalChain(ChainReader):
    """A development chain in one file; every public method is an RPC method by its name.

    Parameters
    ----------
    path : path-like
        The SQLite file; a new chain is made when it is missing.
    endow : sequence of str
        Addresses that a new chain's genesis block endows with `GENESIS_WEI`.
    chain_id : int

    Raises
    ------
    WrongChain
        The file holds a chain of another id.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        endow: tuple[str, ...] = (),
        chain_id: int = LOCAL_CHAIN_ID,
    ) -> None:
        self.path = Path(path)
        super().__init__(ChainFile(self.path), chain_id)
        with self._file.reading():
            known = self._file.about("chain_id")
        if known is None:
            known = self._begin(endow)
        if known != str(chain_id):
            raise WrongChain(f"{self.path} holds chain {known}, not {chain_id}; use another file")

    def _begin(self, endow: tuple[str, ...]) -> str:
        with self._file.writing():
            known = self._file.about("chain_id")
            if known is not None:
                return known
            wealth = {"balance": GENESIS_WEI, "nonce": 0, "code": b"", "storage": {}}
            genesis = {
                "coinbase": bytes(20),
                "difficulty": 0,
                "extra_data": b"",
                "gas_limit": GAS_LIMIT,
                "mix_hash": bytes(32),
                "nonce": bytes(8),
                "timestamp": int(time.time()) - 1,
            }
            self._chain_class.from_genesis(
                AtomicDB(self._file),
                genesis,
                {to_canonical_address(address): wealth for address in endow},
            )
            chain_id = str(self._chain_class.chain_id)
            self._file.set_about("chain_id", chain_id)
            return chain_id

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def answer(self, method: str, parameters: list[Any]) -> Any:
        """The result of an RPC method.

        Parameters
        ----------
        method : str
            Such as ``eth_call``.
        parameters : list
            JSON values.

        Raises
        ------
        RpcError
            What a node would answer as an error.
        """
        if not method.startswith(("eth_", "net_", "web3_", "evm_")) or not hasattr(self, method):
            raise RpcError(-32_601, f"the method {method} does not exist/is not available")
        writes = method in {"eth_sendRawTransaction", "evm_mine"}
        with self._file.writing() if writes else self._file.reading():
            return getattr(self, method)(*parameters)

    # ------------------------------------------------------------------ execution

    def eth_call(self, transaction: Json, tag: str = "latest", *_: Any) -> str:
        gas = int(transaction["gas"], 16) if transaction.get("gas") else GAS_LIMIT
        computation = self._simulate(transaction, tag, gas)
        if computation.is_error:
            raise _failure(computation)
        return hexed(computation.output)

    def eth_estimateGas(self, transaction: Json, tag: str = "latest", *_: Any) -> str:
        computation = self._simulate(transaction, tag, GAS_LIMIT)
        if computation.is_error:
            raise _failure(computation)
        used = GAS_LIMIT - computation.get_gas_remaining()
        # Calls keep 1/64 of the gas for the caller, so what was used may not suffice: try it.
        guess = min(used + used // 32 + 2_000, GAS_LIMIT)
        while guess < GAS_LIMIT and self._simulate(transaction, tag, guess).is_error:
            guess = min(guess * 3 // 2, GAS_LIMIT)
        return hex(guess)

    def eth_sendRawTransaction(self, raw: str) -> str:
        given = bytes.fromhex(raw[2:])
        transaction = self._decoded(given)
        _require_well_formed(transaction)
        state = self._state("latest")
        due = state.get_nonce(transaction.sender)
        if transaction.nonce < due:
            raise RpcError(
                REFUSED,
                f"nonce too low: address {hexed(transaction.sender)}, "
                f"tx: {transaction.nonce} state: {due}",
            )
        self._require_funds(transaction, state)
        if transaction.nonce > due:
            self._queue(transaction, given)
            return hexed(transaction.hash)
        self._mine(transaction)
        self._mine_queued(transaction.sender, due + 1)
        return hexed(transaction.hash)

    def evm_mine(self, *_: Any) -> str:
        """Mine an empty block, as development nodes can."""
        self._mine()
        return "0x0"

    # ------------------------------------------------------------------ inside

    def _simulate(self, transaction: Json, tag: str, gas: int) -> ComputationAPI:
        state = self._state(tag)
        sender = to_canonical_address(transaction.get("from") or "0x" + "00" * 20)
        data = transaction.get("data") or transaction.get("input") or "0x"
        unsigned = self._builder.new_unsigned_dynamic_fee_transaction(
            chain_id=self._chain_class.chain_id,
            nonce=state.get_nonce(sender),
            max_priority_fee_per_gas=0,
            max_fee_per_gas=state.base_fee,
            gas=gas,
            to=to_canonical_address(transaction["to"]) if transaction.get("to") else b"",
            value=int(transaction.get("value") or "0x0", 16),
            data=bytes.fromhex(data[2:]),
            access_list=(),
        )
        # Looking ahead costs nothing, so the caller needs no money for fees.
        state.set_balance(sender, state.get_balance(sender) + gas * state.base_fee)
        try:
            return state.apply_transaction(SpoofTransaction(unsigned, from_=sender))
        except ValidationError as error:
            raise RpcError(REFUSED, str(error)) from None

    def _decoded(self, raw: bytes) -> SignedTransactionAPI:
        try:
            transaction = self._builder.decode(raw)
            transaction.validate()
            _ = transaction.sender
        except Exception as error:
            raise RpcError(REFUSED, f"invalid transaction: {error}") from None
        own = self._chain_class.chain_id
        if getattr(transaction, "chain_id", own) not in {own, None}:
            raise RpcError(
                REFUSED,
                f"invalid chain id for signer: have {transaction.chain_id} want {own}",
            )
        return transaction

    def _require_funds(self, transaction: SignedTransactionAPI, state: StateAPI) -> None:
        most = _most(transaction)[0]
        needed = transaction.gas * most + transaction.value
        balance = state.get_balance(transaction.sender)
        if balance < needed:
            raise RpcError(
                REFUSED,
                "insufficient funds for gas * price + value: "
                f"address {hexed(transaction.sender)} have {balance} want {needed}",
            )
        base_fee = self._next_base_fee()
        if price_of(transaction, base_fee) < base_fee:
            raise RpcError(
                REFUSED,
                "max fee per gas less than block base fee: "
                f"address {hexed(transaction.sender)}, maxFeePerGas: {most}, baseFee: {base_fee}",
            )

    def _queue(self, transaction: SignedTransactionAPI, raw: bytes) -> None:
        standing = self._file.queued(transaction.sender, transaction.nonce)
        if standing == raw:
            raise RpcError(REFUSED, "already known")
        if standing is not None:
            pairs = zip(_most(transaction), _most(self._builder.decode(standing)), strict=True)
            if any(new * 100 < old * _REPLACEMENT_PERCENT for new, old in pairs):
                raise RpcError(REFUSED, "replacement transaction underpriced")
        self._file.queue(transaction.sender, transaction.nonce, transaction.hash, raw)

    def _mine_queued(self, sender: bytes, nonce: int) -> None:
        while (raw := self._file.queued(sender, nonce)) is not None:
            try:
                self._mine(self._builder.decode(raw))
            except RpcError:
                # Acceptable when it was queued, impossible now: a node drops it too.
                self._file.unqueue(sender, nonce)
                return
            nonce += 1

    def _mine(self, *transactions: SignedTransactionAPI) -> None:
        chain = self._chain()
        after = chain.get_canonical_head().timestamp + 1
        try:
            chain.mine_all(
                list(transactions),
                timestamp=max(int(time.time()), after),
                mix_hash=os.urandom(32),
            )
        except ValidationError as error:
            raise RpcError(REFUSED, str(error)) from None
        for transaction in transactions:
            self._file.unqueue(transaction.sender, transaction.nonce)


def _require_well_formed(transaction: SignedTransactionAPI) -> None:
    """What a node refuses of a transaction without looking at the chain."""
    most, tip = _most(transaction)
    needed = transaction.get_intrinsic_gas()
    if transaction.gas > GAS_LIMIT:
        raise RpcError(REFUSED, "exceeds block gas limit")
    if tip > most:
        raise RpcError(
            REFUSED,
            "max priority fee per gas higher than max fee per gas: "
            f"address {hexed(transaction.sender)}, maxPriorityFeePerGas: {tip}, "
            f"maxFeePerGas: {most}",
        )
    if transaction.gas < needed:
        raise RpcError(
            REFUSED, f"intrinsic gas too low: gas {transaction.gas}, minimum needed {needed}"
        )


def _most(transaction: SignedTransactionAPI) -> tuple[int, int]:
    if type_of(transaction) < 2:
        return transaction.gas_price, transaction.gas_price
    return transaction.max_fee_per_gas, transaction.max_priority_fee_per_gas


def _failure(computation: ComputationAPI) -> RpcError:
    error = computation.error
    if isinstance(error, Revert):
        return RpcError(REVERTED, "execution reverted", hexed(computation.output))
    return RpcError(REFUSED, f"{type(error).__name__}: {error}")
