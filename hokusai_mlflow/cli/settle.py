"""`hokusai settle`: go on with every payment that waits."""

# ruff: noqa: PLC0415

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hokusai_mlflow.cli import command, output
from hokusai_mlflow.cli.options import AsJson, SpecFile, chain_of, database_file, read_settings

if TYPE_CHECKING:
    from hokusai_mlflow.chain.settlement import Settlement

HOLDS = {"confirmed": True, "failed": False}


def settle(
    spec: SpecFile = None,
    timeout: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for confirmations.")
    ] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Broadcast and confirm every payment that waits; safe at any time, from any process.

    Without a spec, on the chain of the settings. Exits with 3 when a payment was refused for good.

    Example: hokusai settle pipeline.yaml --timeout 120
    """
    settings = read_settings()
    chain = chain_of(spec)
    file = database_file(settings.ledger)
    settled: list[Settlement] = []
    if file is None or file.is_file():
        from hokusai_mlflow import outcome, reward
        from hokusai_mlflow.ledger import Ledger
        from hokusai_mlflow.tracking.store import connect

        with Ledger(settings.ledger) as ledger:
            if ledger.entries(kind="settlement.intent", limit=1):
                settled = reward.settle(chain, settings, ledger, timeout=timeout)
                client = connect(settings)
                for one in settled:
                    outcome.log_settlement(client, ledger, one)
    if as_json:
        output.document({"settlements": [one.to_dict() for one in settled]})
    else:
        for one in settled:
            output.marked(HOLDS.get(one.state), f"{one.model} {one.evidence[:16]}…", _told(one))
        if not settled:
            output.say("no payment waits")
    if any(one.state == "failed" for one in settled):
        raise typer.Exit(command.UNAVAILABLE)


def _told(one: Settlement) -> str:
    told = one.state
    if one.paid:
        told += f", {one.reward / 10**18:g} DeltaOnes to {len(one.paid)} addresses"
    if one.tx_hash:
        told += f", {one.tx_hash}"
    return f"{told}; {one.error}" if one.error else told
