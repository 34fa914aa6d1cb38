"""`hokusai chain oracle|pause|unpause|top-up`: administer the contract, or show the call."""

# ruff: noqa: PLC0415

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hokusai_mlflow.cli import output
from hokusai_mlflow.cli.command import EPILOG, Command
from hokusai_mlflow.cli.contract import endpoint, find_verifier
from hokusai_mlflow.cli.options import AsJson, chain_of, read_settings
from hokusai_mlflow.errors import ChainError, InputError

if TYPE_CHECKING:
    from hokusai_mlflow.chain.administration import Plan, Rehearsal
    from hokusai_mlflow.chain.verifier import Verifier

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the exact call and its effect; send nothing.")
]
OfSpec = Annotated[
    Path | None, typer.Option("--spec", help="A pipeline.yaml that names chain and contract.")
]
Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The oracle's address.")]

oracle = typer.Typer(no_args_is_help=True, help="Who attests: add, remove, threshold.")


@oracle.command("add", cls=Command, epilog=EPILOG)
def add(
    address: Address, spec: OfSpec = None, dry_run: DryRun = False, as_json: AsJson = False
) -> None:
    """Register an oracle; the sender must be a registrar.

    Example: hokusai chain oracle add 0x… --dry-run
    """
    from hokusai_mlflow.chain.administration import add_oracle

    carry_out(lambda verifier: add_oracle(verifier, address), spec, dry_run, as_json)


@oracle.command("remove", cls=Command, epilog=EPILOG)
def remove(
    address: Address, spec: OfSpec = None, dry_run: DryRun = False, as_json: AsJson = False
) -> None:
    """Remove an oracle; refused when fewer than the threshold would be left.

    Example: hokusai chain oracle remove 0x… --dry-run
    """
    from hokusai_mlflow.chain.administration import remove_oracle

    carry_out(lambda verifier: remove_oracle(verifier, address), spec, dry_run, as_json)


@oracle.command("threshold", cls=Command, epilog=EPILOG)
def threshold(
    quorum: Annotated[int, typer.Argument(min=1, help="How many oracles must sign.")],
    spec: OfSpec = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Change how many oracles must sign.

    Example: hokusai chain oracle threshold 3
    """
    from hokusai_mlflow.chain.administration import set_threshold

    carry_out(lambda verifier: set_threshold(verifier, quorum), spec, dry_run, as_json)


def pause(spec: OfSpec = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Stop improvements and moves of heads; the sender must be a guardian.

    Example: hokusai chain pause
    """
    from hokusai_mlflow.chain import administration

    carry_out(administration.pause, spec, dry_run, as_json)


def unpause(spec: OfSpec = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Let improvements go on; the sender must be the administrator.

    Example: hokusai chain unpause
    """
    from hokusai_mlflow.chain import administration

    carry_out(administration.unpause, spec, dry_run, as_json)


def top_up(
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="A pipeline.yaml.")],
    tokens: Annotated[int, typer.Argument(min=1, help="Whole DeltaOnes to add to the budget.")],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Raise the budget of a spec's model; improvements that waited for it are paid by settle.

    Example: hokusai chain top-up pipeline.yaml 1000 --dry-run
    """
    from hokusai_mlflow.chain import administration
    from hokusai_mlflow.spec import load_spec

    model = load_spec(spec).model
    carry_out(
        lambda verifier: administration.top_up(verifier, model, tokens * 10**18),
        spec,
        dry_run,
        as_json,
    )


def carry_out(
    planned: Callable[[Verifier], Plan], spec: Path | None, dry_run: bool, as_json: bool
) -> None:
    """Show or send what was planned for the contract in force.

    Parameters
    ----------
    planned : callable
        Makes the plan from the contract's state.
    spec : Path, optional
        Names chain and contract; by default those of the settings.
    dry_run, as_json : bool
    """
    from hokusai_mlflow.chain.administration import rehearse

    settings, chain = read_settings(), chain_of(spec)
    verifier = find_verifier(chain, settings)
    if verifier is None:
        raise ChainError("no contract is known yet; `hokusai chain deploy` makes it")
    plan = planned(verifier)
    if plan.function is None:
        if as_json:
            output.document({"transaction": None, "effect": plan.effect})
        else:
            output.say(f"nothing to do: {plan.effect}")
        return
    if endpoint(chain, settings)[0] is None:
        from hokusai_mlflow.chain.signer import development_keys

        signer: Any = development_keys(settings.home).admin
    else:
        from hokusai_mlflow.keys import sender_key

        signer = sender_key(settings)
    if dry_run:
        show_rehearsal(rehearse(verifier, signer.address, plan), as_json)
        return
    transaction = verifier.transact(signer, plan.function, *plan.arguments)
    if as_json:
        output.document({"transaction": transaction, "effect": plan.effect})
    else:
        output.say(f"{plan.effect}: {transaction}")


def show_rehearsal(rehearsal: Rehearsal, as_json: bool) -> None:
    """Print what would be sent; a call that would be refused is bad input."""
    show_plan(rehearsal.to_dict(), as_json)
    if rehearsal.refused is not None:
        raise InputError(f"this call would be refused: {rehearsal.refused}")


def show_plan(told: Mapping[str, Any], as_json: bool) -> None:
    """Print a dry run."""
    if as_json:
        output.document({"dry_run": told})
        return
    for name, value in told.items():
        if value is not None:
            output.say(f"{name.replace('_', ' '):>12}  {value}")
    output.say("nothing was sent")
