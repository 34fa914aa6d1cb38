"""Oracle attestation: a quorum of distinct registered signers over one improvement."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data

from hokusai_mlflow.chain.improvement import Improvement
from hokusai_mlflow.chain.maintenance import Maintenance
from hokusai_mlflow.chain.proven import PublicPart
from hokusai_mlflow.chain.signer import Signer
from hokusai_mlflow.errors import EvidenceMismatch, InputError


def attest(
    statement: Improvement | Maintenance | PublicPart,
    domain: Mapping[str, Any],
    signers: Sequence[Signer],
) -> list[bytes]:
    """Sign an improvement, or a later measurement of one, with several oracles.

    Parameters
    ----------
    statement : Improvement, Maintenance or PublicPart
    domain : mapping
        Of the contract that will check; see `chain.improvement.signing_domain`.
    signers : sequence of Signer
        Distinct oracles, in any order.

    Returns
    -------
    list of bytes
        One signature of 65 bytes each, in the contract's order: by ascending signer.
    """
    by_address = {int(signer.address, 16): signer for signer in signers}
    if len(by_address) != len(signers):
        raise InputError("an oracle is given twice; each signs once")
    return [
        by_address[number].sign_typed(domain, statement.TYPES, statement.message())
        for number in sorted(by_address)
    ]


def recover(
    statement: Improvement | PublicPart | Maintenance,
    domain: Mapping[str, Any],
    signature: bytes,
) -> str:
    """Who signed.

    Parameters
    ----------
    statement : Improvement, PublicPart or Maintenance
    domain : mapping
    signature : bytes, length 65

    Returns
    -------
    str
        An address. Of a signature over anything else, some address that nobody knows.

    Raises
    ------
    EvidenceMismatch
        The bytes are no signature at all.
    """
    message = encode_typed_data(dict(domain), statement.TYPES, statement.message())
    try:
        return str(Account.recover_message(message, signature=signature))
    except Exception:
        raise EvidenceMismatch(
            f"a signature is 65 bytes of r, s and v; {len(signature)} bytes were given that "
            "are not one"
        ) from None


def require_quorum(
    statement: Improvement | PublicPart | Maintenance,
    domain: Mapping[str, Any],
    signatures: Sequence[bytes],
    *,
    oracles: Collection[str],
    quorum: int,
) -> tuple[str, ...]:
    """Check signatures as the contract does, before any call to it.

    Parameters
    ----------
    statement : Improvement, PublicPart or Maintenance
    domain : mapping
    signatures : sequence of bytes
        By ascending signer.
    oracles : collection of str
        Addresses of the registered oracles.
    quorum : int

    Returns
    -------
    tuple of str
        The signers, ascending.

    Raises
    ------
    EvidenceMismatch
        Too few signatures, an unregistered signer, or signers not strictly ascending.
    """
    if len(signatures) < quorum:
        raise EvidenceMismatch(
            f"{quorum} oracles must sign, found {len(signatures)} signatures; ask more oracles"
        )
    known = {oracle.lower() for oracle in oracles}
    signers = [recover(statement, domain, signature) for signature in signatures]
    for signer in signers:
        if signer.lower() not in known:
            raise EvidenceMismatch(
                f"{signer} is not a registered oracle; either its signature is over other "
                "content, another chain or contract, or it must be registered first"
            )
    numbers = [int(signer, 16) for signer in signers]
    if sorted(set(numbers)) != numbers:
        raise EvidenceMismatch(
            f"signatures must come by strictly ascending signer, each once; found {signers}"
        )
    return tuple(signers)
