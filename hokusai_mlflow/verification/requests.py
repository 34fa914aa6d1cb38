"""Attestations by outside oracles: asked for once, collected whenever somebody looks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from hokusai_mlflow.chain.improvement import Improvement, address
from hokusai_mlflow.chain.outbox import Outbox
from hokusai_mlflow.chain.proven import Proven
from hokusai_mlflow.chain.settlement import INTENT, Settlement
from hokusai_mlflow.chain.verifier import Verifier
from hokusai_mlflow.errors import HokusaiError, InputError
from hokusai_mlflow.ledger import Entry, Ledger
from hokusai_mlflow.verification.exchange import REQUEST, Exchange
from hokusai_mlflow.verification.oracle import recover

REQUESTED = "attestation.requested"


def ask(
    ledger: Ledger,
    verifier: Verifier,
    place: str,
    improvement: Improvement,
    *,
    attempt: str | None,
    proven: Proven | None = None,
) -> Entry:
    """Ask outside oracles to attest an improvement; again while the first request is valid: that.

    Parameters
    ----------
    ledger : Ledger
    verifier : Verifier
        The contract that will pay.
    place : str
        See `Exchange`.
    improvement : Improvement
    attempt : str or None
        Attempt that it belongs to.
    proven : Proven, optional
        Proofs of its sums, where the model asks for both.

    Returns
    -------
    Entry
        The request that is in force.
    """
    evidence = improvement.evidence[2:]
    request = _standing(ledger, verifier, evidence)
    if request is None:
        body = {
            "chain_id": verifier.chain_id,
            "contract": verifier.address,
            "improvement": improvement.to_dict(),
            "place": place,
            **({} if proven is None else {"proven": proven.to_dict()}),
        }
        key = f"{evidence}/{improvement.deadline}"
        request = ledger.append(REQUESTED, key, body, model=improvement.model, attempt=attempt)
    told = {name: value for name, value in request.body.items() if name != "place"}
    Exchange(request.body["place"]).put(evidence, REQUEST, told)
    return request


def collect(ledger: Ledger, verifier: Verifier, outbox: Outbox) -> list[Settlement]:
    """Enqueue every improvement that enough oracles have signed.

    Parameters
    ----------
    ledger : Ledger
    verifier : Verifier
    outbox : Outbox
        Of the same contract.

    Returns
    -------
    list of Settlement
        One, waiting, for each request that has too few signatures yet.
    """
    waiting = []
    newest = {
        entry.body["improvement"]["evidence"][2:]: entry
        for entry in ledger.entries(kind=REQUESTED)
        if (entry.body["chain_id"], entry.body["contract"]) == (verifier.chain_id, verifier.address)
    }
    for evidence, request in newest.items():
        improvement = Improvement.from_dict(request.body["improvement"])
        if not _is_open(ledger, outbox, improvement):
            continue
        oracles, quorum = verifier.oracles(), verifier.quorum()
        documents = Exchange(request.body["place"]).documents(evidence)
        signatures = {
            signer: signature
            for signer, signature in (
                _signature(improvement, verifier, document)
                for name, document in documents.items()
                if name != REQUEST
            )
            if signer in oracles
        }
        if len(signatures) >= quorum:
            ordered = sorted(signatures, key=lambda signer: int(signer, 16))
            outbox.enqueue(
                improvement,
                [signatures[signer] for signer in ordered],
                model=request.model,
                attempt=request.attempt,
                proven=Proven.from_dict(request.body["proven"])
                if "proven" in request.body
                else None,
            )
            continue
        told = (
            f"{len(signatures)} of {quorum} oracles have signed at {request.body['place']}; they "
            f"run `hokusai attest EVIDENCE --place …` before {_date(improvement.deadline)}"
        )
        waiting.append(Settlement("waiting", evidence, request.model, request.attempt, error=told))
    return waiting


def read_request(document: Mapping[str, Any]) -> tuple[int, str, Improvement]:
    """Chain id, contract and improvement of a request that was found in an exchange.

    Raises
    ------
    InputError
        When it is none.
    """
    try:
        improvement = Improvement.from_dict(document["improvement"])
        return int(document["chain_id"]), address(document["contract"]), improvement
    except (KeyError, TypeError, ValueError) as problem:
        raise InputError(f"this is no request for an attestation: {problem}") from None


def _standing(ledger: Ledger, verifier: Verifier, evidence: str) -> Entry | None:
    """The newest request of an evidence that is still within its deadline."""
    for entry in ledger.entries(kind=REQUESTED, newest_first=True):
        same = (entry.body["chain_id"], entry.body["contract"]) == (
            verifier.chain_id,
            verifier.address,
        )
        if same and entry.body["improvement"]["evidence"][2:] == evidence:
            return entry if entry.body["improvement"]["deadline"] > time.time() else None
    return None


def _is_open(ledger: Ledger, outbox: Outbox, improvement: Improvement) -> bool:
    evidence = improvement.evidence[2:]
    if ledger.get(INTENT, evidence) is None:
        return True
    # Signed anew after what was signed first had passed its deadline.
    standing = outbox.settlement(evidence)
    return standing.state == "failed" and improvement.deadline > time.time()


def _signature(
    improvement: Improvement, verifier: Verifier, document: Mapping[str, Any]
) -> tuple[str, bytes]:
    """Who signed this very improvement in a document; ("", b"") when it is no signature."""
    try:
        signature = bytes.fromhex(str(document["signature"]).removeprefix("0x"))
        return recover(improvement, verifier.domain, signature), signature
    except (KeyError, ValueError, HokusaiError):
        return "", b""


def _date(deadline: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(min(deadline, 253_402_300_799)))
