"""The client of `ProofVerifier`: keys, terms and commitments to labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from hokusai_mlflow.chain.contract import Contract
from hokusai_mlflow.chain.improvement import address, digest_hex, name_id
from hokusai_mlflow.chain.proven import evaluation_set_id, key_hash
from hokusai_mlflow.chain.refusals import refusals
from hokusai_mlflow.chain.signer import Signer
from hokusai_mlflow.chain.verifier import Verifier
from hokusai_mlflow.deltaone import PairedSums
from hokusai_mlflow.errors import ContractRefused, InputError
from hokusai_mlflow.proven_sums import COUNTED, MACRO, SCORES, Circuit, Score

Mode = Literal["unknown", "development", "auditor", "ceremony"]
MODES: tuple[Mode, ...] = get_args(Mode)
"""Who made a key, in the order of the contract's enumeration."""


@dataclass(frozen=True, slots=True)
class ProofTerms:
    """Terms under which proofs count for a model.

    Parameters
    ----------
    key : str
        Hash of the verifying key.
    score : {"accuracy", "precision", "recall", "f1", "loss"}
        The score whose sums are proven.
    label_owner : str
        Address that commits to evaluation sets.
    positive : int
        Of precision, recall and F1: the class that is meant; `MACRO` for the mean over all.
    max_part_percent : int
        Of a hybrid, the most of the examples that either part may hold; 50 to 99.
    min_commitment_age : int
        Blocks between commitment to the labels and improvement, at least 1.
    """

    key: str
    score: Score
    label_owner: str
    positive: int = MACRO
    max_part_percent: int = 80
    min_commitment_age: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", digest_hex("key", self.key))
        object.__setattr__(self, "label_owner", address(self.label_owner))
        if self.score not in SCORES:
            raise InputError(f"score must be one of {SCORES}, found {self.score!r}")
        for name, least, most in (
            ("positive", 0, MACRO),
            ("max_part_percent", 50, 99),
            ("min_commitment_age", 1, 2**32 - 1),
        ):
            if not least <= getattr(self, name) <= most:
                found = getattr(self, name)
                raise InputError(f"{name} must be from {least} to {most}, found {found}")

    def arguments(self) -> tuple[Any, ...]:
        """The contract's ``ProofTerms``."""
        return (
            bytes.fromhex(self.key[2:]),
            SCORES.index(self.score),
            self.positive,
            self.max_part_percent,
            self.min_commitment_age,
            self.label_owner,
        )


class ProofVerifier(Contract):
    """The contract that checks proofs for a `DeltaOneVerifier`.

    Parameters
    ----------
    verifier : Verifier
    """

    def __init__(self, verifier: Verifier) -> None:
        web3, home = verifier.web3, verifier.home
        super().__init__(web3, verifier.proofs(), "ProofVerifier", home=home)

    # ------------------------------------------------------------------ inference

    def inference(self) -> str | None:
        """Address of the contract that checks inference; None when there is none."""
        with refusals():
            found = str(self._contract.functions.inference().call())
        return found if int(found, 16) else None

    def set_inference(self, signer: Signer, given: str) -> str:
        """Name the contract that checks inference; once."""
        return self.transact(signer, "setInference", address(given))

    # ------------------------------------------------------------------ keys

    def mode(self, key: str) -> Mode:
        """Who made a registered key; ``unknown`` when it does not count."""
        with refusals():
            found = int(self._contract.functions.modes(_bytes("key", key)).call())
        return MODES[found]

    def circuit(self, key: str) -> Circuit | None:
        """What a registered key's circuit counts."""
        with refusals():
            counted, capacity, bits, range_ = self._contract.functions.circuits(
                _bytes("key", key)
            ).call()
        return Circuit(COUNTED[counted], capacity, bits, range_) if capacity else None

    def register_key(
        self, signer: Signer, key: Sequence[int], circuit: Circuit, mode: Mode
    ) -> str | None:
        """Let a verifying key count; None when it does already.

        Parameters
        ----------
        signer : Signer
            The administrator.
        key : sequence of int
            The key's words.
        circuit : Circuit
        mode : {"development", "auditor", "ceremony"}

        Raises
        ------
        ContractRefused
            A development key off the development chain; a key that is malformed or has γ = δ.
        """
        digest = key_hash(key)
        if self.mode(digest) == mode and self.circuit(digest) == circuit:
            return None
        said = (list(key), circuit.arguments(), MODES.index(mode))
        return self.transact(signer, "registerKey", *said)

    def revoke_key(self, signer: Signer, key: str) -> str:
        """Let a verifying key count no longer."""
        return self.transact(signer, "revokeKey", _bytes("key", key))

    # ------------------------------------------------------------------ terms

    def terms(self, model: str) -> ProofTerms | None:
        """Terms under which proofs count for a model; None when there are none."""
        with refusals():
            key, score, positive, most, age, owner = self._contract.functions.terms(
                name_id(model)
            ).call()
        if not any(key):
            return None
        return ProofTerms("0x" + bytes(key).hex(), SCORES[score], owner, positive, most, age)

    def configure(self, signer: Signer, model: str, terms: ProofTerms) -> str | None:
        """Set a model's terms; None when they are in force already."""
        if self.terms(model) == terms:
            return None
        return self.transact(signer, "configureProof", name_id(model), terms.arguments())

    # ------------------------------------------------------------------ labels

    def committed(self, model: str, evaluation_set: str) -> int | None:
        """Block in which an evaluation set was committed to; None when it was not."""
        wanted = _bytes("evaluation_set", evaluation_set)
        with refusals():
            return self._contract.functions.committed(name_id(model), wanted).call() or None

    def commit(
        self,
        signer: Signer,
        model: str,
        gate: Sequence[int],
        payment: Sequence[int] = (),
        *,
        shown: str | None = None,
    ) -> str:
        """Commit to an evaluation set, once; again changes nothing.

        Parameters
        ----------
        signer : Signer
            The label owner.
        model : str
        gate, payment : sequence of int
            Commitments to labels, strictly ascending; no `payment` when pay is measured on the
            gate's examples.
        shown : str, optional
            Digest of the examples that oracles see.

        Returns
        -------
        str
            The evaluation set's id.
        """
        evaluation_set = evaluation_set_id(model, shown, gate, payment)
        if self.committed(model, evaluation_set) is not None:
            return evaluation_set
        digest = bytes(32) if shown is None else _bytes("shown", shown)
        try:
            said = (name_id(model), digest, list(gate), list(payment))
            self.transact(signer, "commitEvaluationSet", *said)
        except ContractRefused as refused:
            # Another process, or this one before it was killed, may have been first.
            if refused.reason != "AlreadyCommitted":
                raise
        return evaluation_set

    def sums_of(
        self, tally: Sequence[int], circuit: Circuit, score: Score, positive: int = MACRO
    ) -> PairedSums:
        """The contract's own paired sums of a tally; see `hokusai_mlflow.proven_sums`."""
        said = (list(tally), circuit.arguments(), SCORES.index(score), positive)
        with refusals():
            return PairedSums(*self._contract.functions.sumsOf(*said).call())

    def __repr__(self) -> str:
        return f"ProofVerifier({self.address} on chain {self.chain_id})"


def _bytes(name: str, digest: str) -> bytes:
    return bytes.fromhex(digest_hex(name, digest)[2:])
