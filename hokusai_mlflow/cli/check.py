"""`hokusai check`: a contribution before it is submitted; `hokusai pack`: what that needs."""

# Heavy imports are inside functions: `hokusai --help` answers at once.
# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hokusai_mlflow.cli import command, output
from hokusai_mlflow.cli.options import AsJson, read_settings
from hokusai_mlflow.errors import InputError

if TYPE_CHECKING:
    from hokusai_mlflow.quality import QualityReport

OUTCOMES = {"passed": True, "failed": False, "insufficient": None, "not_applicable": None}


def check(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A .csv or .parquet file.")],
    spec: Annotated[
        Path | None, typer.Option("--spec", metavar="SPEC", help="The owner's pipeline.yaml.")
    ] = None,
    pack: Annotated[
        Path | None,
        typer.Option(
            "--pack", metavar="PACK", help="The contributor pack that the owner gave out."
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page that needs no other."),
    ] = None,
    as_json: AsJson = False,
    *,
    allow_warnings: Annotated[
        bool,
        typer.Option(
            "--allow-warnings", help="Exit with 0 when all that fails would only be warned of."
        ),
    ] = False,
) -> None:
    """Check a contribution before it is submitted; exits with 2 when a check fails.

    Nothing is changed, sent or kept. Needs the owner's spec, or the contributor pack.

    Example: hokusai check my_rows.csv --pack contributor-pack.json
    """
    if (spec is None) == (pack is None):
        raise InputError("give one of --spec pipeline.yaml and --pack contributor-pack.json")
    if html is not None and not html.parent.is_dir():
        raise InputError(f"there is no folder {html.parent} to write {html.name} to; make it")
    from hokusai_mlflow import submission

    if pack is not None:
        against = submission.against_pack(pack)
    else:
        assert spec is not None
        against = submission.against_spec(spec, read_settings(), data)
    report = submission.check(data, against)
    if html is not None:
        html.write_text(report.to_html(), encoding="utf-8")
    stops = [one for one in report.failed if not allow_warnings or one.action != "warn"]
    if as_json:
        output.document({"ok": not stops, "against": against.kind, **report.to_dict()})
    else:
        _show(report, submission.TOLD[against.kind])
        if html is not None:
            output.say(f"written: {html}")
    if stops:
        raise typer.Exit(command.BAD_INPUT)


def _show(report: QualityReport, against: str) -> None:
    from hokusai_mlflow.report.quality import ACTIONS

    output.say(f"{report.name}, {report.given:,} rows, {against}")
    for line in report.lines:
        told = line.finding
        does = f" ({ACTIONS[line.action]})" if line.failed else ""
        output.marked(OUTCOMES[told.outcome], told.code, told.message + does, told.remedy)
    if report.left_out:
        left = ", ".join(
            f"{rows:,} {why.replace('_', ' ')}" for why, rows in report.left_out.items()
        )
        output.say(f"a run would leave out: {left}; {report.accepted:,} rows remain")
    output.say(report.headline, "red" if report.refused else "yellow" if report.failed else "green")


def pack(
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="A pipeline.yaml, with its pool.")],
    to: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write it.")
    ] = Path("contributor-pack.json"),
    as_json: AsJson = False,
) -> None:
    """Write what contributors need to check their data: columns, classes, how the reference looks.

    It tells nothing of the hold-outs and of the payment set, and no digest of any row.

    Example: hokusai pack pipeline.yaml -o contributor-pack.json
    """
    if not to.parent.is_dir():
        raise InputError(f"there is no folder {to.parent} to write {to.name} to; make it")
    from hokusai_mlflow import submission

    made = submission.contributor_pack(spec, read_settings().prepare())
    made.write(to)
    if as_json:
        output.document({"written": str(to), "model": made.model, "rows": made.profile.rows})
        return
    columns = made.profile.columns or {}
    output.say(
        f"written: {to}, from {made.profile.rows:,} reference rows and {len(columns)} features; "
        "read it before you give it out"
    )
    output.say(f"contributors: hokusai check DATA --pack {to.name}")
