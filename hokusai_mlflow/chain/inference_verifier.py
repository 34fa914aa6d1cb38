"""The client of `InferenceVerifier`: commitments, draws and proofs about models' predictions."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from hokusai_mlflow.chain.artifact import artifact
from hokusai_mlflow.chain.connect import is_development
from hokusai_mlflow.chain.contract import Contract
from hokusai_mlflow.chain.improvement import digest_hex, name_id
from hokusai_mlflow.chain.inference import Draw, InferenceTerms, Inferred, header_of
from hokusai_mlflow.chain.proof_verifier import MODES, Mode, ProofVerifier
from hokusai_mlflow.chain.proven import key_hash
from hokusai_mlflow.chain.refusals import refusals
from hokusai_mlflow.chain.signer import Signer
from hokusai_mlflow.chain.transactions import (
    await_receipt,
    broadcast,
    prepare,
    signer_lock,
)
from hokusai_mlflow.errors import ChainError, ContractRefused

Sizes = tuple[int, int, int]
"""Capacity, bits and slots of a circuit."""

PROOFS_PER_TRANSACTION = 8
_NOBODY = "0x" + "00" * 20


class InferenceVerifier(Contract):
    """The contract that checks that predictions come from models.

    Parameters
    ----------
    proofs : ProofVerifier
        The contract that asks it.
    address : str
    """

    def __init__(self, proofs: ProofVerifier, address: str) -> None:
        super().__init__(proofs.web3, address, "InferenceVerifier", home=proofs.home)

    @classmethod
    def find(cls, proofs: ProofVerifier) -> InferenceVerifier | None:
        """The one that a `ProofVerifier` asks; None when there is none.

        Raises
        ------
        ChainError
            When what lies there is other code than this package's.
        """
        found = proofs.inference()
        if found is None:
            return None
        made, expected = cls(proofs, found), artifact("InferenceVerifier")
        code = bytes(proofs.web3.eth.get_code(made.address))
        if expected.code_digest(code) != expected.digest:
            raise ChainError(f"{found} is not the InferenceVerifier of this package")
        return made

    @classmethod
    def deploy(cls, proofs: ProofVerifier, administrator: Signer) -> InferenceVerifier:
        """The one that a `ProofVerifier` asks, put on the chain first when there is none.

        Killed between the two, another one is made, and the first is never asked.
        """
        found = cls.find(proofs)
        if found is not None:
            return found
        web3, compiled = proofs.web3, artifact("InferenceVerifier")
        creation = web3.eth.contract(abi=compiled.abi, bytecode=compiled.bytecode).constructor(
            proofs.address
        )
        with signer_lock(proofs.home, administrator.address):
            with refusals():
                data = bytes.fromhex(creation.data_in_transaction[2:])
                transaction = prepare(web3, administrator, to=None, data=data)
            raw, transaction_hash = administrator.sign_transaction(transaction)
            broadcast(web3, raw, transaction_hash)
            receipt = await_receipt(web3, transaction_hash)
        if receipt["status"] != 1 or receipt["contractAddress"] is None:
            raise ChainError(f"the creation {transaction_hash} failed on chain; try again")
        made = cls(proofs, receipt["contractAddress"])
        proofs.set_inference(administrator, made.address)
        return made

    # ------------------------------------------------------------------ keys and terms

    def mode(self, key: str) -> Mode:
        """Who made a registered key; ``unknown`` when it does not count."""
        with refusals():
            found = int(self._contract.functions.modes(_digest("key", key)).call())
        return MODES[found]

    def sizes(self, key: str) -> Sizes:
        """Capacity, bits and slots of a registered key's circuit; zeros of another."""
        with refusals():
            capacity, bits, slots = self._contract.functions.circuits(_digest("key", key)).call()
        return capacity, bits, slots

    def register_key(
        self, signer: Signer, key: Sequence[int], sizes: Sizes, mode: Mode
    ) -> str | None:
        """Let a verifying key count; None when it does already."""
        digest = key_hash(key)
        if self.mode(digest) == mode and self.sizes(digest) == tuple(sizes):
            return None
        return self.transact(signer, "registerKey", list(key), tuple(sizes), MODES.index(mode))

    def terms(self, model: str) -> InferenceTerms | None:
        """How a model's inference is to be proven; None when it is not."""
        with refusals():
            rows, delay, draws, owner = self._contract.functions.terms(name_id(model)).call()
        return InferenceTerms(rows, delay, draws, owner) if rows else None

    def demand(self, signer: Signer, model: str, terms: InferenceTerms) -> str | None:
        """Ask for inference proofs of a model; None when they are asked for already."""
        if self.terms(model) == terms:
            return None
        return self.transact(signer, "demandInference", name_id(model), terms.arguments())

    # ------------------------------------------------------------------ commitments

    def features_since(self, model: str, evaluation_set: str) -> int | None:
        """Block in which a set's features were committed to; None when they were not."""
        with refusals():
            said = (name_id(model), _digest("evaluation_set", evaluation_set))
            return int(self._contract.functions.featuresSince(*said).call()) or None

    def weights(self, model: str, digest: str) -> int | None:
        """Commitment to the weights of a model that improvements name; None when there is none."""
        with refusals():
            said = (name_id(model), _digest("model", digest))
            return int(self._contract.functions.weights(*said).call()) or None

    def commit_features(
        self, signer: Signer, model: str, evaluation_set: str, features: Sequence[int]
    ) -> None:
        """Commit to an evaluation set's features, once; again changes nothing."""
        if self.features_since(model, evaluation_set) is None:
            said = (name_id(model), _digest("evaluation_set", evaluation_set), list(features))
            self._once(signer, "FeaturesAlreadyCommitted", "commitFeatures", *said)

    def commit_weights(self, signer: Signer, model: str, digest: str, weights: int) -> None:
        """Commit to a model's weights, once; again changes nothing.

        Raises
        ------
        ContractRefused
            When other weights were committed to.
        """
        if self.weights(model, digest) != weights:
            said = (name_id(model), _digest("model", digest), weights)
            self.transact(signer, "commitWeights", *said)

    def commit_predictions(self, signer: Signer, model: str, said: Inferred) -> None:
        """Commit to predictions; once for a candidate, unless its draw lapsed."""
        self._once(
            signer,
            "PredictionsAlreadyCommitted",
            "commitPredictions",
            name_id(model),
            said.arguments(),
        )

    def _once(self, signer: Signer, already: str, function: str, *arguments: Any) -> None:
        try:
            self.transact(signer, function, *arguments)
        except ContractRefused as refused:
            # Another process, or this one before it was killed, may have been first.
            if refused.reason != already:
                raise

    # ------------------------------------------------------------------ draw and proofs

    def draw(self, model: str, candidate: str) -> Draw | None:
        """What is known of a candidate's inference; None when nothing was committed to."""
        with refusals():
            said = (name_id(model), _digest("candidate", candidate))
            commitment, statement, seed, drawn_by, rows, complete = self._contract.functions.drawOf(
                *said
            ).call()
        if not any(commitment):
            return None
        fixed = bytes(seed) if any(seed) else b""
        return Draw(bytes(commitment), bytes(statement), fixed, drawn_by, rows, complete)

    def await_block(self, number: int, *, poll: float = 2.0, most: float = 7_200.0) -> None:
        """Wait until a block exists and one after it; on the development chain, mine them.

        Raises
        ------
        ChainError
            When the chain stands still for two hours.
        """
        until = time.monotonic() + most
        while self.web3.eth.block_number <= number:
            if is_development(self.web3):
                self.web3.provider.make_request("evm_mine", [])  # type: ignore[arg-type]
            elif time.monotonic() > until:
                raise ChainError(f"block {number} did not come within {most:.0f} s; run again")
            else:
                time.sleep(poll)

    def fix_draw(self, signer: Signer, model: str, candidate: str, drawn_by: int) -> None:
        """Draw rows by the block that was named; again changes nothing."""
        header, _ = header_of(self.web3, drawn_by)
        said = (name_id(model), _digest("candidate", candidate), header)
        self._once(signer, "DrawIsFixed", "fixDraw", *said)

    def rows_of(self, seed: bytes, part: int, rows: int, count: int) -> list[int]:
        """The rows that the contract draws; `verification.zk.sampling.draw_rows` draws the same."""
        with refusals():
            return list(self._contract.functions.rowsOf(seed, part, rows, count).call())

    def prove(
        self,
        signer: Signer,
        model: str,
        said: Inferred,
        key: Sequence[int],
        points: Sequence[Sequence[int]],
    ) -> str:
        """Hand in proofs of the next drawn rows; the transaction's hash."""
        words = [list(one) for one in points]
        arguments = (name_id(model), said.arguments(), list(key), words)
        return self.transact(signer, "proveInference", *arguments)

    # ------------------------------------------------------------------ looking back

    def committed_in(self, model: str, candidate: str) -> int | None:
        """Block of the last commitment to a candidate's predictions; None when there is none."""
        wanted = {"modelId": name_id(model), "candidate": _digest("candidate", candidate)}
        logs = self._contract.events.PredictionsCommitted().get_logs(
            from_block=0, argument_filters=wanted
        )
        return int(logs[-1]["blockNumber"]) if logs else None

    def handed_in(self, model: str, candidate: str) -> list[tuple[Inferred, list[int], list[Any]]]:
        """Commitment, key and proofs of every transaction about a candidate, oldest first."""
        events = self._contract.events.InferenceProven()
        wanted = {"modelId": name_id(model), "candidate": _digest("candidate", candidate)}
        found = []
        for log in events.get_logs(from_block=0, argument_filters=wanted):
            transaction = self.web3.eth.get_transaction(log["transactionHash"])
            if transaction.get("to") != self.address:
                raise ChainError(
                    f"{log['transactionHash'].hex()} proved through another contract; its proofs "
                    "are not read here"
                )
            _, given = self._contract.decode_function_input(transaction["input"])
            found.append((Inferred.of(given["said"]), list(given["key"]), list(given["points"])))
        return found

    def __repr__(self) -> str:
        return f"InferenceVerifier({self.address} on chain {self.chain_id})"


def _digest(name: str, digest: str) -> bytes:
    return bytes.fromhex(digest_hex(name, digest)[2:])
