"""`hokusai run`: the whole gate, for one spec or several."""

# Heavy imports are inside functions: `hokusai --help` answers at once.
# ruff: noqa: PLC0415

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hokusai_mlflow.cli import command, output
from hokusai_mlflow.cli.options import AsJson, read_settings
from hokusai_mlflow.errors import InputError

if TYPE_CHECKING:
    from hokusai_mlflow.report.receipt import Receipt

PROMOTED = ("promoted", "baseline", "nothing_new")


def run(
    specs: Annotated[list[Path], typer.Argument(metavar="SPEC…", help="Files pipeline.yaml.")],
    flow: Annotated[
        str | None,
        typer.Option(
            metavar="FILE[:FUNCTION]",
            help="A flow of your own. By default flows/improve.py of this folder, or the packaged "
            "one where there is none.",
        ),
    ] = None,
    as_json: AsJson = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show Prefect's log and tracebacks of errors.")
    ] = False,
    fail_unless_promoted: Annotated[
        bool,
        typer.Option(
            "--fail-unless-promoted", help="Exit with 1 when a candidate was held or rejected."
        ),
    ] = False,
) -> None:
    """Train, compare, decide, promote, attest and pay, one spec after the other.

    Running the same again pays nothing again; after a crash it finishes what was begun.

    Example: hokusai run examples/digits/pipeline.yaml
    """
    from hokusai_mlflow.cli import flow as flows
    from hokusai_mlflow.spec import load_spec

    read_settings()
    for spec in specs:
        # Before anything is started: a typing error must not cost the start of a server.
        load_spec(spec)
    outcomes = []
    with output.documents_only() if as_json else nullcontext() as stream:
        flows.prepare_prefect(verbose=verbose)
        improve = flows.load_flow(flow)
        for spec in specs:
            receipt = _receipt(flows.call_flow(improve, spec), flow)
            outcomes.append(receipt.outcome)
            if stream is not None:
                output.document(receipt.to_dict(), stream)
            else:
                _show(receipt)
    if fail_unless_promoted and any(outcome not in PROMOTED for outcome in outcomes):
        raise typer.Exit(command.NOT_PROMOTED)


def _receipt(returned: Any, flow: str | None) -> Receipt:
    from hokusai_mlflow.report.receipt import Receipt

    if not isinstance(returned, Receipt):
        raise InputError(
            f"the flow {flow or 'flows/improve.py'} returned {type(returned).__name__}; expected "
            "the Receipt that its last step gives (return steps.publish(...))"
        )
    return returned


def _show(receipt: Receipt) -> None:
    from hokusai_mlflow.report.terminal import show

    show(receipt, output.console(), next_steps=next_steps(receipt))


def next_steps(receipt: Receipt) -> tuple[str, ...]:
    """Commands that show more of what a receipt tells."""
    steps = ["hokusai ui  → runs, versions and reports in MLflow"]
    steps.append(f"hokusai ledger {receipt.model}  → everything that happened, in order")
    if receipt.evidence:
        steps.append(f"hokusai verify runs:/{receipt.run_id} --chain  → check the evidence")
    if receipt.settlement and not receipt.paid and receipt.settlement.get("state") != "failed":
        steps.append("hokusai settle  → go on with the payment that waits")
    return tuple(steps)
