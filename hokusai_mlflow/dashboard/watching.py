"""Comparing the ledger with the chain in the background, so that pages never wait for a node."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from hokusai_mlflow.errors import HokusaiError
from hokusai_mlflow.history import History, rewards
from hokusai_mlflow.settings import Settings

if TYPE_CHECKING:
    from hokusai_mlflow.chain.verifier import Verifier

EVERY_SECONDS = 60.0
_LOG = logging.getLogger(__name__)


class Watch(threading.Thread):
    """Compares again and again, until the process ends.

    Parameters
    ----------
    history : History
        Where what is found is kept.
    settings : Settings
        Name the chain.
    """

    def __init__(self, history: History, settings: Settings) -> None:
        super().__init__(name="hokusai-chain-check", daemon=True)
        self._history = history
        self._settings = settings
        self._ended = threading.Event()

    def run(self) -> None:
        """Compare, wait, compare."""
        while True:
            try:
                compare_with_chain(self._history, self._settings)
            except HokusaiError as problem:
                _LOG.warning("the chain could not be compared with the ledger: %s", problem)
            if self._ended.wait(EVERY_SECONDS):
                return

    def end(self) -> None:
        """Compare no more."""
        self._ended.set()


def compare_with_chain(history: History, settings: Settings) -> tuple[rewards.ChainCheck, ...]:
    """Compare the ledger with every contract that it pays on, and read what gas was spent.

    Contracts on another chain than the settings name are left out: nothing here reaches them.

    Parameters
    ----------
    history : History
    settings : Settings

    Returns
    -------
    tuple of ChainCheck
        One per contract; none where nothing was ever to be paid.
    """
    history.refresh()
    paid_on = rewards.contracts(history)
    if not paid_on:
        return ()
    from hokusai_mlflow.chain.audit import audit  # noqa: PLC0415
    from hokusai_mlflow.chain.connect import connect  # noqa: PLC0415
    from hokusai_mlflow.chain.verifier import Verifier  # noqa: PLC0415

    try:
        web3 = connect(rpc_url=settings.rpc_url, chain_id=settings.chain_id, home=settings.home)
    except HokusaiError as problem:
        return tuple(
            rewards.keep_check(history, contract, problem=str(problem)) for _, contract in paid_on
        )
    found = []
    for chain_id, contract in paid_on:
        if chain_id != web3.eth.chain_id:
            told = f"paid on chain {chain_id}, the settings name chain {web3.eth.chain_id}"
            found.append(rewards.keep_check(history, contract, problem=told))
            continue
        verifier = Verifier(web3, contract, home=settings.home)
        try:
            compared = audit(history.ledger, verifier).to_dict()
            found.append(rewards.keep_check(history, contract, audit=compared))
            _read_gas(history, verifier)
        except HokusaiError as problem:
            found.append(rewards.keep_check(history, contract, problem=str(problem)))
    return tuple(found)


def _read_gas(history: History, verifier: Verifier) -> None:
    read = {}
    for transaction in rewards.lacking_gas(history, verifier.address):
        receipt = verifier.web3.eth.get_transaction_receipt(transaction)  # type: ignore[arg-type]
        read[transaction] = (int(receipt["gasUsed"]), int(receipt["effectiveGasPrice"]))
    rewards.keep_gas(history, read)
