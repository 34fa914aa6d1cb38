"""The figures of every row as text: one place for all renderings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hokusai_mlflow.comparisons.collection import Comparisons, Finding, Row

HEADINGS = ("", "n", "baseline", "candidate", "Δ bps", "95 % interval", "p", "")
FINDINGS: Mapping[Finding, str] = {
    "better": "▲ better",
    "worse": "▼ worse",
    "undecided": "· undecided",
    "undefined": "– undefined",
}
VERDICTS: Mapping[str, str] = {
    "promote": "would be promoted",
    "hold": "not enough evidence",
    "reject": "would be rejected",
}
OUTCOMES: Mapping[str, str] = {
    "passed": "✓",
    "failed": "✗",
    "insufficient": "?",
    "not_applicable": "–",
}


@dataclass(frozen=True)
class Line:
    """One row as text, in the order of `HEADINGS`.

    Attributes
    ----------
    name, n, baseline, candidate, improvement, interval, p, finding : str
        Figures as they are shown; empty when there are none.
    """

    name: str
    n: str
    baseline: str
    candidate: str
    improvement: str
    interval: str
    p: str
    finding: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The texts in the order of `HEADINGS`."""
        return (
            self.name,
            self.n,
            self.baseline,
            self.candidate,
            self.improvement,
            self.interval,
            self.p,
            self.finding,
        )


def line(row: Row) -> Line:
    """A row as text; the p-value is the adjusted one."""
    found = row.comparison
    if found is None:
        return Line(row.name, "", "", "", "", "", "", f"{FINDINGS['undefined']}: {row.undefined}")
    assert row.p_adjusted is not None
    return Line(
        row.name,
        f"{found.n:,}",
        _value(found.baseline),
        _value(found.candidate),
        _bps(found.improvement_bps),
        f"{_bps(found.ci_low_bps)} to {_bps(found.ci_high_bps)}",
        probability(row.p_adjusted),
        FINDINGS[row.finding],
    )


def notes(comparisons: Comparisons) -> list[str]:
    """What must be said beside the figures, a sentence each."""
    first = comparisons.primary
    told = [
        f"Δ: candidate over baseline in basis points (1e-4), positive is better. "
        f"p: of H0: Δ ≤ {first.min_effect_bps:g} bps, one-sided, level {first.level:g}."
    ]
    others = sum(row.comparison is not None for row in comparisons.rows[1:])
    if others:
        told.append(
            f"The first row is primary; p of the other {others} is adjusted together (Holm)."
        )
    units = "" if first.groups is None else f" in {first.groups:,} groups"
    weighted = ", weighted" if first.weighted else ""
    told.append(
        f"{first.n:,} examples{units}{weighted} find {first.detectable_bps:,.0f} bps with 80 % "
        f"power ({first.test})."
    )
    told += [
        f"{row.name}: {row.comparison.caveat}."
        for row in comparisons.rows
        if row.comparison is not None and row.comparison.caveat
    ]
    return told


def probability(p: float) -> str:
    """A p-value in at most five characters' worth of digits."""
    if p < 0.0001:
        return "<0.0001"
    return f"{p:.4f}" if p < 0.1 else f"{p:.2f}"


def _value(value: float | None) -> str:
    if value is None:
        return "?"
    return f"{value:.4f}" if 0.01 <= abs(value) <= 1 else f"{value:.5g}"


def _bps(bps: float) -> str:
    return f"{bps:+,.1f}" if abs(bps) < 1000 else f"{bps:+,.0f}"
