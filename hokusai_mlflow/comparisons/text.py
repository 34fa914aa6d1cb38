"""Comparisons for terminals, and as Markdown."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from textwrap import wrap

from hokusai_mlflow.comparisons.cells import HEADINGS, OUTCOMES, VERDICTS, line, notes
from hokusai_mlflow.comparisons.collection import NO_LOOK, Comparisons

WIDTH = 100
RIGHT = range(1, len(HEADINGS) - 1)


def text(comparisons: Comparisons) -> str:
    """An aligned table, what must be said beside it, and the verdict."""
    lines = [HEADINGS, *(line(row).cells for row in comparisons)]
    # The last column may hold a long reason, and nothing is aligned after it.
    widths = [max(map(_width, column)) for column in list(zip(*lines, strict=True))[:-1]]
    told = [_aligned(cells, widths) for cells in lines]
    told += ["", *(part for note in notes(comparisons) for part in _wrapped(note))]
    decision = comparisons.decision
    if decision is not None:
        told += ["", f"verdict: {decision.verdict} ({VERDICTS[decision.verdict]})"]
        codes = max(len(finding.code) for finding in decision.findings)
        for finding in decision.findings:
            told.append(f"  {OUTCOMES[finding.outcome]} {finding.code:<{codes}}  {finding.message}")
            if finding.remedy:
                told.append(f"    {'':<{codes}}  → {finding.remedy}")
        told += [*_wrapped(NO_LOOK), decision.signature]
    return "\n".join(told)


def markdown(comparisons: Comparisons) -> str:
    """A table, what must be said beside it, and the verdict, as Markdown."""
    ruler = ["---:" if at in RIGHT else "---" for at in range(len(HEADINGS))]
    lines = [HEADINGS, ruler, *(tuple(map(_cell, line(row).cells)) for row in comparisons)]
    told = ["| " + " | ".join(cells) + " |" for cells in lines]
    told += ["", *notes(comparisons)]
    decision = comparisons.decision
    if decision is not None:
        told += ["", f"**Verdict: {decision.verdict}** ({VERDICTS[decision.verdict]})", ""]
        told += ["| requirement | outcome | finding | what would change it |", "|---|---|---|---|"]
        told += [
            f"| {_cell(f.code)} | {f.outcome} | {_cell(f.message)} | {_cell(f.remedy)} |"
            for f in decision.findings
        ]
        told += ["", NO_LOOK, "", f"`{decision.signature}`"]
    return "\n".join(told) + "\n"


def _wrapped(sentence: str) -> list[str]:
    return wrap(sentence, WIDTH, break_on_hyphens=False)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    parts = []
    for at, (cell, width) in enumerate(zip(cells, widths, strict=False)):
        gap = " " * (width - _width(cell))
        parts.append(gap + cell if at in RIGHT else cell + gap)
    return "  ".join([*parts, cells[-1]]).rstrip()


def _width(text: str) -> int:
    """Columns on a terminal: East Asian wide letters take two, combining ones none."""
    return sum(
        0
        if unicodedata.combining(letter)
        else 2
        if unicodedata.east_asian_width(letter) in "WF"
        else 1
        for letter in text
    )


def _cell(text: str) -> str:
    """Text that stays text in a Markdown table."""
    flat = " ".join(text.split())
    for letter in "\\|[]*_":
        flat = flat.replace(letter, "\\" + letter)
    return flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("`", "'")
