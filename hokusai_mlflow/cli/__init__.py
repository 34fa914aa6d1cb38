"""The command `hokusai`.

Modules of commands import nothing heavy at their top, so that ``hokusai --help`` answers at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from hokusai_mlflow import __version__
from hokusai_mlflow.cli import (
    attest,
    chain,
    check,
    compare,
    doctor,
    ledger,
    monitor,
    project,
    ratings,
    report,
    run,
    settle,
    verify,
    zk,
    zk_files,
)
from hokusai_mlflow.cli.command import EPILOG, Command

app = typer.Typer(
    name="hokusai",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    epilog=EPILOG,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hokusai-mlflow {__version__}")
        raise typer.Exit


@app.callback()
def hokusai(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show the traceback of an error too.")
    ] = False,
) -> None:
    """Promote a model only when it is really better, and pay whose data made it so, once.

    Start with: hokusai init my-project
    """


for each in (
    project.init,
    run.run,
    check.check,
    check.pack,
    compare.compare,
    verify.verify,
    attest.attest,
    settle.settle,
    ledger.ledger,
    monitor.monitor,
    report.report,
    project.ui,
    doctor.doctor,
):
    app.command(cls=Command, epilog=EPILOG)(each)
app.add_typer(chain.app, name="chain")
app.add_typer(ratings.app, name="ratings")
zk.app.add_typer(zk_files.app)
app.add_typer(zk.app, name="zk")


def main() -> None:
    """Entry point of the command."""
    app(prog_name="hokusai")
