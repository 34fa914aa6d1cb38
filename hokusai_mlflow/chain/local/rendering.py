"""Blocks, transactions, receipts and logs in the JSON of Ethereum's RPC."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import rlp
from eth.abc import BlockHeaderAPI, ReceiptAPI, SignedTransactionAPI
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

Json = dict[str, Any]


def hexed(data: bytes) -> str:
    """Bytes as ``0x`` and hexadecimal."""
    return "0x" + bytes(data).hex()


def type_of(transaction: SignedTransactionAPI) -> int:
    """The transaction's type; 0 for those before EIP-2718."""
    return getattr(transaction, "type_id", None) or 0


def price_of(transaction: SignedTransactionAPI, base_fee: int) -> int:
    """Wei per gas that the transaction pays under this base fee."""
    if type_of(transaction) < 2:
        return int(transaction.gas_price)
    most, tip = transaction.max_fee_per_gas, transaction.max_priority_fee_per_gas
    return int(min(most, base_fee + tip))


def block_json(
    header: BlockHeaderAPI,
    transactions: Sequence[SignedTransactionAPI],
    *,
    chain_id: int,
    full: bool,
) -> Json:
    """A block; `full` gives its transactions instead of their hashes."""
    return {
        "number": hex(header.block_number),
        "hash": hexed(header.hash),
        "parentHash": hexed(header.parent_hash),
        "timestamp": hex(header.timestamp),
        "gasLimit": hex(header.gas_limit),
        "gasUsed": hex(header.gas_used),
        "baseFeePerGas": hex(header.base_fee_per_gas),
        "miner": to_checksum_address(header.coinbase),
        "stateRoot": hexed(header.state_root),
        "receiptsRoot": hexed(header.receipt_root),
        "transactionsRoot": hexed(header.transaction_root),
        "logsBloom": f"0x{header.bloom:0512x}",
        "difficulty": "0x0",
        "totalDifficulty": "0x0",
        "nonce": hexed(header.nonce),
        "mixHash": hexed(header.mix_hash),
        "extraData": hexed(header.extra_data),
        "withdrawalsRoot": hexed(header.withdrawals_root),
        "blobGasUsed": hex(header.blob_gas_used),
        "excessBlobGas": hex(header.excess_blob_gas),
        "parentBeaconBlockRoot": hexed(header.parent_beacon_block_root),
        "requestsHash": hexed(header.requests_hash),
        "sha3Uncles": hexed(header.uncles_hash),
        "uncles": [],
        "size": hex(len(rlp.encode(header)) + sum(len(tx.encode()) for tx in transactions)),
        "transactions": [
            transaction_json(transaction, chain_id=chain_id, header=header, index=index)
            if full
            else hexed(transaction.hash)
            for index, transaction in enumerate(transactions)
        ],
    }


def transaction_json(
    transaction: SignedTransactionAPI,
    *,
    chain_id: int,
    header: BlockHeaderAPI | None = None,
    index: int | None = None,
) -> Json:
    """A transaction; without header it is a queued one."""
    kind = type_of(transaction)
    shown: Json = {
        "hash": hexed(transaction.hash),
        "from": to_checksum_address(transaction.sender),
        "to": to_checksum_address(transaction.to) if transaction.to else None,
        "nonce": hex(transaction.nonce),
        "gas": hex(transaction.gas),
        "value": hex(transaction.value),
        "input": hexed(transaction.data),
        "type": hex(kind),
        "chainId": hex(chain_id),
        "r": hex(transaction.r),
        "s": hex(transaction.s),
        "v": hex(transaction.y_parity if kind else transaction.v),
        "blockHash": hexed(header.hash) if header else None,
        "blockNumber": hex(header.block_number) if header else None,
        "transactionIndex": None if index is None else hex(index),
    }
    if kind:
        shown["yParity"] = shown["v"]
    if kind >= 2:
        shown["maxFeePerGas"] = hex(transaction.max_fee_per_gas)
        shown["maxPriorityFeePerGas"] = hex(transaction.max_priority_fee_per_gas)
    base_fee = header.base_fee_per_gas if header else 2**256
    shown["gasPrice"] = hex(price_of(transaction, base_fee))
    return shown


def receipt_json(
    header: BlockHeaderAPI,
    transactions: Sequence[SignedTransactionAPI],
    receipts: Sequence[ReceiptAPI],
    index: int,
) -> Json:
    """The receipt of one transaction of a block."""
    transaction, receipt = transactions[index], receipts[index]
    before = receipts[index - 1].gas_used if index else 0
    created = None
    if not transaction.to:
        origin = keccak(rlp.encode([transaction.sender, transaction.nonce]))
        created = to_checksum_address(origin[12:])
    own_hash = hexed(transaction.hash)
    return {
        "transactionHash": own_hash,
        "transactionIndex": hex(index),
        "blockHash": hexed(header.hash),
        "blockNumber": hex(header.block_number),
        "from": to_checksum_address(transaction.sender),
        "to": to_checksum_address(transaction.to) if transaction.to else None,
        "cumulativeGasUsed": hex(receipt.gas_used),
        "gasUsed": hex(receipt.gas_used - before),
        "contractAddress": created,
        "logs": [
            log
            for log in logs_json(header, transactions, receipts)
            if log["transactionHash"] == own_hash
        ],
        "logsBloom": f"0x{receipt.bloom:0512x}",
        "status": "0x1" if receipt.state_root == b"\x01" else "0x0",
        "effectiveGasPrice": hex(price_of(transaction, header.base_fee_per_gas)),
        "type": hex(type_of(transaction)),
    }


def logs_json(
    header: BlockHeaderAPI,
    transactions: Sequence[SignedTransactionAPI],
    receipts: Sequence[ReceiptAPI],
) -> Iterator[Json]:
    """All logs of a block, in order."""
    position = 0
    for index, (transaction, receipt) in enumerate(zip(transactions, receipts, strict=True)):
        for log in receipt.logs:
            yield {
                "address": to_checksum_address(log.address),
                "topics": [f"0x{topic:064x}" for topic in log.topics],
                "data": hexed(log.data),
                "blockNumber": hex(header.block_number),
                "blockHash": hexed(header.hash),
                "transactionHash": hexed(transaction.hash),
                "transactionIndex": hex(index),
                "logIndex": hex(position),
                "removed": False,
            }
            position += 1


def log_matches(log: Json, query: Json) -> bool:
    """Whether a log has an address and topics that `eth_getLogs` asks for."""
    addresses = query.get("address")
    if addresses is not None:
        wanted = [addresses] if isinstance(addresses, str) else addresses
        if log["address"].lower() not in {address.lower() for address in wanted}:
            return False
    topics = query.get("topics") or []
    if len(topics) > len(log["topics"]):
        return False
    return all(
        asked is None or found in ([asked] if isinstance(asked, str) else asked)
        for asked, found in zip(topics, log["topics"], strict=False)
    )
