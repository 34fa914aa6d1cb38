"""`hokusai report`: how a model did."""

# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hokusai_mlflow.cli import output
from hokusai_mlflow.cli.options import AsJson, read_settings
from hokusai_mlflow.errors import InputError


def report(  # noqa: PLR0917 - options, which nobody gives by position
    model: Annotated[str, typer.Argument(help="Registered model name.", show_default=False)],
    timeframe: Annotated[
        str,
        typer.Option(
            help="last_N_days, last_N_weeks, last_N_months, all, or two dates: "
            "2026-01-01..2026-03-31."
        ),
    ] = "last_30_days",
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Only this metric; may be given several times.", show_default=False),
    ] = None,
    contributions: Annotated[
        bool, typer.Option(help="Whether to tell who contributed what.")
    ] = True,
    timezone: Annotated[str, typer.Option(help="Whose days are meant, such as Europe/Zurich.")] = (
        "UTC"
    ),
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write it to a file: .html, .md, .txt, .json, or .csv (the attempts).",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell how a model did: what improved it, who contributed, what was earned.

    Example: hokusai report digits --timeframe last_6_months --save digits.html
    """
    from hokusai_mlflow.performance import PerformanceTracker

    settings = read_settings()
    if save is not None and as_json:
        raise InputError("--json prints the report, --save writes it: choose one")
    tracker = PerformanceTracker(model, settings=settings, timezone=timezone)
    found = tracker.generate_report(timeframe, metric, contributions)
    if as_json:
        output.document(found.to_dict())
    elif save is not None:
        output.say(f"{found.summary}\nwritten to {found.save(save)}")
    else:
        output.say(found.to_text().rstrip())
