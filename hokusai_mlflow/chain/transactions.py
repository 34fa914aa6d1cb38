"""Sending one transaction and waiting for it, under the lock of its signer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from web3 import Web3
from web3.exceptions import TransactionNotFound, Web3RPCError
from web3.types import TxReceipt

from hokusai_mlflow.chain.connect import is_development
from hokusai_mlflow.chain.signer import Signer
from hokusai_mlflow.errors import ChainError, ChainUnreachable

LOCK_SECONDS = 60.0
RECEIPT_SECONDS = 120.0
_GAS_MARGIN_PERCENT = 120


@contextmanager
def signer_lock(home: Path | str, address: str) -> Iterator[None]:
    """Let one process at a time take nonces of an account.

    Parameters
    ----------
    home : path-like
        Locks lie in ``locks/`` below it.
    address : str
        The account.
    """
    path = Path(home) / "locks" / f"{address.lower()}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(path, timeout=LOCK_SECONDS):
            yield
    except Timeout:
        raise ChainError(
            f"another process has been signing with {address} for {LOCK_SECONDS:.0f} s; wait for "
            f"it or end it (the lock is {path})"
        ) from None


def prepare(web3: Web3, signer: Signer, *, to: str | None, data: bytes) -> dict[str, Any]:
    """A complete EIP-1559 transaction with the signer's next nonce.

    Parameters
    ----------
    web3 : Web3
    signer : Signer
    to : str, optional
        The contract; None creates one.
    data : bytes

    Returns
    -------
    dict
        Reverts of the call surface here, as web3's exceptions, before anything is sent.
    """
    require_permitted(web3, signer)
    call: dict[str, Any] = {"from": signer.address, "data": data, "value": 0}
    if to is not None:
        call["to"] = to
    try:
        gas = web3.eth.estimate_gas(call)  # type: ignore[arg-type]
    except Web3RPCError as error:
        raise _node_refused(error) from None
    base_fee = web3.eth.get_block("latest").get("baseFeePerGas", 0)
    tip = web3.eth.max_priority_fee
    return {
        **{key: value for key, value in call.items() if key != "from"},
        "chainId": web3.eth.chain_id,
        "nonce": web3.eth.get_transaction_count(signer.address, "pending"),  # type: ignore[arg-type]
        "gas": gas * _GAS_MARGIN_PERCENT // 100,
        "maxFeePerGas": 2 * base_fee + tip,
        "maxPriorityFeePerGas": tip,
        "type": 2,
    }


def broadcast(web3: Web3, raw: bytes, transaction_hash: str) -> None:
    """Send a signed transaction; a node that has it already is content.

    Parameters
    ----------
    web3 : Web3
    raw : bytes
    transaction_hash : str
        Its hash, which decides whether an error means that it arrived.
    """
    try:
        web3.eth.send_raw_transaction(raw)
    except Web3RPCError as error:
        if not is_known(web3, transaction_hash):
            raise _node_refused(error) from None
    except ChainUnreachable:
        if not is_known(web3, transaction_hash):
            raise


def is_known(web3: Web3, transaction_hash: str) -> bool:
    """Whether the node knows this transaction, pending or mined.

    Parameters
    ----------
    web3 : Web3
    transaction_hash : str

    Returns
    -------
    bool
    """
    try:
        web3.eth.get_transaction(transaction_hash)  # type: ignore[arg-type]
    except TransactionNotFound:
        return False
    return True


def await_receipt(
    web3: Web3, transaction_hash: str, *, timeout: float = RECEIPT_SECONDS
) -> TxReceipt:
    """Wait until a transaction is mined.

    Parameters
    ----------
    web3 : Web3
    transaction_hash : str
    timeout : float
        Seconds.

    Returns
    -------
    TxReceipt
        Of success or failure; see its ``status``.
    """
    until = time.monotonic() + timeout
    pause = 0.01
    while True:
        try:
            return web3.eth.get_transaction_receipt(transaction_hash)  # type: ignore[arg-type]
        except TransactionNotFound:
            if time.monotonic() > until:
                raise ChainError(
                    f"transaction {transaction_hash} was not mined within {timeout:.0f} s; it may "
                    "be mined later: run the command again to find out"
                ) from None
        time.sleep(pause)
        pause = min(pause * 2, 1.0)


def require_permitted(web3: Web3, signer: Signer) -> None:
    """Refuse development keys on a chain that is not a development chain.

    Parameters
    ----------
    web3 : Web3
    signer : Signer
    """
    if getattr(signer, "development", False) and not is_development(web3):
        raise ChainError(
            f"{signer.address} is a development key and chain {web3.eth.chain_id} is not a "
            "development chain; configure a key of your own"
        )


def _node_refused(error: Web3RPCError) -> ChainError:
    answered = (error.rpc_response or {}).get("error")
    message = answered.get("message") if isinstance(answered, dict) else None
    return ChainError(
        f"the node refused the transaction: {message or error}; "
        "check the signer's balance and nonce"
    )
