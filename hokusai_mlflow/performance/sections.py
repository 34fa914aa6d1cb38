"""The parts of a performance report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hokusai_mlflow.performance.telling import OUTCOMES, ends
from hokusai_mlflow.report.charts.scale import Scale
from hokusai_mlflow.report.charts.series import Moment, series
from hokusai_mlflow.report.charts.whiskers import Whisker, axis, draw
from hokusai_mlflow.report.view import Column, Line, Plot, Section, Table, Tone
from hokusai_mlflow.report.words import (
    bps,
    count,
    delta_one,
    interval,
    percent,
    plain,
    probability,
    score,
)

if TYPE_CHECKING:
    from hokusai_mlflow.performance.report import PerformanceReport

MOST_ROWS = 100
"""Rows that a rendering shows of a table; `to_dict` and `to_frame` have all."""
MOST_DRAWN = 200
TONES: dict[str, Tone] = {
    "promoted": "good",
    "reject": "bad",
    "refused": "bad",
    "hold": "open",
}
STANDINGS: dict[str, tuple[str, Tone]] = {
    "final": ("✓ final", "good"),
    "provisional": ("… provisional", "open"),
    "failed": ("✗ failed", "bad"),
    "unpaid": ("– not paid", "plain"),
}


def sections(report: PerformanceReport) -> tuple[Section, ...]:
    """Every part that this report has something to say in."""
    found = (
        *(_trend(report, metric) for metric in report.metrics),
        _improvements(report),
        _attempts(report),
        _contributors(report),
    )
    return tuple(section for section in found if section is not None)


def _trend(report: PerformanceReport, metric: str) -> Section | None:
    points = [p for p in report.trends if p.metric == metric and p.candidate is not None]
    if not points:
        return None
    drawn = points[-MOST_DRAWN:]
    moments = [
        Moment(
            p.candidate,
            None if p.low is None or p.high is None else (p.low, p.high),
            p.outcome in ("promoted", "baseline"),
            f"#{p.number} {OUTCOMES.get(p.outcome, p.outcome)}, {report.timeframe.told(p.at)}: "
            f"{score(p.candidate)}",
        )
        for p in drawn
        if p.candidate is not None
    ]
    first, last = ends(report, metric)
    told = "Every attempt's score on the sealed hold-out of its time; ▲ was promoted."
    if first is not None and last is not None:
        told = f"From {score(first)} to {score(last)}. {told}"
    if len(points) > len(drawn):
        told += f" The newest {len(drawn)} of {len(points):,} are drawn."
    left, right = (report.timeframe.told(p.at) for p in (drawn[0], drawn[-1]))
    name = "".join(c if c.isalnum() else "-" for c in metric)[:60]
    return Section(
        f"trend-{name}", plain(metric), told, drawing=series(moments, plain(metric), left, right)
    )


def _improvements(report: PerformanceReport) -> Section | None:
    found = report.improvements[:MOST_ROWS]
    if not found:
        return None
    columns = (
        Column("version", names=True),
        Column("when"),
        Column("Δ bps", numeric=True),
        Column("95 % interval", numeric=True),
        Column("DeltaOnes", numeric=True),
        Column("payment"),
    )
    lines, whiskers = [], []
    for one in found:
        tried = one.attempt
        word, tone = STANDINGS[one.standing]
        ends_ = None
        if tried.ci_low_bps is not None and tried.ci_high_bps is not None:
            ends_ = (tried.ci_low_bps, tried.ci_high_bps)
        change = f"version {tried.champion_version} → {tried.candidate_version}"
        cells = (
            change,
            report.timeframe.told(tried.opened_at),
            bps(tried.improvement_bps),
            interval(*ends_) if ends_ else "",
            f"{one.delta_ones:g}",
            word,
        )
        lines.append(Line(cells, tone))
        told = f"{change}: {bps(tried.improvement_bps)} bps"
        whiskers.append(Whisker(tried.improvement_bps, ends_, None, told, "good"))
    scale = Scale.around(end for one in whiskers if one.inner for end in one.inner)
    plot = Plot(
        "improvement in bps",
        tuple(draw(one, scale, lines=((0.0, "zero"),)) for one in whiskers),
        axis(scale, right="better →"),
    )
    return Section(
        "improvements",
        "Improvements",
        _newest(len(report.improvements), len(found)),
        Table(columns, tuple(lines), plot, before=2),
    )


def _attempts(report: PerformanceReport) -> Section | None:
    found = report.attempts[:MOST_ROWS]
    if not found:
        return None
    columns = (
        Column("attempt", names=True),
        Column("when"),
        Column("outcome"),
        Column("Δ bps", numeric=True),
        Column("p", numeric=True),
        Column("n", numeric=True),
        Column("why not"),
    )
    lines = []
    for one in found:
        why = "; ".join(reason["message"] for reason in one.reasons)
        cells = (
            f"#{one.number}",
            report.timeframe.told(one.opened_at),
            OUTCOMES.get(one.outcome, one.outcome),
            bps(one.improvement_bps),
            probability(one.p_value),
            count(one.n),
            plain(why),
        )
        lines.append(Line(cells, TONES.get(one.outcome, "plain")))
    told = _newest(len(report.attempts), len(found))
    return Section("attempts", "Attempts", told, Table(columns, tuple(lines)))


def _contributors(report: PerformanceReport) -> Section | None:
    people = report.contributions
    if not people:
        return None
    found = people[:MOST_ROWS]
    columns = (
        Column("contributor", names=True),
        Column("rows accepted", numeric=True),
        Column("impact, bps", numeric=True),
        Column("DeltaOne", numeric=True),
        Column("duplicates", numeric=True),
    )
    lines, whiskers = [], []
    for one in found:
        reach = 1.96 * one.std_error_bps
        ends_ = (one.impact_bps - reach, one.impact_bps + reach)
        tone: Tone = "good" if one.paid else "bad" if ends_[1] < 0 else "open"
        share = "" if one.acceptance is None else f" ({percent(one.acceptance)})"
        cells = (
            plain(one.name),
            f"{one.accepted:,} of {one.given:,}{share}",
            bps(one.impact_bps),
            delta_one(one.paid),
            count(one.duplicates),
        )
        lines.append(Line(cells, tone))
        told = f"{plain(one.name)}: {bps(one.impact_bps)} bps"
        whiskers.append(Whisker(one.impact_bps, ends_, None, told, tone))
    scale = Scale.around(end for one in whiskers if one.inner for end in one.inner)
    plot = Plot(
        "summed value of the data, bps",
        tuple(draw(one, scale, lines=((0.0, "zero"),)) for one in whiskers),
        axis(scale, left="← made it worse", right="made it better →"),
    )
    told = f"Summed Shapley values with 95 % intervals. {_newest(len(people), len(found))}"
    return Section(
        "contributors", "Contributors", told.strip(), Table(columns, tuple(lines), plot, before=2)
    )


def _newest(every: int, shown: int) -> str:
    return "" if shown == every else f"{shown} of {every:,} are shown."
