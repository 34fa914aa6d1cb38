"""Proofs in the flow: labels committed to before a candidate is trained, sums proven before pay.

Everything here follows from the inputs and the split key, salts included, so that a run that was
killed commits to the same and proves the same again. Salts never leave this process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from hokusai_mlflow.attempt import Attempt
from hokusai_mlflow.chain.connect import is_development
from hokusai_mlflow.chain.development import LOCAL_CHAIN_ID
from hokusai_mlflow.chain.improvement import Improvement
from hokusai_mlflow.chain.proof_verifier import MODES, ProofTerms, ProofVerifier
from hokusai_mlflow.chain.proven import Proof, Proven, context_of
from hokusai_mlflow.chain.signer import Signer
from hokusai_mlflow.chain.verifier import Verifier
from hokusai_mlflow.errors import ChainError, InputError
from hokusai_mlflow.inputs import Inputs
from hokusai_mlflow.label_sets import (
    Chunk,
    circuit_of,
    label_set,
    required_statement,
    salt_of,
)
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.spec import Spec
from hokusai_mlflow.trial import Trial
from hokusai_mlflow.verification.statement import Statement
from hokusai_mlflow.verification.zk.setup import Progress, silent


def is_proven(spec: Spec) -> bool:
    """Whether a spec's sums are proven."""
    return spec.verification != "oracle"


def require_prover(spec: Spec) -> None:
    """Check that proofs can be made here, when a spec asks for them.

    Raises
    ------
    InputError
        When the extra ``zk`` is not installed.
    """
    if not is_proven(spec):
        return
    try:
        import py_ecc  # noqa: F401, PLC0415
        import zksnake  # noqa: F401, PLC0415
    except ImportError as problem:
        raise InputError(
            f"verification: {spec.verification} needs the prover, which is not installed "
            f"({problem.name} is missing): pip install 'hokusai-mlflow[zk]'"
        ) from None


def key_of(
    statement: Statement, settings: Settings, progress: Progress = silent, *, abroad: bool = False
) -> Any:
    """The strongest key of a statement's circuit that is kept here; a development key is made.

    Parameters
    ----------
    statement : Statement
    settings : Settings
    progress : callable, optional
    abroad : bool
        Whether it is for another chain than the development chain.

    Returns
    -------
    KeyRecord

    Raises
    ------
    ChainError
        When there is nothing but a development key, and it is to count elsewhere.
    """
    store, circuit = key_store(settings), circuit_of(statement.circuit)
    found = store.find(circuit)
    if abroad and (found is None or found.mode == "development"):
        raise ChainError(
            f"only the development chain takes a development key, and no other key of "
            f"{circuit.name} is kept here; import a ceremony's with `hokusai zk import-key`, or "
            "have an auditor make one by `hokusai zk setup --mode auditor`"
        )
    if found is not None:
        return found
    return store.make(circuit, progress=lambda stage, *far: progress(f"key, {stage}", *far))


def key_store(settings: Settings) -> Any:
    """Where keys are kept.

    Returns
    -------
    KeyStore
    """
    from hokusai_mlflow.verification.zk.keys import KeyStore  # noqa: PLC0415

    return KeyStore(settings.prepare().home / "zk")


# ---------------------------------------------------------------------- before predictions exist


def agree(
    verifier: Verifier,
    administrator: Signer,
    inputs: Inputs,
    settings: Settings,
    progress: Progress = silent,
) -> None:
    """Register key and terms of a model's proofs; again changes nothing.

    Parameters
    ----------
    verifier : Verifier
    administrator : Signer
    inputs : Inputs
    settings : Settings
    progress : callable, optional

    Raises
    ------
    ChainError
        When there is only a development key, and this is no development chain.
    """
    from hokusai_mlflow.verification.zk.keys import verifying_key  # noqa: PLC0415

    statement, spec = required_statement(inputs), inputs.spec
    abroad = not is_development(verifier.web3)
    record = key_of(statement, settings, progress, abroad=abroad)
    proofs = ProofVerifier(verifier)
    mode = MODES[MODES.index(record.mode)]
    words = verifying_key(record).words()
    proofs.register_key(administrator, words, statement.circuit, mode)
    proofs.configure(
        administrator,
        spec.model,
        ProofTerms(
            key=record.hash,
            score=statement.score,
            label_owner=spec.proof.label_owner or administrator.address,
            positive=statement.positive,
            max_part_percent=spec.proof.max_part_percent,
            min_commitment_age=spec.proof.min_commitment_age,
        ),
    )


def commit_labels(attempt: Attempt, verifier: Verifier, signer: Signer, settings: Settings) -> str:
    """Commit on chain to the labels that an attempt will be judged and paid by; once.

    Returns
    -------
    str
        The evaluation set's id.

    Raises
    ------
    ChainError
        When the chain has other terms, another key, or another label owner.
    """
    spec, proofs = attempt.inputs.spec, ProofVerifier(verifier)
    terms = proofs.terms(spec.model)
    statement = required_statement(attempt.inputs)
    if terms is None or (terms.score, terms.positive) != (statement.score, statement.positive):
        raise ChainError(
            f"the chain has no terms for proofs of {statement.score} for {spec.model}; an "
            "administrator runs `hokusai chain configure-model SPEC`"
        )
    record = key_of(statement, settings, abroad=not is_development(verifier.web3))
    if record.hash != terms.key:
        raise ChainError(
            f"on chain the proofs of {spec.model} are of the key {terms.key}, and the strongest "
            f"kept here is {record.hash} ({record.mode}); import the one on chain with `hokusai zk "
            "import-key`, or have an administrator register this one with `hokusai chain "
            "configure-model SPEC`"
        )
    found = label_set(attempt, settings)
    gate, payment = found.commitments
    if proofs.committed(spec.model, found.id(spec.model)) is None and (
        terms.label_owner != signer.address
    ):
        raise ChainError(
            f"only {terms.label_owner} commits to labels of {spec.model}, and this process signs "
            f"with {signer.address}"
        )
    return proofs.commit(signer, spec.model, gate, payment, shown=found.shown)


# ---------------------------------------------------------------------- before pay


def evaluation_set(attempt: Attempt, settings: Settings) -> str:
    """Id of the set of labels that an attempt is judged and paid by, committed to with salt."""
    return label_set(attempt, settings).id(attempt.inputs.spec.model).removeprefix("0x")


def described(attempt: Attempt, gate: Trial, payment: Trial, settings: Settings) -> dict[str, Any]:
    """The evidence's section about what will be proven: commitments, never what they hide."""
    statement, spec = required_statement(attempt.inputs), attempt.inputs.spec
    labels, record = label_set(attempt, settings), key_of(statement, settings)
    sets = {
        name: [
            {
                "n": len(chunk.rows),
                "labels": hex(chunk.commitment),
                "champion": hex(commitments[1]),
                "candidate": hex(commitments[2]),
            }
            for chunk, _, commitments in private_chunks(statement, one, chunks, settings, spec)
        ]
        for name, one, chunks in (("gate", gate, labels.gate), ("payment", payment, labels.payment))
    }
    return {
        "method": spec.verification,
        "oracles_too": spec.proof.oracles_too,
        "statement": statement.to_dict(),
        "key": record.hash,
        "mode": record.mode,
        "evaluation_set": labels.id(spec.model).removeprefix("0x"),
        "shown": labels.shown,
        **sets,
    }


def prove(
    attempt: Attempt,
    gate: Trial,
    payment: Trial,
    improvement: Improvement,
    domain: Mapping[str, Any],
    *,
    progress: Progress = silent,
) -> Proven:
    """Prove an improvement's sums for one contract on one chain.

    Parameters
    ----------
    attempt : Attempt
    gate, payment : Trial
    improvement : Improvement
        All of it is bound into every proof.
    domain : mapping
        Of the contract; see `hokusai_mlflow.chain.improvement.signing_domain`.
    progress : callable, optional
    """
    from hokusai_mlflow.verification.zk.keys import verifying_key  # noqa: PLC0415

    settings = Settings().prepare()
    statement, spec = required_statement(attempt.inputs), attempt.inputs.spec
    labels, abroad = label_set(attempt, settings), domain["chainId"] != LOCAL_CHAIN_ID
    record = key_of(statement, settings, progress, abroad=abroad)
    context = context_of(improvement, domain)

    def proofs(which: str, one: Trial, chunks: Sequence[Chunk]) -> tuple[Proof, ...]:
        from hokusai_mlflow.verification.zk import proving  # noqa: PLC0415

        def told(_: str, done: int, steps: int) -> None:
            whole = steps * len(chunks)
            progress(f"proving the {which}'s sums", steps * len(made) + done, whole)

        made: list[Proof] = []
        for _, rows, _ in private_chunks(statement, one, chunks, settings, spec):
            circuit = circuit_of(statement.circuit)
            store = key_store(settings)
            found = proving.prove(circuit, rows, context, store, record=record, progress=told)
            _, n, _, champion, candidate, *counts = found.inputs
            words = tuple(found.proof.words())
            made.append(Proof(n, champion, candidate, tuple(counts), words))
        return tuple(made)

    gate_labels, payment_labels = labels.commitments
    return Proven(
        key=tuple(verifying_key(record).words()),
        gate_labels=tuple(gate_labels),
        gate=proofs("gate", gate, labels.gate),
        payment_labels=tuple(payment_labels),
        payment=proofs("payment", payment, labels.payment),
        shown=None if labels.shown is None else "0x" + labels.shown,
        gate_shown=_tally(statement, gate, labels.gate_shown),
        payment_shown=_tally(statement, payment, labels.payment_shown),
    )


def seen_by_oracles(
    attempt: Attempt, gate: Trial, payment: Trial, settings: Settings
) -> dict[str, pd.DataFrame]:
    """Of a hybrid, the public examples with both models' predictions: what oracles are given.

    Returns
    -------
    dict of str to DataFrame
        Of the gate, and of the payment where it is measured apart.
    """
    labels = label_set(attempt, settings)
    sets = {"gate": (gate, labels.gate_shown)}
    if labels.payment:
        sets["payment"] = (payment, labels.payment_shown)
    return {
        which: pd.DataFrame({name: list(column) for name, column in one.predictions.items()}).iloc[
            places
        ]
        for which, (one, places) in sets.items()
    }


# ---------------------------------------------------------------------- inside


def private_chunks(
    statement: Statement, one: Trial, chunks: Sequence[Chunk], settings: Settings, spec: Spec
) -> Iterator[tuple[Chunk, Any, tuple[int, int, int]]]:
    """Chunks with their rows for the prover, and the three commitments to them."""
    from hokusai_mlflow.verification.zk.circuit import Rows  # noqa: PLC0415

    said = one.predictions
    columns = (
        statement.labels(said["target"]),
        statement.predictions(said["champion"]),
        statement.predictions(said["candidate"]),
    )
    key = settings.salt_key(spec.model, spec.data.split.key)
    circuit = circuit_of(statement.circuit)
    for chunk in chunks:
        values = [[column[row] for row in chunk.rows] for column in columns]
        # Predictions with other values are under another salt.
        content = [chunk.commitment, *map(repr, values[1:])]
        salts = (
            chunk.salt,
            salt_of(key, "champion", *content[:2]),
            salt_of(key, "candidate", content[0], content[2]),
        )
        rows = Rows(*values, salts)
        first, second, third = (circuit.commitment(*column) for column in rows.columns())
        if first != chunk.commitment:
            raise InputError("the labels are not those that were committed to; nothing is proven")
        yield chunk, rows, (first, second, third)


def _tally(statement: Statement, one: Trial, places: npt.NDArray[np.int64]) -> tuple[int, ...]:
    if not len(places):
        return ()
    said = one.predictions
    labels = statement.labels(said["target"][places])
    outputs = (statement.predictions(said[name][places]) for name in ("champion", "candidate"))
    return tuple(statement.tally(labels, *outputs))
