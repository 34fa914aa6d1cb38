"""When a block counts as settled: by its depth, or by the chain's own word."""

from __future__ import annotations

from typing import Literal, TypeAlias

from web3 import Web3
from web3.exceptions import BlockNotFound, Web3RPCError

from hokusai_mlflow.errors import ChainError, InputError

Finality: TypeAlias = int | Literal["safe", "finalized"]
"""Blocks that must contain or follow a payment before it counts, or the chain's own tag."""

TAGS = ("safe", "finalized")


def require_finality(given: Finality) -> None:
    """Check that this is a depth from 1 or a tag.

    Raises
    ------
    InputError
    """
    by_depth = isinstance(given, int) and not isinstance(given, bool) and given >= 1
    if not by_depth and given not in TAGS:
        raise InputError(
            f"finality is a whole number from 1, 'safe' or 'finalized', found {given!r}"
        )


def settled_height(web3: Web3, finality: Finality) -> int:
    """Number of the newest block that counts as settled; negative when there is none yet.

    Parameters
    ----------
    web3 : Web3
    finality : int or {"safe", "finalized"}

    Raises
    ------
    ChainError
        The endpoint knows no such tag, or no such block yet.
    """
    if isinstance(finality, int):
        return int(web3.eth.block_number) - finality + 1
    try:
        return int(web3.eth.get_block(finality)["number"])
    except (BlockNotFound, Web3RPCError):
        raise ChainError(
            f"the endpoint of chain {web3.eth.chain_id} does not name a {finality} block: it has "
            "none yet, or it does not know the tag. Settle again later, or set chain.finality to "
            "a number of blocks"
        ) from None
