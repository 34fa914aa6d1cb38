"""`hokusai attest`: an oracle signs what it has verified itself."""

# ruff: noqa: PLC0415

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hokusai_mlflow.cli import output
from hokusai_mlflow.cli.options import AsJson, read_settings
from hokusai_mlflow.errors import EvidenceMismatch, InputError, MissingInput

if TYPE_CHECKING:
    from hokusai_mlflow.evidence import Check
    from hokusai_mlflow.settings import Settings
    from hokusai_mlflow.verification.requests import Request


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
            "target, champion, candidate. Of a hybrid, the public ones."
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

    Of a hybrid, recomputed and signed is the part that oracles see; the proofs of the rest are
    verified. What was signed is kept in oracle.db in the home: never two candidates for one head.
    The keys are those of HOKUSAI_ORACLE_KEYS or HOKUSAI_ORACLES.

    Example: hokusai attest evidence.json --data gate.parquet --payment-data payment.parquet
    --place s3://bucket/attestations
    """
    from hokusai_mlflow import evidence as documents
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
    request = _requested(exchange, digest, trusted, document)
    _require_verified(document, request, data, payment_data)
    signed = {}
    with Ledger(f"sqlite:///{(settings.home / 'oracle.db').resolve()}") as log:
        for oracle in oracles:
            signature = sign_once(log, oracle, request.domain, request.improvement, request.part)
            signed[oracle.address] = "0x" + signature.hex()
            told = {"oracle": oracle.address, "signature": signed[oracle.address]}
            exchange.put(digest, f"{oracle.address}.json", told)
    if as_json:
        output.document({"evidence": digest, "signatures": signed})
    else:
        for address in signed:
            what = "signed" if request.part is None else "signed its public part"
            output.marked(True, what, f"{request.improvement!r} by {address}")


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
) -> Request:
    from hokusai_mlflow.verification.claimed import improvement_from
    from hokusai_mlflow.verification.exchange import REQUEST
    from hokusai_mlflow.verification.requests import Request

    found = exchange.documents(digest).get(REQUEST)
    if found is None:
        raise MissingInput(
            f"nobody asks at {exchange.place} for an attestation of the evidence {digest}"
        )
    request = Request.from_dict(found)
    if (request.chain_id, request.contract) != trusted:
        raise EvidenceMismatch(
            f"the request is for {request.contract} on chain {request.chain_id}, this oracle signs "
            f"for {trusted[1]} on chain {trusted[0]}"
        )
    try:
        own = improvement_from(document, request.improvement.deadline)
    except (KeyError, TypeError) as problem:
        raise EvidenceMismatch(f"this is no evidence document: {problem!r} is missing") from None
    if own != request.improvement:
        before, after = own.to_dict(), request.improvement.to_dict()
        differing = ", ".join(name for name in after if before.get(name) != after[name])
        raise EvidenceMismatch(f"the request has another {differing} than the evidence")
    method = document.get("verification", {}).get("method", "oracle")
    expected = {"oracle": (False, False), "zk": (True, False), "hybrid": (True, True)}.get(method)
    if (request.proven is not None, request.part is not None) != expected:
        raise EvidenceMismatch(
            f"the request does not fit the verification {method!r} of the evidence: with zk it has "
            "proofs, with hybrid also what oracles see, with oracle neither"
        )
    return request


def _require_verified(
    document: dict[str, Any], request: Request, data: Path, payment_data: Path | None
) -> None:
    """Show every check; refuse unless all of them hold, on data for both sets."""
    from hokusai_mlflow.cli.evidence_checks import check_document, check_predictions, guarded
    from hokusai_mlflow.cli.proof_checks import check_proven, check_seen

    sets = document["evaluation"]
    if sets["payment"] == sets["gate"]:
        payment_data = data
    if payment_data is None:
        raise InputError("give this oracle's copy of the payment set with --payment-data")
    checks, proven = check_document(document, None), request.proven
    looks: list[Callable[[], list[Check]]] = []
    if request.part is None:
        looks += [
            partial(check_predictions, document, "gate", data),
            partial(check_predictions, document, "payment", payment_data),
        ]
    if proven is not None:
        looks += [
            partial(check_seen, document, proven, data, payment_data),
            partial(check_proven, document, request.improvement, proven, request.domain),
        ]
    for look in looks if checks.sound else ():
        checks.add(guarded(look))
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
