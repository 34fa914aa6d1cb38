"""The contract's client: everything this package asks of `DeltaOneVerifier`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from web3 import Web3

from hokusai_mlflow.chain.claims import Share
from hokusai_mlflow.chain.deployment import Deployment
from hokusai_mlflow.chain.improvement import Improvement, digest_hex, name_id
from hokusai_mlflow.chain.maintenance import Maintenance
from hokusai_mlflow.chain.model import ModelConfig
from hokusai_mlflow.chain.proven import Proven
from hokusai_mlflow.chain.refusals import decode_error, refusals
from hokusai_mlflow.chain.signer import Signer
from hokusai_mlflow.chain.views import Views
from hokusai_mlflow.errors import ContractRefused


class Verifier(Views):
    """A deployed `DeltaOneVerifier`, to look at and to act on; made as `Views` is."""

    @classmethod
    def of(cls, web3: Web3, deployment: Deployment, *, home: Path | str) -> Verifier:
        """The verifier of a deployment."""
        return cls(web3, deployment.address, home=home, from_block=deployment.block)

    # ------------------------------------------------------------------ improvements

    def process_call_data(
        self, improvement: Improvement, signatures: Sequence[bytes], proven: Proven | None = None
    ) -> bytes:
        """Call data of ``processImprovement``, or with a proof of ``processProvenImprovement``."""
        said, signed = improvement.message(), list(signatures)
        if proven is None:
            return self.call_data("processImprovement", said, signed)
        return self.call_data("processProvenImprovement", said, signed, proven.encode())

    def expected_reward(
        self, improvement: Improvement, signatures: Sequence[bytes], proven: Proven | None = None
    ) -> int:
        """Wei that the contract would pay now.

        Raises
        ------
        ContractRefused
            As the transaction would.
        """
        view, said = self._contract.functions, (improvement.message(), list(signatures))
        with refusals():
            if proven is None:
                return int(view.verifyAndCalculateReward(*said).call())
            return int(view.verifyProvenAndCalculateReward(*said, proven.encode()).call())

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
