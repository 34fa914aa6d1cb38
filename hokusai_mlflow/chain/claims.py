"""Rewards for more people than one call can pay: a tree of shares, claimed leaf by leaf.

The contributors' part of a reward is thought of as a line of length 1e18, which the shares tile.
What a share is worth follows from where it starts and ends, so that all of them sum to that part to
the wei, whatever it is. The tree is OpenZeppelin's standard one over (address, uint64, uint64).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from hokusai_mlflow.chain.improvement import address as checked_address
from hokusai_mlflow.deltaone import CONTRIBUTORS_PERCENT, MOST_LISTED, WAD, WEIGHT_TOTAL
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.evidence import share_total

SHARE_TOTAL = WAD
"""Length of the line that shares tile."""


@dataclass(frozen=True, slots=True)
class Share:
    """One leaf: `account` owns the line from `start` to `end`."""

    account: str
    start: int
    end: int

    @property
    def leaf(self) -> bytes:
        """The leaf's hash: hashed twice, so that no inner node can be taken for one."""
        values = (self.account, self.start, self.end)
        return keccak(keccak(encode(["address", "uint64", "uint64"], values)))

    def arguments(self) -> tuple[str, int, int]:
        """The contract's ``Share``."""
        return (self.account, self.start, self.end)

    def of(self, pool: int) -> int:
        """Wei that this share is of a pool.

        Parameters
        ----------
        pool : int
            Wei; see `pool_of`.

        Returns
        -------
        int
        """
        return pool * self.end // SHARE_TOTAL - pool * self.start // SHARE_TOTAL


def pool_of(reward: int) -> int:
    """Wei of a reward that its contributors claim: 70 %, rounded down.

    Parameters
    ----------
    reward : int
        Wei.

    Returns
    -------
    int
    """
    return reward * CONTRIBUTORS_PERCENT // 100


def weights_by_address(contributions: Mapping[str, Any]) -> dict[str, int]:
    """What every address is worth by an evidence document's ``contributions``.

    Parameters
    ----------
    contributions : mapping
        ``shares`` by contributor's name, and their ``addresses``; those of one address add up.

    Returns
    -------
    dict of str to int
        By ascending address.
    """
    weights: Counter[str] = Counter()
    for name, share in contributions["shares"].items():
        weights[contributions["addresses"][name]] += share
    return {account: weights[account] for account in sorted(weights, key=lambda a: int(a, 16))}


def tree_of(contributions: Mapping[str, Any]) -> ClaimTree | None:
    """The tree of an evidence document's ``contributions``; None where a list is paid at once.

    A tree it is where one call cannot pay all, and where shares are finer than a list can say.

    Parameters
    ----------
    contributions : mapping
        See `weights_by_address`.
    """
    weights = weights_by_address(contributions)
    listed = len(weights) <= MOST_LISTED and share_total(contributions) == WEIGHT_TOTAL
    return None if listed else ClaimTree(weights)


class ClaimTree:
    """Everybody's share of an improvement, and the proofs of them.

    Parameters
    ----------
    weights : mapping of address to int
        Positive; of any sum, and of any order: addresses are sorted.

    Examples
    --------
    >>> tree = ClaimTree({"0x" + "11" * 20: 1, "0x" + "22" * 20: 3})
    >>> [share.of(100) for share in tree.shares]
    [25, 75]
    """

    def __init__(self, weights: Mapping[str, int]) -> None:
        checked = {checked_address(account): weight for account, weight in weights.items()}
        if not checked or len(checked) != len(weights) or min(checked.values()) < 1:
            raise InputError("shares need at least one account, each once, with positive weights")
        total, before = sum(checked.values()), 0
        shares = []
        for account in sorted(checked, key=lambda account: int(account, 16)):
            after = before + checked[account]
            share = Share(account, before * SHARE_TOTAL // total, after * SHARE_TOTAL // total)
            if share.start == share.end:
                raise InputError(f"the weight of {account} is below 1e-18 of all; leave it out")
            shares.append(share)
            before = after
        self.shares = tuple(shares)

    @property
    def root(self) -> str:
        """What oracles sign, ``0x`` and hexadecimal."""
        return "0x" + self._nodes[0].hex()

    def share(self, account: str) -> Share:
        """The share of an account.

        Parameters
        ----------
        account : str

        Returns
        -------
        Share

        Raises
        ------
        InputError
            The account has none.
        """
        try:
            return self._by_account[checked_address(account)]
        except KeyError:
            raise InputError(
                f"{account} is not among the {len(self.shares)} contributors"
            ) from None

    def proof(self, share: Share) -> list[bytes]:
        """The siblings of a share's leaf, upwards: what the contract is shown.

        Parameters
        ----------
        share : Share

        Returns
        -------
        list of bytes
        """
        place, siblings = self._places[share.leaf], []
        while place > 0:
            siblings.append(self._nodes[place + 1 if place % 2 else place - 1])
            place = (place - 1) // 2
        return siblings

    @cached_property
    def _by_account(self) -> dict[str, Share]:
        return {share.account: share for share in self.shares}

    @cached_property
    def _nodes(self) -> list[bytes]:
        return merkle_nodes([share.leaf for share in self.shares])

    @cached_property
    def _places(self) -> dict[bytes, int]:
        first = len(self._nodes) - len(self.shares)
        return {node: first + place for place, node in enumerate(self._nodes[first:])}

    def __repr__(self) -> str:
        return f"ClaimTree({len(self.shares)} shares, root {self.root[:10]}…)"


def merkle_nodes(leaves: Sequence[bytes]) -> list[bytes]:
    """All nodes of OpenZeppelin's standard tree, the root first, the children of i at 2i+1, 2i+2.

    Parameters
    ----------
    leaves : sequence of bytes
        Hashes, in any order; at least one.

    Returns
    -------
    list of bytes
    """
    nodes = [b""] * (len(leaves) - 1) + sorted(leaves, reverse=True)
    for place in range(len(leaves) - 2, -1, -1):
        nodes[place] = keccak(b"".join(sorted(nodes[2 * place + 1 : 2 * place + 3])))
    return nodes
