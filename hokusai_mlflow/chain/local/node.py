"""The local chain itself: executes, mines and answers Ethereum's RPC methods."""

# Ethereum's RPC names these methods and documents them.
# ruff: noqa: D102, N802

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eth.abc import BlockHeaderAPI, ComputationAPI, SignedTransactionAPI, StateAPI
from eth.chains.base import MiningChain
from eth.db.atomic import AtomicDB
from eth.exceptions import HeaderNotFound, Revert, TransactionNotFound
from eth.vm.forks.prague import PragueVM
from eth.vm.spoof import SpoofTransaction
from eth_utils import ValidationError
from eth_utils.address import to_canonical_address

from hokusai_mlflow.chain.local.rendering import (
    Json,
    block_json,
    hexed,
    log_matches,
    logs_json,
    price_of,
    receipt_json,
    transaction_json,
    type_of,
)
from hokusai_mlflow.chain.local.store import ChainFile
from hokusai_mlflow.errors import WrongChain

LOCAL_CHAIN_ID = 31_337
"""The chain id that development chains have by custom."""

GAS_LIMIT = 30_000_000
PRIORITY_FEE = 10**9
GENESIS_WEI = 10**24
"""Balance of every account that the genesis block endows: a million ether."""

_REVERTED, _REFUSED = 3, -32_000
_REPLACEMENT_PERCENT = 110


class RpcError(Exception):
    """An error as a node answers it: code, message and, for reverts, data."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.error: Json = {"code": code, "message": message}
        if data:
            self.error["data"] = data


class LocalChain:
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
        self._file = ChainFile(self.path)
        self._chain_class = _chain_class(chain_id)
        self._builder = PragueVM.get_transaction_builder()
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

    # ------------------------------------------------------------------ about the node

    def eth_chainId(self) -> str:
        return hex(self._chain_class.chain_id)

    def net_version(self) -> str:
        return str(self._chain_class.chain_id)

    def web3_clientVersion(self) -> str:
        return "hokusai-development-chain/1/py-evm"

    def eth_syncing(self) -> bool:
        return False

    def eth_accounts(self) -> list[str]:
        return []

    def eth_blockNumber(self) -> str:
        return hex(self._chain().get_canonical_head().block_number)

    # ------------------------------------------------------------------ accounts

    def eth_getBalance(self, account: str, tag: str = "latest") -> str:
        return hex(self._state(tag).get_balance(to_canonical_address(account)))

    def eth_getTransactionCount(self, account: str, tag: str = "latest") -> str:
        return hex(self._state(tag).get_nonce(to_canonical_address(account)))

    def eth_getCode(self, account: str, tag: str = "latest") -> str:
        return hexed(self._state(tag).get_code(to_canonical_address(account)))

    def eth_getStorageAt(self, account: str, slot: str, tag: str = "latest") -> str:
        value = self._state(tag).get_storage(to_canonical_address(account), int(slot, 16))
        return f"0x{value:064x}"

    # ------------------------------------------------------------------ fees

    def eth_maxPriorityFeePerGas(self) -> str:
        return hex(PRIORITY_FEE)

    def eth_gasPrice(self) -> str:
        return hex(self._next_base_fee() + PRIORITY_FEE)

    def eth_feeHistory(
        self, count: str | int, newest: str, percentiles: list[float] | None = None
    ) -> Json:
        chain = self._chain()
        top = self._header(newest).block_number
        asked = int(count, 16) if isinstance(count, str) else count
        first = max(0, top - asked + 1)
        headers = [
            chain.get_canonical_block_header_by_number(number) for number in range(first, top + 1)
        ]
        after = chain.create_header_from_parent(headers[-1])
        return {
            "oldestBlock": hex(first),
            "baseFeePerGas": [hex(header.base_fee_per_gas) for header in (*headers, after)],
            "gasUsedRatio": [header.gas_used / header.gas_limit for header in headers],
            "reward": [[hex(PRIORITY_FEE)] * len(percentiles or [])] * len(headers),
        }

    # ------------------------------------------------------------------ blocks and logs

    def eth_getBlockByNumber(self, tag: str, full: bool = False) -> Json | None:
        try:
            header = self._header(tag)
        except RpcError:
            return None
        return self._block(header, full)

    def eth_getBlockByHash(self, block_hash: str, full: bool = False) -> Json | None:
        try:
            header = self._chain().get_block_header_by_hash(bytes.fromhex(block_hash[2:]))
        except HeaderNotFound:
            return None
        return self._block(header, full)

    def eth_getTransactionByHash(self, transaction_hash: str) -> Json | None:
        wanted = bytes.fromhex(transaction_hash[2:])
        found = self._find(wanted)
        if found is not None:
            header, index = found
            transaction = self._transactions(header)[index]
            return transaction_json(
                transaction, chain_id=self._chain_class.chain_id, header=header, index=index
            )
        raw = self._file.queued_by_hash(wanted)
        if raw is None:
            return None
        return transaction_json(self._builder.decode(raw), chain_id=self._chain_class.chain_id)

    def eth_getTransactionReceipt(self, transaction_hash: str) -> Json | None:
        found = self._find(bytes.fromhex(transaction_hash[2:]))
        if found is None:
            return None
        header, index = found
        return receipt_json(header, self._transactions(header), self._receipts(header), index)

    def eth_getLogs(self, query: Json) -> list[Json]:
        chain = self._chain()
        if "blockHash" in query:
            block_hash = bytes.fromhex(query["blockHash"][2:])
            headers = [chain.get_block_header_by_hash(block_hash)]
        else:
            head = chain.get_canonical_head().block_number
            first = self._number(query.get("fromBlock"), head)
            last = min(self._number(query.get("toBlock"), head), head)
            headers = [
                chain.get_canonical_block_header_by_number(number)
                for number in range(first, last + 1)
            ]
        return [
            log
            for header in headers
            if header.bloom
            for log in logs_json(header, self._transactions(header), self._receipts(header))
            if log_matches(log, query)
        ]

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
        state = self._state("latest")
        due = state.get_nonce(transaction.sender)
        if transaction.nonce < due:
            raise RpcError(
                _REFUSED,
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

    def _chain(self) -> MiningChain:
        return self._chain_class(AtomicDB(self._file))

    def _number(self, tag: str | None, head: int) -> int:
        if tag in {None, "latest", "pending", "safe", "finalized"}:
            return head
        return 0 if tag == "earliest" else int(str(tag), 16)

    def _header(self, tag: str | None) -> BlockHeaderAPI:
        chain = self._chain()
        head = chain.get_canonical_head()
        try:
            number = self._number(tag, head.block_number)
            return chain.get_canonical_block_header_by_number(number)
        except HeaderNotFound:
            raise RpcError(_REFUSED, "header not found") from None

    def _state(self, tag: str) -> StateAPI:
        chain = self._chain()
        return chain.get_vm(chain.create_header_from_parent(self._header(tag))).state

    def _next_base_fee(self) -> int:
        chain = self._chain()
        return int(chain.create_header_from_parent(chain.get_canonical_head()).base_fee_per_gas)

    def _transactions(self, header: BlockHeaderAPI) -> list[SignedTransactionAPI]:
        return list(self._chain().chaindb.get_block_transactions(header, self._builder))

    def _receipts(self, header: BlockHeaderAPI) -> list[Any]:
        return list(self._chain().chaindb.get_receipts(header, PragueVM.get_receipt_builder()))

    def _block(self, header: BlockHeaderAPI, full: bool) -> Json:
        transactions = self._transactions(header)
        return block_json(header, transactions, chain_id=self._chain_class.chain_id, full=full)

    def _find(self, transaction_hash: bytes) -> tuple[BlockHeaderAPI, int] | None:
        chain = self._chain()
        try:
            number, index = chain.get_canonical_transaction_index(transaction_hash)
        except TransactionNotFound:
            return None
        return chain.get_canonical_block_header_by_number(number), index

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
            raise RpcError(_REFUSED, str(error)) from None

    def _decoded(self, raw: bytes) -> SignedTransactionAPI:
        try:
            transaction = self._builder.decode(raw)
            transaction.validate()
            _ = transaction.sender
        except Exception as error:
            raise RpcError(_REFUSED, f"invalid transaction: {error}") from None
        own = self._chain_class.chain_id
        if getattr(transaction, "chain_id", own) not in {own, None}:
            raise RpcError(
                _REFUSED,
                f"invalid chain id for signer: have {transaction.chain_id} want {own}",
            )
        return transaction

    def _require_funds(self, transaction: SignedTransactionAPI, state: StateAPI) -> None:
        most = _most(transaction)[0]
        needed = transaction.gas * most + transaction.value
        balance = state.get_balance(transaction.sender)
        if balance < needed:
            raise RpcError(
                _REFUSED,
                "insufficient funds for gas * price + value: "
                f"address {hexed(transaction.sender)} have {balance} want {needed}",
            )
        base_fee = self._next_base_fee()
        if price_of(transaction, base_fee) < base_fee:
            raise RpcError(
                _REFUSED,
                "max fee per gas less than block base fee: "
                f"address {hexed(transaction.sender)}, maxFeePerGas: {most}, baseFee: {base_fee}",
            )

    def _queue(self, transaction: SignedTransactionAPI, raw: bytes) -> None:
        standing = self._file.queued(transaction.sender, transaction.nonce)
        if standing == raw:
            raise RpcError(_REFUSED, "already known")
        if standing is not None:
            pairs = zip(_most(transaction), _most(self._builder.decode(standing)), strict=True)
            if any(new * 100 < old * _REPLACEMENT_PERCENT for new, old in pairs):
                raise RpcError(_REFUSED, "replacement transaction underpriced")
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
            raise RpcError(_REFUSED, str(error)) from None
        for transaction in transactions:
            self._file.unqueue(transaction.sender, transaction.nonce)


def _chain_class(chain: int) -> type[MiningChain]:
    class DevelopmentChain(MiningChain):
        chain_id = chain
        vm_configuration = ((0, PragueVM),)

        def create_header_from_parent(
            self, parent_header: BlockHeaderAPI, **parameters: Any
        ) -> BlockHeaderAPI:
            # Without this, py-evm lowers the limit with every block that is not full.
            fixed: Mapping[str, Any] = {**parameters, "gas_limit": parent_header.gas_limit}
            return super().create_header_from_parent(parent_header, **fixed)

    return DevelopmentChain


def _most(transaction: SignedTransactionAPI) -> tuple[int, int]:
    if type_of(transaction) < 2:
        return transaction.gas_price, transaction.gas_price
    return transaction.max_fee_per_gas, transaction.max_priority_fee_per_gas


def _failure(computation: ComputationAPI) -> RpcError:
    error = computation.error
    if isinstance(error, Revert):
        return RpcError(_REVERTED, "execution reverted", hexed(computation.output))
    return RpcError(_REFUSED, f"{type(error).__name__}: {error}")
