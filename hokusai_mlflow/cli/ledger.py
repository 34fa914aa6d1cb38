"""`hokusai ledger`: what has happened, in order."""

# ruff: noqa: PLC0415

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hokusai_mlflow.cli import output
from hokusai_mlflow.cli.options import AsJson, database_file, read_settings

if TYPE_CHECKING:
    from hokusai_mlflow.ledger import Entry

TELLING = (
    "verdict",
    "outcome",
    "version",
    "holdout",
    "number",
    "quota",
    "paid_bps",
    "tx_hash",
    "reason",
)
"""Fields of an entry's body that fit on a line; scores of a sealed hold-out are not among them."""


def ledger(
    model: Annotated[
        str | None, typer.Argument(help="Only of this model.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what has happened, the newest last.

    Example: hokusai ledger digits --limit 20
    """
    settings = read_settings()
    file = database_file(settings.ledger)
    found: list[Entry] = []
    if file is None or file.is_file():
        from hokusai_mlflow.ledger import Ledger

        with Ledger(settings.ledger) as open_ledger:
            found = open_ledger.entries(model=model, newest_first=True, limit=limit)[::-1]
    if as_json:
        output.document({"entries": [entry.to_dict() for entry in found]})
    elif found:
        _show(found)
    else:
        output.say(f"nothing has happened{f' to {model}' if model else ''} yet in {settings.home}")


def _show(entries: list[Entry]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("no.", justify="right")
    for heading in ("written (UTC)", "what", "model", "attempt"):
        table.add_column(heading, no_wrap=True)
    table.add_column("told", overflow="fold")
    for entry in entries:
        table.add_row(
            str(entry.seq),
            f"{entry.created_at:%m-%d %H:%M:%S}",
            entry.kind,
            entry.model,
            (entry.attempt or "")[:8],
            ", ".join(_told(entry.body)),
        )
    output.console().print(table)


def _told(body: Mapping[str, Any]) -> Iterator[str]:
    for name in TELLING:
        value = body.get(name)
        if value:
            # Whole hashes are in --json.
            short = f"{value[:12]}…" if name == "tx_hash" else value
            yield f"{name.replace('_', ' ')} {short}"
