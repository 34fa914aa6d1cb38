"""Who rated: how far they agree, and who of them stands out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hokusai_mlflow.report.view import Column, Line, Section, Table
from hokusai_mlflow.report.words import plain

if TYPE_CHECKING:
    from hokusai_mlflow.report.report import Report


def raters(report: Report) -> Section | None:
    """The section on raters; None where nobody rated."""
    people = report.document.get("people")
    if not people:
        return None
    columns = (
        Column("rater", names=True),
        Column("ratings", numeric=True),
        Column("mean", numeric=True),
        Column("spread", numeric=True),
        Column("agrees with the others", numeric=True),
        Column("what stands out"),
        Column("counted"),
    )
    lines = []
    for rater in people["screening"]["raters"]:
        left_out = rater["name"] in people["excluded"]
        agrees = rater["correlation"]
        flags = "; ".join(f"{flag['code']}: {flag['message']}" for flag in rater["flags"])
        cells = (
            plain(rater["name"]),
            f"{rater['ratings']:,}",
            f"{rater['mean']:.2f}",
            f"{rater['std_dev']:.2f}",
            "" if agrees is None else f"{agrees:+.2f}".replace("-", "−"),
            plain(flags),
            "no" if left_out else "yes",
        )
        lines.append(Line(cells, "bad" if left_out else "open" if flags else "plain"))
    left = {f"left out: {why}": str(count) for why, count in people["left_out"].items()}
    return Section(
        "raters",
        "Raters",
        _told(people),
        Table(columns, tuple(lines), before=7),
        facts=(("all ratings", people["ratings"]), *left.items()),
    )


def _told(people: dict[str, Any]) -> str:
    agreement, excluded = people["agreement"], people["excluded"]
    if agreement is None:
        told = "How far they agree is undefined: nothing was rated twice, or nothing varies"
    else:
        low, high = people["interval"]
        told = (
            f"Krippendorff's α = {agreement['alpha']:.3f} (95 % interval {low:.3f} to {high:.3f}) "
            f"over {agreement['pairable']:,} ratings of {agreement['units']:,} answers by "
            f"{agreement['raters']} raters on the sealed hold-out"
        )
    if excluded:
        return (
            f"{told}. The ratings of {len(excluded)} were left out as the spec says, before it was "
            "known which model gave which answer."
        )
    return f"{told}. Everybody's ratings count."
