"""The contract's client: everything this package asks of `DeltaOneVerifier`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from web3 import Web3
from web3.types import TxReceipt

from hokusai_mlflow.chain.claims import Share
from hokusai_mlflow.chain.deployment import Deployment
from hokusai_mlflow.chain.improvement import Improvement, digest_hex, name_id
from hokusai_mlflow.chain.maintenance import Maintenance
from hokusai_mlflow.chain.model import ModelConfig
from hokusai_mlflow.chain.refusals import decode_error, refusals
from hokusai_mlflow.chain.signer import Signer
from hokusai_mlflow.chain.transactions import await_receipt, broadcast, prepare, signer_lock
from hokusai_mlflow.chain.views import Views
from hokusai_mlflow.errors import ContractRefused


class Verifier(Views):
    """A deployed `DeltaOneVerifier`, to look at and to act on; made as `Views` is."""

    @classmethod
    def of(cls, web3: Web3, deployment: Deployment, *, home: Path | str) -> Verifier:
        """The verifier of a deployment."""
        return cls(web3, deployment.address, home=home, from_block=deployment.block)

    # ------------------------------------------------------------------ improvements

    def process_call_data(self, improvement: Improvement, signatures: Sequence[bytes]) -> bytes:
        """Call data of ``processImprovement``, for whoever sends the transaction."""
        return self.call_data("processImprovement", improvement.message(), list(signatures))

    def expected_reward(self, improvement: Improvement, signatures: Sequence[bytes]) -> int:
        """Wei that the contract would pay now.

        Raises
        ------
        ContractRefused
            As the transaction would.
        """
        function = self._contract.functions.verifyAndCalculateReward
        with refusals():
            return int(function(improvement.message(), list(signatures)).call())

    # ------------------------------------------------------------------ after an improvement

    def claim(self, signer: Signer, evidence: str, share: Share, proof: Sequence[bytes]) -> str:
        """Have a share paid what is due to it; anyone may send this. The transaction's hash.

        Parameters
        ----------
        signer : Signer
        evidence : str
            The improvement's.
        share : Share
        proof : sequence of bytes
            From its `ClaimTree`.
        """
        digest = bytes.fromhex(digest_hex("evidence", evidence)[2:])
        return self.transact(signer, "claim", digest, share.arguments(), list(proof))

    def record_maintenance(
        self,
        signer: Signer,
        improvement: Improvement,
        maintenance: Maintenance,
        signatures: Sequence[bytes],
    ) -> str:
        """Pay what was held back, or return it to the budget. The transaction's hash.

        Parameters
        ----------
        signer : Signer
            Anyone.
        improvement : Improvement
            As it was recorded.
        maintenance : Maintenance
        signatures : sequence of bytes
            The oracles', of `maintenance`.
        """
        said, later = improvement.message(), maintenance.message()
        return self.transact(signer, "recordMaintenance", said, later, list(signatures))

    @staticmethod
    def decode_error(data: bytes | str | None) -> ContractRefused:
        """The refusal that a revert's data stand for."""
        return decode_error(data)

    # ------------------------------------------------------------------ administration

    def configure_model(
        self, signer: Signer, name: str, config: ModelConfig, genesis_champion: str
    ) -> str | None:
        """Set up a model or change its terms.

        Parameters
        ----------
        signer : Signer
            The administrator.
        name : str
            The model's.
        config : ModelConfig
        genesis_champion : str
            Commitment to the first champion; fixed by the first call.

        Returns
        -------
        str or None
            Hash of the transaction; None when these terms are in force already.
        """
        genesis = digest_hex("genesis_champion", genesis_champion)
        standing = self.model(name)
        if standing is not None and standing.has_terms(config) and standing.genesis == genesis:
            return None
        return self.transact(
            signer,
            "configureModel",
            name_id(name),
            config.arguments(),
            bytes.fromhex(genesis[2:]),
        )

    def move_head(
        self, signer: Signer, name: str, from_: str, to: str, *, reason: str
    ) -> str | None:
        """Move a model's head without payment: an unpaid promotion, or a rollback.

        Parameters
        ----------
        signer : Signer
            A maintainer.
        name : str
            The model's.
        from_ : str
            The head that is believed current; a stale one is refused.
        to : str
            The head from now on.
        reason : str
            For the record on chain.

        Returns
        -------
        str or None
            Hash of the transaction; None when the head is `to` already.
        """
        before, after = digest_hex("from_", from_), digest_hex("to", to)
        if self.head(name) == after:
            return None
        try:
            return self.transact(
                signer,
                "moveHead",
                name_id(name),
                bytes.fromhex(before[2:]),
                bytes.fromhex(after[2:]),
                reason,
            )
        except ContractRefused:
            # Another process, or this one before it was killed, may have been first.
            if self.head(name) == after:
                return None
            raise

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

    # ------------------------------------------------------------------ inside

    def _why(self, receipt: TxReceipt, sender: str, data: bytes) -> ContractRefused:
        """Repeat a failed call before its block, to read the refusal that receipts omit."""
        call = {"from": sender, "to": self.address, "data": data}
        try:
            with refusals():
                self.web3.eth.call(call, receipt["blockNumber"] - 1)  # type: ignore[arg-type]
        except ContractRefused as refused:
            return refused
        return ContractRefused("reverted on chain, though the same call succeeds before it")
