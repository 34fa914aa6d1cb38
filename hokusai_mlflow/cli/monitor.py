"""`hokusai monitor`: whether the champion still holds on fresh labels."""

# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hokusai_mlflow.cli import command, output
from hokusai_mlflow.cli.options import AsJson, read_settings


def monitor(
    spec: Annotated[Path, typer.Argument(help="File pipeline.yaml.", show_default=False)],
    *,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Fresh labelled rows: a .csv or .parquet file, or a folder of batches; by default "
            "monitor.data of the spec.",
            show_default=False,
        ),
    ] = None,
    fail_on_warning: Annotated[
        bool,
        typer.Option("--fail-on-warning", help="Exit with 1 on a warning or a rollback."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Measure the champion on fresh labels; if it is worse than the model before, roll it back.

    Starts no Prefect. A batch counts once, however often it is given; daily looks for a year raise
    a false alarm in at most 5 % of years. What is done is said in the spec's part `monitor`.

    Example: hokusai monitor examples/digits/pipeline.yaml --data fresh/
    """
    from hokusai_mlflow.attempt import exclusive
    from hokusai_mlflow.monitoring import holdback, looking, rollback, showing
    from hokusai_mlflow.spec import load_spec
    from hokusai_mlflow.tracking.store import connect

    named, settings = load_spec(spec), read_settings().prepare()
    with exclusive(named.model, settings):
        before = rollback.finish(named, settings)
        found = looking.look(spec, settings, data)
        done = rollback.finish(named, settings) or before
        held = holdback.decide_due(named, settings)
        report = showing.report_of(found, named.metric, done, held)
        showing.show(connect(settings), found, report)
    if as_json:
        output.document(report.to_dict())
    else:
        output.say(report.to_text().rstrip())
    if fail_on_warning and report.status in ("warn", "roll_back"):
        raise typer.Exit(command.NOT_PROMOTED)
