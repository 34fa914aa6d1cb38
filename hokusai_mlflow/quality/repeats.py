"""Findings on copies and repeats, from what `contributions.checks` said of every row."""

from __future__ import annotations

import numpy as np
from scipy import stats

from hokusai_mlflow.contributions.checks import ContributionCheck
from hokusai_mlflow.contributions.dataset import Dataset
from hokusai_mlflow.gate.finding import Finding
from hokusai_mlflow.quality.check import Found, beside_the_point, first_rows, passed

HONEST = 0.01
"""Share of honest rows that may coincide with others; see `contributions.checks` and `near`."""
COPIED, SHARED, REPEATED = "copied-rows", "shared-rows", "repeated-rows"
TITLES = {
    COPIED: "Rows are not the owner's",
    SHARED: "Rows were not brought before",
    REPEATED: "Rows are there once",
}
_KINDS = {
    COPIED: ("copy", "near_copy"),
    SHARED: ("already_known", "duplicate.across"),
    REPEATED: ("duplicate.within",),
}
_TOLD = {
    COPIED: "equal or nearly equal a row of the owner's pool",
    SHARED: "were brought before, by somebody else or earlier",
    REPEATED: "equal or nearly equal an earlier row of the same contribution",
}


def repeats(check: ContributionCheck) -> tuple[Found, ...]:
    """Copies of the pool, rows brought before, and rows that are there twice.

    Such rows are left out in any case. The check fails when there are more of them than honest
    rows would coincide with others: beyond the 99.9 % quantile of a binomial with 1 %. Neither
    which rows are copies nor of which part is said: that would tell, row by row, what the pool
    holds.
    """
    return tuple(
        _told(code, sum(check.public_counts.get(kind, 0) for kind in kinds), check.given)
        for code, kinds in _KINDS.items()
    )


def repeats_alone(data: Dataset) -> tuple[Found, ...]:
    """The same where there is no pool to compare with: rows that are equal in everything."""
    _, first, counts = np.unique(
        np.char.add(np.char.add(data.rows, " "), data.targets.astype(str)),
        return_index=True,
        return_counts=True,
    )
    again = np.ones(len(data), dtype=bool)
    again[first] = False
    told = _told(REPEATED, int(again.sum()), len(data))
    if again.any():
        figures = {**told.finding.figures, "distinct": len(counts)}
        remedy = f"leave them out, first {first_rows(again)}" if told.finding.remedy else ""
        told = Found(
            Finding(REPEATED, told.finding.outcome, told.finding.message, figures, remedy), again
        )
    why = "the owner's rows are not here, and are never published; the owner's run checks it"
    return (beside_the_point(COPIED, why), beside_the_point(SHARED, why), told)


def _told(code: str, count: int, given: int) -> Found:
    if count <= stats.binom.ppf(0.999, given, HONEST):
        few = f"{count:,} of {given:,} rows {_TOLD[code]}" if count else "none"
        return passed(code, few + (", as honest ones may" if count else ""), rows=count)
    return Found(
        Finding(
            code,
            "failed",
            f"{count:,} of {given:,} rows {_TOLD[code]}",
            {"rows": count, "given": given},
            "bring rows that nobody has yet" if code != REPEATED else "leave them out",
        )
    )
