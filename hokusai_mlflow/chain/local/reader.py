"""What a node tells about its chain without changing it."""

# Ethereum's RPC names these methods and documents them.
# ruff: noqa: D102, N802

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from eth.abc import BlockHeaderAPI, SignedTransactionAPI, StateAPI
from eth.chains.base import MiningChain
from eth.db.atomic import AtomicDB
from eth.exceptions import HeaderNotFound, TransactionNotFound
from eth.vm.forks.prague import PragueVM
from eth_utils.address import to_canonical_address

from hokusai_mlflow.chain.local.rendering import (
    Json,
    block_json,
    hexed,
    log_matches,
    logs_json,
    receipt_json,
    transaction_json,
)
from hokusai_mlflow.chain.local.store import ChainFile

PRIORITY_FEE = 10**9

REVERTED, REFUSED = 3, -32_000


class RpcError(Exception):
    """An error as a node answers it: code, message and, for reverts, data."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.error: Json = {"code": code, "message": message}
        if data:
            self.error["data"] = data


class ChainReader:
    """The reading half of the local chain; every public method is an RPC method by its name.

    Parameters
    ----------
    file : ChainFile
    chain_id : int
    """

    def __init__(self, file: ChainFile, chain_id: int) -> None:
        self._file = file
        self._chain_class = _chain_class(chain_id)
        self._builder = PragueVM.get_transaction_builder()

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
            raise RpcError(REFUSED, "header not found") from None

    def _state(self, tag: str) -> StateAPI:
        chain = self._chain()
        parent = self._header(tag)
        # As if mined now: what depends on the time is seen before it is sent.
        after = max(int(time.time()), parent.timestamp + 1)
        return chain.get_vm(chain.create_header_from_parent(parent, timestamp=after)).state

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
