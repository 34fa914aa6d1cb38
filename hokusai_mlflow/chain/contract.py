"""A deployed contract: its calls, and transactions that end in a receipt or in its refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from web3 import Web3
from web3.types import TxReceipt

from hokusai_mlflow.chain.artifact import artifact
from hokusai_mlflow.chain.improvement import address as checked_address
from hokusai_mlflow.chain.refusals import refusals
from hokusai_mlflow.chain.signer import Signer
from hokusai_mlflow.chain.transactions import await_receipt, broadcast, prepare, signer_lock
from hokusai_mlflow.errors import ContractRefused


class Contract:
    """One of this package's contracts at an address.

    Parameters
    ----------
    web3 : Web3
    address : str
        The contract's.
    name : str
        Of its artifact.
    home : path-like
        Folder with the signers' locks.
    """

    def __init__(self, web3: Web3, address: str, name: str, *, home: Path | str) -> None:
        self.web3 = web3
        self.address = checked_address(address)
        self.home = Path(home)
        abi = artifact(name).abi
        self._contract = web3.eth.contract(address=self.address, abi=abi)  # type: ignore[call-overload]
        self.chain_id = web3.eth.chain_id

    def call_data(self, function: str, *arguments: Any) -> bytes:
        """Call data of any function of the contract."""
        return bytes.fromhex(self._contract.encode_abi(function, list(arguments))[2:])

    def transact(self, signer: Signer, function: str, *arguments: Any) -> str:
        """Send any function of the contract and wait until it is mined.

        Parameters
        ----------
        signer : Signer
            Needs the role that the function asks for.
        function : str
            Its Solidity name, such as ``pause`` or ``addOracle``.
        *arguments
            In the contract's types.

        Returns
        -------
        str
            Hash of the transaction.

        Raises
        ------
        ContractRefused
            The contract reverts; nothing is sent when that shows beforehand.
        """
        data = self.call_data(function, *arguments)
        with signer_lock(self.home, signer.address):
            with refusals():
                transaction = prepare(self.web3, signer, to=self.address, data=data)
            raw, transaction_hash = signer.sign_transaction(transaction)
            broadcast(self.web3, raw, transaction_hash)
            receipt = await_receipt(self.web3, transaction_hash)
        if receipt["status"] != 1:
            raise self._why(receipt, signer.address, data)
        return transaction_hash

    def _why(self, receipt: TxReceipt, sender: str, data: bytes) -> ContractRefused:
        """Repeat a failed call before its block, to read the refusal that receipts omit."""
        call = {"from": sender, "to": self.address, "data": data}
        try:
            with refusals():
                self.web3.eth.call(call, receipt["blockNumber"] - 1)  # type: ignore[arg-type]
        except ContractRefused as refused:
            return refused
        return ContractRefused("reverted on chain, though the same call succeeds before it")
