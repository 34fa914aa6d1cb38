"""A chain to pay on: which one a spec means, and with whose keys this process acts there."""

from __future__ import annotations

from dataclasses import dataclass

from hokusai_mlflow.chain.connect import connect, is_development
from hokusai_mlflow.chain.deployment import deploy, find_deployment
from hokusai_mlflow.chain.development import LOCAL_CHAIN_ID
from hokusai_mlflow.chain.signer import Signer, development_keys
from hokusai_mlflow.chain.verifier import Verifier
from hokusai_mlflow.errors import ChainError
from hokusai_mlflow.keys import oracle_keys, sender_key
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.spec import ChainSpec

QUORUM = 2
"""Signatures that are needed on the development chain, of three."""


@dataclass(frozen=True)
class Bench:
    """A chain to pay on: the contract there and the keys that act on it.

    Attributes
    ----------
    verifier : Verifier
        The contract's client.
    sender : Signer
        Sends transactions and pays their fees.
    oracles : tuple of Signer
        Keys that attest; on the development chain three of them, two needed.
    development : bool
        Whether this is the embedded development chain, or a node of the same chain id.
    """

    verifier: Verifier
    sender: Signer
    oracles: tuple[Signer, ...]
    development: bool


def open_chain(chain: ChainSpec, settings: Settings) -> Bench:
    """Connect to the chain of a spec; the embedded one is deployed to on first use.

    Parameters
    ----------
    chain : ChainSpec
        Where rewards are paid.
    settings : Settings
        Home of the embedded chain, and the keys for any other.

    Raises
    ------
    ChainUnreachable, WrongChain
        When the endpoint does not answer, or serves another chain.
    ChainError
        When no contract is known there.
    InputError
        When a key that is needed is missing or malformed.
    """
    rpc_url = chain.rpc_url or settings.rpc_url
    chain_id = chain.chain_id or settings.chain_id
    w3 = connect(rpc_url=rpc_url, chain_id=chain_id, home=settings.prepare().home)
    if rpc_url is None:
        keys = development_keys(settings.home)
        deployment = deploy(
            w3,
            keys.admin,
            oracles=[oracle.address for oracle in keys.oracles],
            quorum=QUORUM,
            home=settings.home,
        )
        verifier = Verifier.of(w3, deployment, home=settings.home)
        return Bench(verifier, keys.admin, keys.oracles, development=True)
    if chain.verifier is not None:
        verifier = Verifier(w3, chain.verifier, home=settings.home)
    else:
        recorded = find_deployment(settings.home, w3.eth.chain_id)
        if recorded is None:
            raise ChainError(
                f"no DeltaOneVerifier is known on chain {w3.eth.chain_id}; deploy one with "
                "`hokusai chain deploy`, or name it in the spec under chain.verifier"
            )
        verifier = Verifier.of(w3, recorded, home=settings.home)
    return Bench(
        verifier, sender_key(settings), oracle_keys(settings), development=is_development(w3)
    )


def reach_chain(chain: ChainSpec, settings: Settings) -> None:
    """Check that the chain of a spec answers and is the one meant, changing nothing on it.

    Raises
    ------
    ChainUnreachable, WrongChain, ChainError, InputError
        As `open_chain` would.
    """
    if is_embedded(chain, settings):
        connect(rpc_url=None, chain_id=chain.chain_id, home=settings.prepare().home)
    else:
        open_chain(chain, settings)


def is_embedded(chain: ChainSpec, settings: Settings) -> bool:
    """Whether rewards go to the embedded development chain."""
    return not (chain.rpc_url or settings.rpc_url)


def is_development_chain(chain: ChainSpec, settings: Settings) -> bool:
    """Whether what is paid there is worth nothing: the embedded chain, or a node like it."""
    named = chain.chain_id or settings.chain_id
    return is_embedded(chain, settings) or named == LOCAL_CHAIN_ID
