"""Attestations by outside oracles: asked for once, collected whenever somebody looks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hokusai_mlflow.chain.improvement import Improvement, address, signing_domain
from hokusai_mlflow.chain.outbox import Outbox
from hokusai_mlflow.chain.proven import Proven, PublicPart
from hokusai_mlflow.chain.settlement import INTENT, Settlement
from hokusai_mlflow.chain.verifier import Verifier
from hokusai_mlflow.errors import HokusaiError, InputError
from hokusai_mlflow.ledger import Entry, Ledger
from hokusai_mlflow.verification.exchange import REQUEST, Exchange
from hokusai_mlflow.verification.oracle import recover

REQUESTED = "attestation.requested"


@dataclass(frozen=True)
class Request:
    """What oracles are asked for.

    Parameters
    ----------
    chain_id : int
    contract : str
        Address of the contract that will pay.
    improvement : Improvement
    proven : Proven, optional
        Proofs of its sums, where the model asks for them.
    """

    chain_id: int
    contract: str
    improvement: Improvement
    proven: Proven | None = None

    @property
    def domain(self) -> dict[str, Any]:
        """Of the contract; see `signing_domain`."""
        return signing_domain(self.chain_id, self.contract)

    @property
    def part(self) -> PublicPart | None:
        """Of a hybrid, what is signed in place of the improvement."""
        return None if self.proven is None else self.proven.part(self.improvement, self.domain)

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Request:
        """Read a request that was found in an exchange, or in the ledger.

        Raises
        ------
        InputError
            When it is none.
        """
        try:
            return cls(
                int(given["chain_id"]),
                address(given["contract"]),
                Improvement.from_dict(given["improvement"]),
                Proven.from_dict(given["proven"]) if "proven" in given else None,
            )
        except (KeyError, TypeError, ValueError) as problem:
            raise InputError(f"this is no request for an attestation: {problem}") from None


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
        Proofs of its sums, where the model asks for them as well.

    Returns
    -------
    Entry
        The request that is in force.
    """
    evidence = improvement.evidence[2:]
    request = standing(ledger, verifier, evidence)
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
    put(request)
    return request


def put(request: Entry) -> None:
    """Put a request where oracles look for it; again changes nothing."""
    told = {name: value for name, value in request.body.items() if name != "place"}
    evidence = request.body["improvement"]["evidence"][2:]
    Exchange(request.body["place"]).put(evidence, REQUEST, told)


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
    for evidence, entry in newest.items():
        request = Request.from_dict(entry.body)
        if not _is_open(ledger, outbox, request.improvement):
            continue
        oracles, quorum = verifier.oracles(), verifier.quorum()
        documents = Exchange(entry.body["place"]).documents(evidence)
        signatures = {
            signer: signature
            for signer, signature in (
                _signature(request, document)
                for name, document in documents.items()
                if name != REQUEST
            )
            if signer in oracles
        }
        if len(signatures) >= quorum:
            ordered = sorted(signatures, key=lambda signer: int(signer, 16))
            outbox.enqueue(
                request.improvement,
                [signatures[signer] for signer in ordered],
                model=entry.model,
                attempt=entry.attempt,
                proven=request.proven,
            )
            continue
        told = (
            f"{len(signatures)} of {quorum} oracles have signed at {entry.body['place']}; they "
            f"run `hokusai attest EVIDENCE --place …` before {_date(request.improvement.deadline)}"
        )
        waiting.append(Settlement("waiting", evidence, entry.model, entry.attempt, error=told))
    return waiting


def requested(ledger: Ledger, evidence: str) -> Entry | None:
    """The newest request about an evidence digest.

    Parameters
    ----------
    ledger : Ledger
    evidence : str
        64 digits.
    """
    for entry in ledger.entries(kind=REQUESTED, newest_first=True):
        if entry.body["improvement"]["evidence"][2:] == evidence:
            return entry
    return None


def standing(ledger: Ledger, verifier: Verifier, evidence: str) -> Entry | None:
    """The newest request about an evidence digest, if it is to this contract and not too old.

    Parameters
    ----------
    ledger : Ledger
    verifier : Verifier
    evidence : str
        64 digits.
    """
    entry = requested(ledger, evidence)
    if entry is None:
        return None
    here = (entry.body["chain_id"], entry.body["contract"]) == (verifier.chain_id, verifier.address)
    return entry if here and entry.body["improvement"]["deadline"] > time.time() else None


def _is_open(ledger: Ledger, outbox: Outbox, improvement: Improvement) -> bool:
    evidence = improvement.evidence[2:]
    if ledger.get(INTENT, evidence) is None:
        return True
    # Signed anew after what was signed first had passed its deadline.
    standing = outbox.settlement(evidence)
    return standing.state == "failed" and improvement.deadline > time.time()


def _signature(request: Request, document: Mapping[str, Any]) -> tuple[str, bytes]:
    """Who signed what this request asks for, in a document; ("", b"") when it is no signature."""
    try:
        signature = bytes.fromhex(str(document["signature"]).removeprefix("0x"))
        return recover(request.part or request.improvement, request.domain, signature), signature
    except (KeyError, ValueError, HokusaiError):
        return "", b""


def _date(deadline: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(min(deadline, 253_402_300_799)))
