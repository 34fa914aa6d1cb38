"""The receipt on a terminal."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hokusai_mlflow.report.receipt import Receipt, delta_one, guarded

STYLES = {
    "promoted": "green",
    "baseline": "green",
    "hold": "yellow",
    "reject": "red",
    "refused": "red",
    "awaiting": "yellow",
    "rating": "yellow",
    "nothing_new": "blue",
}
MARKS = {"passed": "✓", "failed": "✗", "insufficient": "?", "not_applicable": "–"}


def show(receipt: Receipt, console: Console, *, next_steps: tuple[str, ...] = ()) -> None:
    """Print a receipt: verdict first, then scores, reasons, contributors, payment, where to look.

    Parameters
    ----------
    receipt : Receipt
        What happened.
    console : Console
        Where to print.
    next_steps : tuple of str
        Lines at the end that say where to look.
    """
    parts: list[RenderableType] = [Text(receipt.message)]
    if receipt.scores:
        parts += [Text(), _scores(receipt)]
    if receipt.comparison:
        parts.append(_improvement(receipt))
    if receipt.decision:
        parts += [Text(), _findings(receipt)]
    if receipt.contributors:
        parts += [Text(), _contributors(receipt)]
        if receipt.valued:
            parts.append(Text(f"values are {receipt.valued}"))
    if receipt.payment:
        parts += [Text(), *_payment(receipt)]
        if receipt.inferred:
            parts.append(Text(receipt.inferred))
    if next_steps:
        parts += [Text(), *(Text(step, style="dim") for step in next_steps)]
    style = STYLES[receipt.outcome]
    title = f"[bold]{receipt.headline}[/bold] · {receipt.model}"
    console.print(Panel(Group(*parts), title=title, border_style=style, title_align="left"))


def _scores(receipt: Receipt) -> Table:
    table = Table(box=None, pad_edge=False)
    new = f"v{receipt.candidate_version}"
    if receipt.champion_version is None:
        table.add_column("on the reference rows")
        table.add_column(new, justify="right")
    else:
        table.add_column("on the sealed hold-out")
        table.add_column(f"champion v{receipt.champion_version}", justify="right")
        table.add_column(f"candidate {new}", justify="right")
    for name, values in receipt.ordered_scores:
        shown = values if receipt.champion_version is not None else values[1:]
        table.add_row(Text(name), *(f"{value:.6g}" for value in shown))
    return table


def _improvement(receipt: Receipt) -> Text:
    c = receipt.comparison
    return Text(
        f"improvement {c['improvement_bps']:+.0f} bps, 95 % interval {c['ci_low_bps']:+.0f} to "
        f"{c['ci_high_bps']:+.0f}, p = {c['p_value']:.3g} at level {c['level']:.2g}",
        style="bold",
    )


def _findings(receipt: Receipt) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in receipt.decision["findings"]:
        if finding["outcome"] == "not_applicable" and not finding["figures"]:
            # Nothing of the kind was asked for; the report lists it.
            continue
        # As Text, or brackets in a message would be read as markup.
        said = Text(finding["code"]), Text(finding["message"])
        table.add_row(MARKS[finding["outcome"]], *said)
        for row in finding["figures"].get("rows", ()) if finding["code"] == "guardrails" else ():
            table.add_row("", "", Text.assemble(MARKS[row["outcome"]], " ", guarded(row)))
        if finding["remedy"]:
            table.add_row("", "", Text(f"→ {finding['remedy']}", style="italic"))
    return table


def _contributors(receipt: Receipt) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("contributor", no_wrap=True)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("left out")
    for heading in ("value, bps", "share", "DeltaOne"):
        table.add_column(heading, justify="right", no_wrap=True)
    for line in receipt.contributors:
        table.add_row(
            Text(line.name),
            f"{line.accepted}/{line.given}",
            Text(", ".join(f"{rows} {reason}" for reason, rows in line.reasons.items())),
            line.value_bps,
            line.share_told,
            delta_one(line.wei),
        )
    return table


def _payment(receipt: Receipt) -> list[RenderableType]:
    payment, settlement = receipt.payment, receipt.settlement
    if not payment["paid_bps"]:
        return [Text(f"Nothing is paid: {payment['reason']}.")]
    lines: list[RenderableType] = [
        Text(
            f"{receipt.priced}; {payment['paid_bps'] / 100:g} DeltaOnes, "
            f"{delta_one(receipt.total_wei)} paid, "
            f"the owner's part {delta_one(receipt.owner_wei)}"
        )
    ]
    if settlement:
        where = " on the development chain" if receipt.development else ""
        lines.append(Text(f"settlement {settlement['state']}{where}: {settlement['tx_hash']}"))
    lines.append(Text(f"evidence {receipt.evidence}", overflow="fold"))
    return lines
