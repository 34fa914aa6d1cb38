"""The forest plot: paired differences of every metric, slice and guardrail on one axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from hokusai_mlflow.report.charts.scale import Scale, tick_label
from hokusai_mlflow.report.charts.whiskers import Whisker, axis, draw
from hokusai_mlflow.report.view import Column, Line, Plot, Section, Table, Tone
from hokusai_mlflow.report.words import bps, count, interval, plain, probability, score

if TYPE_CHECKING:
    from hokusai_mlflow.report.report import Report

WIDEST = 3.0
"""A row reaching further than this many times the typical row is cut, with an arrow."""
SAID: Mapping[Tone, str] = {"good": "▲ better", "bad": "▼ worse", "open": "● undecided"}
GUARDED = {
    "passed": "✓ not worse than −{:g}",
    "failed": "✗ may be worse than −{:g}",
    "insufficient": "? too little to tell −{:g}",
}
COLUMNS = (
    Column("", names=True),
    Column("n", numeric=True),
    Column("champion", numeric=True),
    Column("candidate", numeric=True),
    Column("Δ bps", numeric=True),
    Column("95 % interval", numeric=True),
    Column("p", numeric=True),
    Column(""),
)


@dataclass(frozen=True)
class Difference:
    """One paired difference, in basis points.

    Attributes
    ----------
    name : str
        Metric, slice or guardrail.
    n : int or None
        Examples.
    values : (float, float) or None
        Champion's and candidate's.
    point, inner, outer : float, (float, float) or None
        Improvement, its own 95 % interval, and one that holds together with the other rows'.
    p : float or None
        Adjusted for the other rows.
    tone : {"good", "bad", "open"}
        Better, worse, or undecided.
    said : str
        The same in words, or why there is no figure.
    margin : float or None
        How much worse a guardrail allows, as a place on the axis.
    """

    name: str
    n: int | None
    values: tuple[float | None, float | None]
    point: float | None
    inner: tuple[float, float] | None
    outer: tuple[float, float] | None
    p: float | None
    tone: Tone
    said: str
    margin: float | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        """In the order of `COLUMNS`."""
        ends = interval(*self.inner) if self.inner else ""
        values = tuple(map(score, self.values))
        told = (bps(self.point), ends, probability(self.p), self.said)
        return (plain(self.name), count(self.n), *values, *told)


def forest(report: Report) -> Section | None:
    """All differences, the paid metric's first; None for a baseline."""
    if not report.comparison:
        return None
    found = differences(report)
    least = float(report.comparison["min_effect_bps"])
    scale = _scale(found, least)
    lines = ((0.0, "zero"), (least, "least"))
    drawn = tuple(
        draw(
            Whisker(d.point, d.inner, d.outer, _described(d), d.tone, d.margin), scale, lines=lines
        )
        for d in found
    )
    plot = Plot(
        "improvement in bps",
        drawn,
        axis(scale, left="← champion better", right="candidate better →"),
    )
    table = Table(COLUMNS, tuple(Line(d.cells, d.tone) for d in found), plot, before=4)
    return Section("difference", "Difference between the models", _told(report, found), table)


def differences(report: Report) -> tuple[Difference, ...]:
    """The rows: of the stored comparisons, else of the evidence alone; guardrails below."""
    rows = report.figures.get("rows") or ()
    found = [_compared(row) for row in rows] or [_primary(report)]
    ends = {one["name"]: one for one in report.figures.get("guardrails") or ()}
    rails = report.finding("guardrails").get("rows", ())
    return (*found, *(_guarded(rail, ends.get(rail["name"], {})) for rail in rails))


def _compared(row: Mapping[str, Any]) -> Difference:
    c = row["comparison"]
    if c is None:
        return Difference(
            row["name"],
            None,
            (None, None),
            None,
            None,
            None,
            None,
            "open",
            f"– undefined: {plain(row['undefined'])}",
        )
    tone: Tone = {"better": "good", "worse": "bad"}.get(row["finding"], "open")  # type: ignore[assignment]
    return Difference(
        name=row["name"],
        n=c["n"],
        values=(c["baseline"], c["candidate"]),
        point=c["improvement_bps"],
        inner=(c["ci_low_bps"], c["ci_high_bps"]),
        outer=(row["adjusted_low_bps"], row["adjusted_high_bps"]),
        p=row["p_adjusted"],
        tone=tone,
        said=SAID[tone],
    )


def _primary(report: Report) -> Difference:
    c = report.comparison
    tone: Tone = "open"
    if c["p_value"] <= c["level"] and c["improvement_bps"] > 0:
        tone = "good"
    elif c["ci_high_bps"] < 0:
        tone = "bad"
    ends = (c["ci_low_bps"], c["ci_high_bps"])
    return Difference(
        report.metric,
        c["n"],
        (c["baseline"], c["candidate"]),
        c["improvement_bps"],
        ends,
        ends,
        c["p_value"],
        tone,
        SAID[tone],
    )


def _guarded(rail: Mapping[str, Any], drawn: Mapping[str, Any]) -> Difference:
    tones: Mapping[str, Tone] = {"passed": "good", "failed": "bad"}
    # Where there is too little evidence, the finding tells no figures, and neither do we.
    told = {} if rail["improvement_bps"] is None else drawn
    why = f": {plain(rail['why_not'])}" if rail["why_not"] else ""
    return Difference(
        name=f"guardrail {rail['name']}",
        n=rail["n"],
        values=tuple(told.get("values") or (None, None)),
        point=rail["improvement_bps"],
        inner=_ends(told.get("inner")),
        outer=_ends(told.get("outer")),
        p=rail["p_adjusted"],
        tone=tones.get(rail["outcome"], "open"),
        said=GUARDED[rail["outcome"]].format(rail["margin_bps"]) + why,
        margin=-rail["margin_bps"],
    )


def _ends(given: Sequence[float] | None) -> tuple[float, float] | None:
    return None if given is None else (given[0], given[1])


def _scale(found: tuple[Difference, ...], least: float) -> Scale:
    reaches = [max(map(abs, d.inner)) for d in found if d.inner]
    most = max(WIDEST * median(reaches), reaches[0], abs(least)) if reaches else 100.0
    ends = [end for d in found for pair in (d.inner, d.outer) if pair for end in pair]
    points = [d.point for d in found if d.point is not None]
    margins = [d.margin for d in found if d.margin is not None]
    return Scale.around([least, *ends, *points, *margins], most=most)


def _described(d: Difference) -> str:
    if d.point is None:
        return f"{plain(d.name)}: {d.said}"
    ends = f", 95 % interval {interval(*d.inner)}" if d.inner else ""
    return f"{plain(d.name)}: {bps(d.point)} bps{ends}, {d.said[2:]}"


def _told(report: Report, found: tuple[Difference, ...]) -> str:
    c = report.comparison
    groups = "" if c.get("groups") is None else f" in {c['groups']:,} groups"
    told = (
        f"Candidate over champion on the same {c['n']:,} sealed examples{groups}, in basis points "
        f"(1e-4); positive is better. Dotted: the minimum effect, {tick_label(least_of(report))} "
        f"bps. {c['n']:,} examples find {c['detectable_bps']:,.0f} bps with 80 % power "
        f"({c['test']})."
    )
    if len(found) > 1:
        told += (
            " The first row decides. The thin whiskers and p-values of the others hold together "
            "(Bonferroni, Holm)."
        )
    return told


def least_of(report: Report) -> float:
    """The minimum effect in basis points."""
    return float(report.comparison["min_effect_bps"])
