"""From an accepted improvement to a confirmed payment.

The attested or proven improvement, its settlement, and the move of the head where nothing is paid.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from hokusai_mlflow import inferring, proving, quantising, terms
from hokusai_mlflow.attempt import Attempt
from hokusai_mlflow.bench import Bench, open_chain
from hokusai_mlflow.chain.improvement import Improvement
from hokusai_mlflow.chain.inference import Draw
from hokusai_mlflow.chain.outbox import Outbox
from hokusai_mlflow.chain.proven import Proven
from hokusai_mlflow.chain.settlement import Settlement
from hokusai_mlflow.errors import ChainError
from hokusai_mlflow.evidence import Evidence
from hokusai_mlflow.inference_plan import Subject
from hokusai_mlflow.inputs import Inputs
from hokusai_mlflow.judgement import Judgement
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.spec import ChainSpec, Spec
from hokusai_mlflow.trial import Models, Trial
from hokusai_mlflow.verification.claimed import improvement_from
from hokusai_mlflow.verification.oracle import attest, require_quorum
from hokusai_mlflow.verification.requests import ask, collect, put, standing
from hokusai_mlflow.verification.zk.setup import Progress, silent

LAPSED = ("Expired", "NotAnOracle", "QuorumMissing")
"""Refusals after which oracles are asked again: a deadline passed, or oracles were replaced."""


def found_lineage(
    inputs: Inputs, digest: str, settings: Settings, progress: Progress = silent
) -> None:
    """Make a model's baseline the head of its lineage on chain; once, and again changes nothing.

    Where sums are proven, the key and the terms of proofs are registered as well.

    On a chain that is not the development chain this is the administrator's to do, with
    ``hokusai chain configure-model``.
    """
    spec = inputs.spec
    bench = open_chain(spec.chain, settings)
    if not bench.development:
        return
    if bench.verifier.head(spec.model) is None:
        bench.verifier.configure_model(bench.sender, spec.model, terms.model_config(spec), digest)
    if proving.is_proven(spec):
        proving.agree(bench.verifier, bench.sender, inputs, settings, progress)
    if quantising.is_inferred(spec):
        inferring.agree(bench.verifier, bench.sender, inputs, settings)


def commit_labels(attempt: Attempt, champion: Any, settings: Settings) -> str | None:
    """Commit to the labels that an attempt is judged and paid by; None where oracles verify.

    Where inference is proven, to the examples' features and the champion's weights too.
    """
    spec = attempt.inputs.spec
    if not proving.is_proven(spec):
        return None
    bench = open_chain(spec.chain, settings)
    found = proving.commit_labels(attempt, bench.verifier, bench.sender, settings)
    if quantising.is_inferred(spec):
        inferring.commit_features(attempt, champion, bench.verifier, bench.sender, settings)
    return found


def infer(
    judgement: Judgement,
    payment: Trial,
    both: Models,
    settings: Settings,
    *,
    progress: Progress = silent,
) -> Draw:
    """Prove on chain that the predictions that are paid for are the models'; once."""
    attempt = judgement.attempt
    bench = open_chain(attempt.inputs.spec.chain, settings)
    subject = Subject(attempt, judgement.candidate.digest, judgement.trial, payment, both)
    return inferring.infer(subject, bench.verifier, bench.sender, settings, progress=progress)


def require_head(spec: Spec, digest: str, settings: Settings) -> None:
    """Check that a model's head on chain is the champion, before anything is trained.

    Raises
    ------
    ChainError
        When it is not configured, or its head is another model.
    """
    bench = open_chain(spec.chain, settings)
    head = bench.verifier.head(spec.model)
    if head is None:
        raise ChainError(
            f"{spec.model} is not configured on chain {bench.verifier.chain_id}; an administrator "
            "runs `hokusai chain configure-model SPEC`"
        )
    if head.removeprefix("0x") != digest:
        raise ChainError(
            f"the head of {spec.model} on chain is {head}, the champion's digest is 0x{digest}; an "
            "administrator moves the head, or the registry's alias is set back"
        )


def pay(
    judgement: Judgement,
    payment: Trial,
    evidence: Evidence,
    ledger: Ledger,
    settings: Settings,
    *,
    progress: Progress = silent,
) -> Settlement:
    """Have an improvement vouched for, hand it to the outbox, and settle; once per evidence.

    By oracles, by a proof, or by both, as the spec's `verification` says.

    Returns
    -------
    Settlement
        Confirmed, or waiting for what `hokusai settle` will find done later.
    """
    chain = judgement.attempt.inputs.spec.chain
    bench = open_chain(chain, settings)
    outbox = _outbox(bench, chain, ledger)
    waiting: list[Settlement] = []
    if _lacks_signatures(outbox, ledger, evidence):
        waiting = _have_vouched_for(
            judgement,
            payment,
            evidence,
            bench=bench,
            outbox=outbox,
            ledger=ledger,
            progress=progress,
        )
    mine = [one for one in waiting if one.evidence == evidence.digest]
    if mine:
        return mine[0]
    outbox.settle()
    return outbox.settlement(evidence.digest)


def _have_vouched_for(
    judgement: Judgement,
    payment: Trial,
    evidence: Evidence,
    *,
    bench: Bench,
    outbox: Outbox,
    ledger: Ledger,
    progress: Progress,
) -> list[Settlement]:
    """Hand an improvement to the outbox, or to outside oracles; what waits for these."""
    attempt, verifier = judgement.attempt, bench.verifier
    spec, place = attempt.inputs.spec, attempt.inputs.spec.chain.attestations
    asked = None if place is None else standing(ledger, verifier, evidence.digest)
    if asked is not None:
        # With the proofs that were made for it; others would take as long again.
        put(asked)
        return collect(ledger, verifier, outbox)
    deadline = int(time.time()) + spec.chain.deadline_days * terms.DAY
    improvement, proven = improvement_from(evidence.document, deadline), None
    if proving.is_proven(spec):
        trials = (judgement.trial, payment)
        proven = proving.prove(attempt, *trials, improvement, verifier.domain, progress=progress)
    if place is not None:
        ask(ledger, verifier, place, improvement, attempt=attempt.id, proven=proven)
        return collect(ledger, verifier, outbox)
    signatures = _signatures(spec, bench, improvement, proven)
    outbox.enqueue(improvement, signatures, model=attempt.model, attempt=attempt.id, proven=proven)
    return []


def _signatures(
    spec: Spec, bench: Bench, improvement: Improvement, proven: Proven | None
) -> list[bytes]:
    """What the oracles of this process sign: all of it, the part that they see, or nothing."""
    domain = bench.verifier.domain
    if terms.method_of(spec) == "proof":
        return []
    part = None if proven is None else proven.part(improvement, domain)
    statement = improvement if part is None else part
    signatures = attest(statement, domain, bench.oracles)
    require_quorum(
        statement,
        domain,
        signatures,
        oracles=bench.verifier.oracles(),
        quorum=bench.verifier.quorum(),
    )
    return signatures


def _lacks_signatures(outbox: Outbox, ledger: Ledger, evidence: Evidence) -> bool:
    """Whether an improvement was never signed, or what was signed does not hold any more."""
    if ledger.get("settlement.intent", evidence.digest) is None:
        return True
    standing = outbox.settlement(evidence.digest)
    lapsed = any(name in (standing.error or "") for name in LAPSED)
    return standing.state == "failed" and lapsed


def settle(
    chain: ChainSpec, settings: Settings, ledger: Ledger, *, timeout: float = 60.0
) -> list[Settlement]:
    """Drain the outbox: broadcast what waits, confirm what was broadcast.

    Safe to run from any number of processes at any time.
    """
    return Desk(chain, settings, ledger).settle(timeout)


class Desk:
    """Settles on one chain, for whoever does it again and again.

    Parameters
    ----------
    chain : ChainSpec
    settings : Settings
    ledger : Ledger

    Raises
    ------
    ChainUnreachable, WrongChain, ChainError, InputError
        As `open_chain`.
    """

    def __init__(self, chain: ChainSpec, settings: Settings, ledger: Ledger) -> None:
        self._bench = open_chain(chain, settings)
        self._ledger = ledger
        self._outbox = _outbox(self._bench, chain, ledger)

    def settle(self, timeout: float, stop: threading.Event | None = None) -> list[Settlement]:
        """Collect outside oracles' signatures, then settle; see `Outbox.settle`."""
        waiting = collect(self._ledger, self._bench.verifier, self._outbox)
        return [*waiting, *self._outbox.settle(timeout, stop=stop)]


def _outbox(bench: Bench, chain: ChainSpec, ledger: Ledger) -> Outbox:
    return Outbox(ledger, bench.verifier, bench.sender, finality=chain.settled_by)


def move_head_unpaid(spec: Spec, evidence: Evidence, settings: Settings) -> str | None:
    """Move the lineage's head after a promotion that is not paid; again changes nothing.

    Raises
    ------
    ContractRefused
        When the head is neither the champion nor the candidate, or the sender may not move it.
    """
    document = evidence.document
    bench = open_chain(spec.chain, settings)
    return bench.verifier.move_head(
        bench.sender,
        spec.model,
        document["champion"]["digest"],
        document["candidate"]["digest"],
        reason=document["payment"]["reason"],
    )


def move_head_back(
    spec: Spec, champion: str, beaten: str, reason: str, settings: Settings
) -> str | None:
    """Move the lineage's head back after a rollback; again changes nothing.

    Parameters
    ----------
    spec : Spec
    champion, beaten : str
        Digests of the version that is rolled back and of the one that it had beaten.
    reason : str
        For the record on chain.
    settings : Settings

    Returns
    -------
    str or None
        Hash of the transaction; None when there is nothing to move.

    Raises
    ------
    ContractRefused
        When the head is neither of the two, or the sender may not move it.
    """
    bench = open_chain(spec.chain, settings)
    if bench.verifier.head(spec.model) is None:
        return None
    return bench.verifier.move_head(bench.sender, spec.model, champion, beaten, reason=reason)
