"""Checks of evidence against what the contract recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hokusai_mlflow import evidence
from hokusai_mlflow.chain.claims import tree_of, weights_by_address
from hokusai_mlflow.chain.events import RecordedImprovement
from hokusai_mlflow.chain.verifier import Verifier
from hokusai_mlflow.cli.contract import find_verifier
from hokusai_mlflow.cli.proof_checks import check_recorded
from hokusai_mlflow.deltaone import split
from hokusai_mlflow.evidence import Check
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.spec import ChainSpec

Place = tuple[str | None, int | None, str | None]


def check_chain(document: Mapping[str, Any], place: Place, settings: Settings) -> list[Check]:
    """Compare with what the contract recorded.

    Parameters
    ----------
    document : mapping
        The evidence.
    place : (rpc_url, chain_id, verifier)
        Where to ask, each None for what the settings say.
    settings : Settings
        Gives what `place` leaves open.
    """
    rpc_url, chain_id, address = place
    # Without a validation: a chain id may go with the endpoint of the settings.
    asked = ChainSpec.model_construct(
        rpc_url=rpc_url or settings.rpc_url,
        chain_id=chain_id or settings.chain_id,
        verifier=address,
    )
    verifier = find_verifier(asked, settings)
    if verifier is None:
        return [Check("chain", None, "no contract is known there yet; give --rpc-url, --verifier")]
    return _recorded(document, verifier)


def _recorded(document: Mapping[str, Any], verifier: Verifier) -> list[Check]:
    paid, model = document["payment"]["paid_bps"], document["model"]
    used = evidence.digest(dict(document))
    candidate = document["candidate"]["digest"]
    seen, head = verifier.is_seen(model, candidate), (verifier.head(model) or "")[2:]
    state = "the model's head" if head == candidate else "a former head" if seen else "not on chain"
    checks = [Check("candidate in the lineage on chain", seen or head == candidate, state)]
    if not paid:
        told = "nothing was to be paid, and nothing was"
        return [*checks, Check("payment on chain", not verifier.is_used(used), told)]
    recorded = verifier.recorded(used)
    if recorded is None:
        told = f"evidence {used[:16]}… was not paid on chain {verifier.chain_id}"
        return [*checks, Check("payment on chain", False, told)]
    same = (
        recorded.paid_bps == paid
        and recorded.champion[2:] == document["champion"]["digest"]
        and recorded.candidate[2:] == candidate
        and recorded.gate == evidence.read_sums(document, "gate")
        and recorded.payment == evidence.read_sums(document, "payment")
    )
    told = f"{recorded.paid_bps} bps, {recorded.reward / 10**18:g} DeltaOnes to "
    payees = f"{len(recorded.contributors)} contributors"
    if recorded.claims_root is not None:
        payees = "contributors who claim"
    told += f"{payees} and the owner, {recorded.transaction}"
    if not same:
        told = f"the chain recorded other figures: {recorded!r}"
    paid_to = _recipients(document, recorded)
    return [
        *checks,
        Check("payment on chain", same, told),
        paid_to,
        *check_recorded(document, verifier),
    ]


def _recipients(document: Mapping[str, Any], recorded: RecordedImprovement) -> Check:
    tree = tree_of(document["contributions"])
    if tree is not None or recorded.claims_root is not None:
        own = tree.root if tree else None
        same = own == recorded.claims_root
        told = f"the shares on chain are those of {recorded.claims_root}, the evidence's of {own}"
        if tree and same:
            told = f"{len(tree.shares):,} addresses may claim the shares that the evidence states"
        return Check("recipients on chain", same, told)
    weights = weights_by_address(document["contributions"])
    told = "everybody got the share that the evidence states, to the wei"
    expected = split(recorded.reward - recorded.held, weights)
    same = expected.contributors == recorded.contributors and expected.owner == recorded.owner
    if not same:
        told = f"paid were {recorded.contributors}, the evidence states {expected.contributors}"
    return Check("recipients on chain", same, told)
