"""`hokusai settle`: go on with every payment that waits."""

# ruff: noqa: PLC0415

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Annotated

import typer

from hokusai_mlflow.cli import command, output
from hokusai_mlflow.cli.options import AsJson, SpecFile, chain_of, database_file, read_settings

if TYPE_CHECKING:
    from hokusai_mlflow.chain.settlement import Settlement
    from hokusai_mlflow.ledger import Ledger
    from hokusai_mlflow.reward import Desk
    from hokusai_mlflow.settings import Settings
    from hokusai_mlflow.spec import ChainSpec

HOLDS = {"confirmed": True, "failed": False}


def settle(
    spec: SpecFile = None,
    *,
    timeout: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for confirmations.")
    ] = 60.0,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on until SIGINT or SIGTERM; then end with 0.")
    ] = False,
    interval: Annotated[
        float, typer.Option(min=0.1, help="Seconds between two looks with --watch.")
    ] = 15.0,
    as_json: AsJson = False,
) -> None:
    """Broadcast and confirm every payment that waits; safe at any time, from any process.

    Without a spec, on the chain of the settings. Exits with 3 when a payment was refused for good.

    Example: hokusai settle pipeline.yaml --watch --interval 30
    """
    from hokusai_mlflow.cli.watch import stopping

    desk = Watcher(chain_of(spec), read_settings(), as_json=as_json)
    if watch:
        with stopping() as stop:
            if not as_json:
                output.say("settling until SIGINT or SIGTERM", "dim")
                desk.say_where()
            while not stop.is_set():
                desk.patiently(timeout, stop)
                stop.wait(interval)
    else:
        settled = desk.settle(timeout)
        if as_json:
            output.document({"settlements": [one.to_dict() for one in settled]})
        else:
            for one in settled:
                desk.show(one)
            if not settled:
                output.say("no payment waits")
            desk.say_where()
    desk.close()
    if desk.failed:
        raise typer.Exit(command.UNAVAILABLE)


class Watcher:
    """Settles on one chain, again and again, and says what changed.

    Parameters
    ----------
    chain : ChainSpec
    settings : Settings
    as_json : bool
        Print a document per change instead of a line.
    """

    def __init__(self, chain: ChainSpec, settings: Settings, *, as_json: bool) -> None:
        self._chain = chain
        self._settings = settings
        self._as_json = as_json
        self._desk: Desk | None = None
        self._ledger: Ledger
        self._told: dict[str, str] = {}
        self._unlogged: dict[str, Settlement] = {}
        self._trouble = ""
        self.failed = False
        """Whether any payment was refused for good."""

    def settle(self, timeout: float, stop: threading.Event | None = None) -> list[Settlement]:
        """Bring what is open as far as it goes; makes nothing when nothing was ever enqueued."""
        desk = self._opened()
        if desk is None:
            return []
        settled = desk.settle(timeout, stop)
        self.failed |= any(one.state == "failed" for one in settled)
        self._unlogged |= {one.evidence: one for one in settled}
        self._log()
        return settled

    def patiently(self, timeout: float, stop: threading.Event) -> None:
        """Settle; say what changed, and what is out of reach for now instead of ending."""
        from hokusai_mlflow.errors import (
            ChainUnreachable,
            LedgerConflict,
            LedgerCorrupt,
            LedgerError,
            TrackingUnreachable,
        )

        trouble = ""
        try:
            for one in self.settle(timeout, stop):
                if self._told.get(one.evidence) != _told(one):
                    self._told[one.evidence] = _told(one)
                    self.show(one)
        except (LedgerConflict, LedgerCorrupt):
            raise
        except (ChainUnreachable, TrackingUnreachable, LedgerError) as problem:
            trouble = str(problem)
        if trouble and trouble != self._trouble:
            output.errors().print(f"trying again: {trouble}", soft_wrap=True)
        self._trouble = trouble

    def show(self, one: Settlement) -> None:
        """Print where a settlement stands."""
        if self._as_json:
            output.document({"settlement": one.to_dict()})
        else:
            output.marked(HOLDS.get(one.state), f"{one.model} {one.evidence[:16]}…", _told(one))

    def say_where(self) -> None:
        """Say it when what is settled is worth nothing."""
        from hokusai_mlflow.bench import is_development_chain
        from hokusai_mlflow.chain.development import DEVELOPMENT_NOTE

        if is_development_chain(self._chain, self._settings):
            output.say(DEVELOPMENT_NOTE, "dim")

    def close(self) -> None:
        """Close the ledger."""
        if self._desk is not None:
            self._ledger.close()

    def _opened(self) -> Desk | None:
        file = database_file(self._settings.ledger)
        if self._desk is None and (file is None or file.is_file()):
            from hokusai_mlflow import reward
            from hokusai_mlflow.ledger import Ledger

            ledger = Ledger(self._settings.ledger)
            try:
                if ledger.entries(kind=("settlement.intent", "attestation.requested"), limit=1):
                    self._desk = reward.Desk(self._chain, self._settings, ledger)
                    self._ledger = ledger
            finally:
                if self._desk is None:
                    ledger.close()
        return self._desk

    def _log(self) -> None:
        """Show in MLflow where payments stand; what fails is tried again with the next ones."""
        if not self._unlogged:
            return
        from hokusai_mlflow import showing
        from hokusai_mlflow.tracking.store import connect

        client = connect(self._settings)
        for one in list(self._unlogged.values()):
            showing.show_settlement(client, self._ledger, one)
            del self._unlogged[one.evidence]


def _told(one: Settlement) -> str:
    told = one.state
    if one.paid:
        told += f", {one.reward / 10**18:g} DeltaOnes to {len(one.paid)} addresses"
    if one.tx_hash:
        told += f", {one.tx_hash}"
    return f"{told}; {one.error}" if one.error else told
