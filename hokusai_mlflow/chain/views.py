"""What the contract answers without a transaction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eth_typing import HexStr
from web3 import Web3
from web3.types import TxReceipt

from hokusai_mlflow.chain.artifact import artifact
from hokusai_mlflow.chain.claims import Share
from hokusai_mlflow.chain.connect import is_development
from hokusai_mlflow.chain.contract import Contract
from hokusai_mlflow.chain.events import (
    ChainEvent,
    RecordedImprovement,
    decode_logs,
    read_logs,
    recorded_improvement,
)
from hokusai_mlflow.chain.improvement import address as checked_address
from hokusai_mlflow.chain.improvement import digest_hex, name_id, signing_domain
from hokusai_mlflow.chain.model import ModelOnChain
from hokusai_mlflow.chain.proven import Proven
from hokusai_mlflow.chain.refusals import refusals

_NO_HEAD = bytes(32)


class Views(Contract):
    """A deployed `DeltaOneVerifier`, looked at.

    Parameters
    ----------
    web3 : Web3
    address : str
        The contract's.
    home : path-like
        Folder with the signers' locks.
    from_block : int
        The block that created the contract: where searches for events begin.
    """

    def __init__(self, web3: Web3, address: str, *, home: Path | str, from_block: int = 0) -> None:
        super().__init__(web3, address, "DeltaOneVerifier", home=home)
        self.from_block = from_block

    @property
    def domain(self) -> dict[str, Any]:
        """EIP-712 domain that oracles sign under."""
        return signing_domain(self.chain_id, self.address)

    def model(self, name: str) -> ModelOnChain | None:
        """Terms and state of a model; None when it is not configured."""
        return self.model_of("0x" + name_id(name).hex())

    def model_of(self, model_id: str, block: int | None = None) -> ModelOnChain | None:
        """The same by the model's id on chain: now, or after a block."""
        asked = self._contract.functions.model(bytes.fromhex(model_id[2:]))
        with refusals():
            config, state = asked.call(block_identifier="latest" if block is None else block)
        config = _named(config, self._outputs("model")[0])
        state = _named(state, self._outputs("model")[1])
        return ModelOnChain.of(config, state) if bytes(state["genesis"]) != _NO_HEAD else None

    def terms(self, name: str) -> dict[str, Any]:
        """The contract's own ``ModelConfig`` of a model, field by field in its order."""
        with refusals():
            config, _ = self._contract.functions.model(name_id(name)).call()
        return _named(config, self._outputs("model")[0])

    def head(self, name: str) -> str | None:
        """Commitment to a model's champion; None when the model is not configured."""
        with refusals():
            head = bytes(self._contract.functions.head(name_id(name)).call())
        return None if head == _NO_HEAD else "0x" + head.hex()

    def is_used(self, evidence: str) -> bool:
        """Whether an evidence digest was paid."""
        digest = bytes.fromhex(digest_hex("evidence", evidence)[2:])
        with refusals():
            return bool(self._contract.functions.usedEvidence(digest).call())

    def is_seen(self, name: str, commitment: str) -> bool:
        """Whether a model's commitment was ever its champion: it can no longer be paid."""
        digest = bytes.fromhex(digest_hex("commitment", commitment)[2:])
        with refusals():
            return bool(self._contract.functions.seen(name_id(name), digest).call())

    def oracles(self) -> tuple[str, ...]:
        """Addresses of the registered oracles."""
        with refusals():
            return tuple(self._contract.functions.oracles().call())

    def quorum(self) -> int:
        """How many oracles must sign."""
        with refusals():
            return int(self._contract.functions.quorum().call())

    def is_paused(self) -> bool:
        """Whether improvements are stopped."""
        with refusals():
            return bool(self._contract.functions.paused().call())

    def proofs(self) -> str:
        """Address of the `ProofVerifier` that checks proofs for this contract."""
        with refusals():
            return str(self._contract.functions.proofs().call())

    def token(self) -> str:
        """Address of the DeltaOne token."""
        with refusals():
            return str(self._contract.functions.token().call())

    def balance(self, account: str) -> int:
        """DeltaOnes of an account, in wei."""
        return int(self._token().functions.balanceOf(checked_address(account)).call())

    def supply(self, block: int | None = None) -> int:
        """All DeltaOnes, in wei: now, or after a block."""
        call = self._token().functions.totalSupply()
        return int(call.call(block_identifier="latest" if block is None else block))

    def status(self) -> dict[str, Any]:
        """Everything a status page shows of the contract, JSON-safe."""
        return {
            "chain_id": self.chain_id,
            "development": is_development(self.web3),
            "block": self.web3.eth.block_number,
            "verifier": self.address,
            "token": self.token(),
            "supply": str(self.supply()),
            "oracles": list(self.oracles()),
            "quorum": self.quorum(),
            "paused": self.is_paused(),
        }

    # ------------------------------------------------------------------ of one improvement

    def claimed(self, evidence: str, share: Share) -> int:
        """Wei that a share of an improvement was paid."""
        digest = bytes.fromhex(digest_hex("evidence", evidence)[2:])
        with refusals():
            return int(self._contract.functions.claimed(digest, share.leaf).call())

    def held(self, evidence: str) -> int:
        """Wei of an improvement that wait for a later measurement."""
        return self.holding(evidence)[0]

    def holding(self, evidence: str) -> tuple[int, int]:
        """What waits, in wei, and the first second in Unix time at which a measurement counts."""
        digest = bytes.fromhex(digest_hex("evidence", evidence)[2:])
        with refusals():
            _, amount, from_ = self._contract.functions.holdings(digest).call()
        return int(amount), int(from_)

    # ------------------------------------------------------------------ events

    def event(self, name: str, evidence: str) -> ChainEvent | None:
        """The event of this name about an evidence digest, where there can be but one."""
        digest = bytes.fromhex(digest_hex("evidence", evidence)[2:])
        logs = self._contract.events[name]().get_logs(
            from_block=self.from_block, argument_filters={"evidence": digest}
        )
        if not logs:
            return None
        receipt = self.web3.eth.get_transaction_receipt(logs[0]["transactionHash"])
        wanted = logs[0]["logIndex"]
        return next(e for e in self.receipt_events(receipt) if e.log_index == wanted)

    def recorded(self, evidence: str) -> RecordedImprovement | None:
        """The payment of an evidence digest, read from the chain's events; None when unpaid."""
        event = self.event("ImprovementRecorded", evidence)
        if event is None:
            return None
        # Events of payments lie in the transaction that recorded the improvement.
        receipt = self.web3.eth.get_transaction_receipt(HexStr(event.transaction))
        return self.improvement_in(receipt, evidence)

    def improvement_in(self, receipt: TxReceipt, evidence: str) -> RecordedImprovement | None:
        """The payment of an evidence digest in a receipt; None when it is not in it."""
        wanted = digest_hex("evidence", evidence)
        events = [
            event
            for event in self.receipt_events(receipt)
            if event.arguments.get("evidence") == wanted
        ]
        if not any(event.name == "ImprovementRecorded" for event in events):
            return None
        return recorded_improvement(events, block_hash="0x" + bytes(receipt["blockHash"]).hex())

    def proven_in(self, transaction: str) -> tuple[dict[str, Any], Proven] | None:
        """Improvement, as its message, and proofs of a transaction; None when it handed in none."""
        found = self.web3.eth.get_transaction(transaction)  # type: ignore[arg-type]
        if found.get("to") != self.address:
            return None
        function, said = self._contract.decode_function_input(found["input"])
        if function.fn_name != "processProvenImprovement":
            return None
        return dict(said["improvement"]), Proven.decode(said["proven"])

    def receipt_events(self, receipt: TxReceipt) -> tuple[ChainEvent, ...]:
        """The contract's events in a receipt."""
        return decode_logs(self._contract, receipt["logs"])

    def events(
        self, *, from_block: int | None = None, to_block: int | None = None
    ) -> tuple[ChainEvent, ...]:
        """All events of the contract, oldest first."""
        first = self.from_block if from_block is None else from_block
        last = self.web3.eth.block_number if to_block is None else to_block
        return decode_logs(self._contract, read_logs(self.web3, self.address, first, last))

    # ------------------------------------------------------------------ inside

    def _token(self) -> Any:
        return self.web3.eth.contract(address=self.token(), abi=artifact("DeltaOne").abi)  # type: ignore[call-overload]

    def _outputs(self, function: str) -> list[dict[str, Any]]:
        return next(
            entry["outputs"]
            for entry in artifact("DeltaOneVerifier").abi
            if entry["type"] == "function" and entry["name"] == function
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address} on chain {self.chain_id})"


def _named(values: Any, description: dict[str, Any]) -> dict[str, Any]:
    names = [part["name"] for part in description["components"]]
    return dict(zip(names, values, strict=True))
