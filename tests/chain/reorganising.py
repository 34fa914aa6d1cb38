"""Reorganisations of the local chain, which has none by itself: its newest blocks are undone."""

import rlp
from eth.db.chain_gaps import GENESIS_CHAIN_GAPS
from eth.db.schema import SchemaV1
from eth.rlp.sedes import chain_gaps

from hokusai_mlflow.chain.local.reader import RpcError


def drop_blocks(chain, depth, keep=lambda raw: True):
    """Undo the newest blocks and mine at least as many others, in one step for every process.

    Parameters
    ----------
    chain : LocalChain
    depth : int
        Blocks that are undone; never those that made the contract.
    keep : callable
        Whether the new blocks have a transaction of the old ones; others are lost.

    Returns
    -------
    int
        Transactions that were lost.
    """
    with chain._file.writing():
        db = chain._chain().chaindb
        head = chain._header("latest")
        raws = []
        for _ in range(depth):
            transactions = chain._transactions(head)
            raws[:0] = [transaction.encode() for transaction in transactions]
            for transaction in transactions:
                del chain._file[
                    SchemaV1.make_transaction_hash_to_block_lookup_key(transaction.hash)
                ]
            del chain._file[SchemaV1.make_block_number_to_hash_lookup_key(head.block_number)]
            head = db.get_block_header_by_hash(head.parent_hash)
        chain._file[SchemaV1.make_canonical_head_hash_lookup_key()] = head.hash
        # Blocks are known without gaps up to the head, and none above it.
        until = rlp.encode((GENESIS_CHAIN_GAPS[0], head.block_number + 1), sedes=chain_gaps)
        chain._file[SchemaV1.make_header_chain_gaps_lookup_key()] = until
        chain._file[SchemaV1.make_chain_gaps_lookup_key()] = until
        kept = [raw for raw in raws if keep(raw)]
        for raw in kept:
            try:
                chain.eth_sendRawTransaction("0x" + raw.hex())
            except RpcError:
                continue  # It depended on one that is lost.
        while chain._header("latest").block_number <= head.block_number + depth:
            chain.evm_mine()
    return len(raws) - len(kept)
