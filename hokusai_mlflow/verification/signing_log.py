"""What an oracle has signed: append-only, hash-chained, and never two candidates for one head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hokusai_mlflow.chain.improvement import Improvement
from hokusai_mlflow.chain.proven import PublicPart
from hokusai_mlflow.chain.signer import Signer
from hokusai_mlflow.errors import EvidenceMismatch, LedgerConflict
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.verification.oracle import attest

ADMITTED, SIGNED = "oracle.admitted", "oracle.signed"


def sign_once(
    log: Ledger,
    signer: Signer,
    domain: Mapping[str, Any],
    improvement: Improvement,
    part: PublicPart | None = None,
) -> bytes:
    """Sign an improvement that was verified, unless another candidate was signed for this head.

    The candidate is in the log before anything is signed; the signature, which commits to all of
    the improvement, is in the log before anybody sees it.

    Parameters
    ----------
    log : Ledger
        The oracle's own.
    signer : Signer
    domain : mapping
        Of the contract that will check.
    improvement : Improvement
    part : PublicPart, optional
        Of a hybrid, what is signed in its place: what this oracle sees of it.

    Returns
    -------
    bytes, length 65

    Raises
    ------
    EvidenceMismatch
        When this oracle signed another candidate, or other evidence, for the same head.
    """
    where = f"{domain['chainId']}/{domain['verifyingContract']}/{signer.address}"
    head = f"{where}/{improvement.model}/{improvement.champion}"
    body = {"candidate": improvement.candidate, "evidence": improvement.evidence}
    try:
        log.append(ADMITTED, head, body, model=improvement.model)
    except LedgerConflict:
        stored = log.get(ADMITTED, head)
        before = stored.body if stored else {}
        raise EvidenceMismatch(
            f"{signer.address} signed the candidate {before.get('candidate')} (evidence "
            f"{before.get('evidence')}) for the head {improvement.champion} of "
            f"{improvement.model}, and signs no other one for it; found {improvement.candidate} "
            f"(evidence {improvement.evidence})"
        ) from None
    (signature,) = attest(improvement if part is None else part, domain, [signer])
    signed: dict[str, Any] = {"improvement": improvement.to_dict()}
    if part is not None:
        signed["part"] = part.to_dict()
    signed["signature"] = "0x" + signature.hex()
    key = f"{where}/{improvement.evidence}/{improvement.deadline}"
    log.append(SIGNED, key, signed, model=improvement.model)
    return signature
