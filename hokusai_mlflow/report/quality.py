"""What the checks of data quality found, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hokusai_mlflow.report.view import Column, Line, Section, Table, Tone
from hokusai_mlflow.report.words import plain

if TYPE_CHECKING:
    from hokusai_mlflow.report.report import Report

WORDS: dict[str, tuple[str, Tone]] = {
    "passed": ("✓ passed", "good"),
    "failed": ("✗ failed", "bad"),
    "insufficient": ("? too little to tell", "open"),
    "not_applicable": ("– not checked", "plain"),
}
ACTIONS: Mapping[str, str] = {
    "warn": "a warning only",
    "exclude": "these rows are left out",
    "refuse": "the contribution is refused",
}
_ORDER: dict[Tone, int] = {"bad": 0, "open": 1, "good": 2, "plain": 3}


def checks_table(findings: Sequence[Mapping[str, Any]]) -> Table:
    """Checks of one contribution, what failed first.

    Parameters
    ----------
    findings : sequence of mapping
        A gate's finding each, with ``title`` and ``action``.
    """
    rows = []
    for told in findings:
        word, tone = WORDS[told["outcome"]]
        does = ACTIONS[told["action"]] if told["outcome"] == "failed" else ""
        cells = (word, told["code"], plain(told["message"]), does, plain(told["remedy"]))
        rows.append(Line(cells, tone))
    rows.sort(key=lambda row: _ORDER[row.tone])
    columns = (
        Column("outcome"),
        Column("check", names=True),
        Column("finding"),
        Column("what it does"),
        Column("what to do"),
    )
    return Table(columns, tuple(rows), before=5)


def quality(report: Report) -> Section | None:
    """What failed in any contribution, where the spec has a policy for it."""
    told = (report.document.get("contributions") or {}).get("checks", ())
    judged = [check for check in told if "quality" in check]
    if not judged:
        return None
    lines = [
        Line((check["name"], one["code"], plain(one["message"]), ACTIONS[one["action"]]), "bad")
        for check in judged
        for one in check["quality"]
        if one["outcome"] == "failed"
    ]
    columns = (
        Column("contributor", names=True),
        Column("check"),
        Column("finding"),
        Column("what it does"),
    )
    made = sum(len(check["quality"]) for check in judged)
    return Section(
        "quality",
        "Data quality",
        f"{len(lines)} of {made} checks of {len(judged)} contributions failed.",
        Table(columns, tuple(lines), before=4) if lines else None,
    )
