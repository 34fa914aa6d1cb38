"""`hokusai chain audit`: the ledger against the chain."""

# ruff: noqa: PLC0415

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from hokusai_mlflow.cli import command, output
from hokusai_mlflow.cli.contract import find_verifier
from hokusai_mlflow.cli.options import AsJson, SpecFile, chain_of, database_file, read_settings

if TYPE_CHECKING:
    from hokusai_mlflow.chain.audit import Audit


def audit(spec: SpecFile = None, as_json: AsJson = False) -> None:
    """Compare the ledger with the chain: every payment has its row, every row its payment.

    Exits with 4 when there is a difference; each is printed. Makes nothing.

    Example: hokusai chain audit pipeline.yaml
    """
    from hokusai_mlflow.chain.connect import is_development
    from hokusai_mlflow.chain.development import DEVELOPMENT_NOTE

    settings = read_settings()
    verifier = find_verifier(chain_of(spec), settings)
    file = database_file(settings.ledger)
    found: Audit | None = None
    if verifier is not None and (file is None or file.is_file()):
        from hokusai_mlflow.chain.audit import audit as compared
        from hokusai_mlflow.ledger import Ledger

        with Ledger(settings.ledger) as ledger:
            found = compared(ledger, verifier)
    elif verifier is not None and verifier.supply():
        from hokusai_mlflow.errors import EvidenceMismatch

        raise EvidenceMismatch(
            f"{verifier.supply()} wei were paid on chain {verifier.chain_id}, but there is no "
            f"ledger at {settings.ledger}; set HOKUSAI_HOME or HOKUSAI_LEDGER_URL"
        )
    if as_json:
        output.document({"audit": found.to_dict() if found else None})
    elif found is None:
        output.say("nothing to audit yet: there is no contract or no ledger")
    else:
        _show(found)
        if verifier is not None and is_development(verifier.web3):
            output.say(DEVELOPMENT_NOTE, "dim")
    if found is not None and not found.is_clean:
        raise typer.Exit(command.MISMATCH)


def _show(found: Audit) -> None:
    paid = _tokens(found.paid_on_chain)
    output.marked(
        found.is_clean,
        "payments",
        f"{found.payments:,} on chain up to block {found.block:,}, {found.rows:,} confirmed in the "
        f"ledger, {paid} paid, supply {found.supply / 10**18:,.12g}",
    )
    if found.claims or found.unclaimed:
        told = f"{found.claims:,} shares claimed, {_tokens(found.unclaimed)} still to be claimed"
        output.marked(None, "claims", told)
    if found.held or found.vested or found.returned:
        told = (
            f"{_tokens(found.held)} held back, {_tokens(found.vested)} vested, "
            f"{_tokens(found.returned)} back in the budget"
        )
        if found.decisions_by_others:
            told += f"; {found.decisions_by_others:,} of the decisions are not of this ledger"
        output.marked(None, "holdings", told)
    if found.under_way:
        told = f"{found.under_way:,} on chain, not yet confirmed in the ledger"
        output.marked(None, "under way", told, "hokusai settle")
    for difference in found.differences:
        output.marked(False, "difference", difference)


def _tokens(wei: int) -> str:
    return f"{wei / 10**18:,.12g} DeltaOnes"
