"""A performance report in sentences, and its tiles."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hokusai_mlflow.performance.report import FAILED, FINAL, PROVISIONAL
from hokusai_mlflow.report.view import Tile, Tone
from hokusai_mlflow.report.words import delta_one, plain, score

if TYPE_CHECKING:
    from hokusai_mlflow.performance.report import PerformanceReport

OUTCOMES = {
    "promoted": "promoted",
    "hold": "held",
    "reject": "rejected",
    "refused": "refused by a reviewer",
    "baseline": "baseline",
    "open": "open",
    "abandoned": "abandoned",
}


def sentences(report: PerformanceReport) -> tuple[str, ...]:
    """How often it was tried, how the metrics moved, what was earned; without full stops."""
    name, span = plain(report.model), report.timeframe.label
    told = [f"never measured: {', '.join(map(plain, report.missing))}"] if report.missing else []
    if not report.attempts:
        return (f"nothing was attempted with {name} in this time ({span})", *told)
    tried = _count(len(report.attempts), "attempt")
    improved = _count(len(report.improvements), "improvement")
    return (
        f"{improved} in {tried} at {name} ({span})",
        *(moved for one in report.metrics if (moved := _movement(report, one))),
        f"{report.delta_ones:g} DeltaOnes were earned, {_paid(report)}",
        *told,
    )


def _movement(report: PerformanceReport, metric: str) -> str:
    """How a metric of the champion went from before the first promotion to after the last."""
    first, last = ends(report, metric)
    if last is None:
        return ""
    if first is None:
        return f"{plain(metric)} is {score(last)}"
    return f"{plain(metric)} went from {score(first)} to {score(last)}"


def ends(report: PerformanceReport, metric: str) -> tuple[float | None, float | None]:
    """The beaten champion's value at the first promotion, and the new one's at the last.

    Each is measured on the sealed hold-out of its time. Before any promotion, the baseline's own
    score out of fold is the second.
    """
    points = [p for p in report.trends if p.metric == metric]
    promoted = [p for p in points if p.outcome == "promoted"]
    if promoted:
        return promoted[0].baseline, promoted[-1].candidate
    return None, next((p.candidate for p in reversed(points) if p.outcome == "baseline"), None)


def tiles(report: PerformanceReport) -> tuple[Tile, ...]:
    """Improvements, the paid metric, earnings, payments."""
    outcomes = Counter(one.outcome for one in report.attempts)
    told = ", ".join(f"{n:,} {OUTCOMES.get(what, what)}" for what, n in outcomes.most_common())
    promoted = len(report.improvements)
    champion = "none yet" if report.champion is None else f"version {report.champion}"
    found = [
        Tile(
            "Improvements",
            f"{promoted:,} of {_count(len(report.attempts), 'attempt')}",
            told,
            "good" if promoted else "plain",
        )
    ]
    if report.metrics:
        first, last = ends(report, report.metrics[0])
        before = f"from {score(first)}; " if first is not None else ""
        found.append(
            Tile(
                f"{plain(report.metrics[0])} of the champion",
                score(last) or "not measured",
                f"{before}champion now: {champion}",
            )
        )
    failed = len(report.standing(FAILED))
    waiting = len(report.standing(PROVISIONAL))
    tone: Tone = "bad" if failed else "open" if waiting else "good" if report.paid_wei else "plain"
    found.append(Tile("DeltaOnes earned", f"{report.delta_ones:g}", _paid(report), tone))
    return tuple(found)


def _paid(report: PerformanceReport) -> str:
    counts = {which: len(report.standing(which)) for which in (FINAL, PROVISIONAL, FAILED)}
    told = [f"{n:,} {which}" for which, n in counts.items() if n]
    payments = f" ({', '.join(told)})" if told else ""
    return f"{delta_one(report.paid_wei)} DeltaOne paid{payments}"


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"
