"""`hokusai attest`: an oracle signs what it has verified itself."""

# ruff: noqa: PLC0415

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hokusai_mlflow.cli import output
from hokusai_mlflow.cli.options import AsJson, read_settings
from hokusai_mlflow.errors import EvidenceMismatch, InputError, MissingInput

if TYPE_CHECKING:
    from hokusai_mlflow.chain.improvement import Improvement
    from hokusai_mlflow.settings import Settings


def attest(
    evidence: Annotated[Path, typer.Argument(help="An evidence.json.")],
    *,
    place: Annotated[
        str,
        typer.Option(help="Directory or artifact URI with the request; the signature goes there."),
    ],
    data: Annotated[
        Path,
        typer.Option(
            help="This oracle's own hold-out examples and both models' predictions on them: id, "
            "target, champion, candidate."
        ),
    ],
    payment_data: Annotated[
        Path | None, typer.Option(help="The same for the payment set, where it is another one.")
    ] = None,
    chain_id: Annotated[
        int | None, typer.Option(help="Chain to sign for; by default HOKUSAI_CHAIN_ID.")
    ] = None,
    verifier: Annotated[
        str | None,
        typer.Option(help="Contract to sign for; by default the one recorded for that chain."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Recompute everything from this oracle's own data; sign only when nothing differs.

    What was signed is kept in oracle.db in the home: never two candidates for one head.
    The keys are those of HOKUSAI_ORACLE_KEYS or HOKUSAI_ORACLES.

    Example: hokusai attest evidence.json --data gate.parquet --payment-data payment.parquet
    --place s3://bucket/attestations
    """
    from hokusai_mlflow import evidence as documents
    from hokusai_mlflow.chain.improvement import signing_domain
    from hokusai_mlflow.cli.verify import read_document
    from hokusai_mlflow.keys import oracle_keys
    from hokusai_mlflow.ledger import Ledger
    from hokusai_mlflow.verification.exchange import Exchange
    from hokusai_mlflow.verification.signing_log import sign_once

    settings = read_settings().prepare()
    oracles = oracle_keys(settings)
    if not oracles:
        raise InputError("no key to attest with: set HOKUSAI_ORACLE_KEYS or HOKUSAI_ORACLES")
    document = read_document(evidence)
    digest = documents.digest(document)
    exchange = Exchange(place)
    trusted = _contract(settings, chain_id, verifier)
    improvement = _requested(exchange, digest, trusted, document)
    _require_verified(document, data, payment_data)
    domain = signing_domain(*trusted)
    signed = {}
    with Ledger(f"sqlite:///{(settings.home / 'oracle.db').resolve()}") as log:
        for oracle in oracles:
            signature = sign_once(log, oracle, domain, improvement)
            signed[oracle.address] = "0x" + signature.hex()
            told = {"oracle": oracle.address, "signature": signed[oracle.address]}
            exchange.put(digest, f"{oracle.address}.json", told)
    if as_json:
        output.document({"evidence": digest, "signatures": signed})
    else:
        for address in signed:
            output.marked(True, "signed", f"{improvement!r} by {address}")


def _contract(settings: Settings, chain_id: int | None, verifier: str | None) -> tuple[int, str]:
    """What this oracle signs for: its own word, never the request's."""
    from hokusai_mlflow.chain.deployment import find_deployment
    from hokusai_mlflow.chain.improvement import address

    chain_id = chain_id or settings.chain_id
    if chain_id is None:
        raise InputError("name the chain to sign for: --chain-id, or HOKUSAI_CHAIN_ID")
    if verifier is None:
        recorded = find_deployment(settings.home, chain_id)
        if recorded is None:
            raise InputError(
                f"name the contract to sign for with --verifier: none is recorded for {chain_id}"
            )
        verifier = recorded.address
    return chain_id, address(verifier)


def _requested(
    exchange: Any, digest: str, trusted: tuple[int, str], document: Mapping[str, Any]
) -> Improvement:
    from hokusai_mlflow.verification.claimed import improvement_from
    from hokusai_mlflow.verification.exchange import REQUEST
    from hokusai_mlflow.verification.requests import read_request

    found = exchange.documents(digest).get(REQUEST)
    if found is None:
        raise MissingInput(
            f"nobody asks at {exchange.place} for an attestation of the evidence {digest}"
        )
    chain_id, contract, improvement = read_request(found)
    if (chain_id, contract) != trusted:
        raise EvidenceMismatch(
            f"the request is for {contract} on chain {chain_id}, this oracle signs for "
            f"{trusted[1]} on chain {trusted[0]}"
        )
    try:
        own = improvement_from(document, improvement.deadline)
    except (KeyError, TypeError) as problem:
        raise EvidenceMismatch(f"this is no evidence document: {problem!r} is missing") from None
    if own != improvement:
        before, after = own.to_dict(), improvement.to_dict()
        differing = ", ".join(name for name in after if before.get(name) != after[name])
        raise EvidenceMismatch(f"the request has another {differing} than the evidence")
    return improvement


def _require_verified(document: dict[str, Any], data: Path, payment_data: Path | None) -> None:
    """Show every check; refuse unless all of them hold, on data for both sets."""
    from hokusai_mlflow.cli.evidence_checks import check_document, check_predictions, guarded

    checks = check_document(document, None)
    if checks.sound:
        checks.add(guarded(lambda: check_predictions(document, "gate", data)))
        payment = guarded(
            lambda: check_predictions(document, "payment", payment_data, instead=data)
        )
        checks.add(payment)
        if any(line.ok is None for line in payment):
            raise InputError("give this oracle's copy of the payment set with --payment-data")
    for line in checks.lines:
        told = f"{output.MARKS[line.ok][0]} {line.what}  {line.detail}"
        output.errors().print(told, soft_wrap=True, markup=False)
    if checks.failed or not checks.sound:
        wrong = "; ".join(
            f"{line.what}: {line.detail}" for line in checks.lines if line.ok is False
        )
        raise EvidenceMismatch(f"not signed, for it does not check out: {wrong}")
    if document["decision"]["verdict"] != "promote" or document["payment"]["paid_bps"] < 1:
        raise EvidenceMismatch("not signed: this evidence asks for no payment")
