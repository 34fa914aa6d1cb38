"""Cross-validation: what refits of both recipes on the same folds say, fold by fold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hokusai_mlflow.report.charts.scale import Scale
from hokusai_mlflow.report.charts.whiskers import Whisker, axis, draw
from hokusai_mlflow.report.view import Column, Line, Plot, Section, Table, Tone
from hokusai_mlflow.report.words import bps, interval, plain, probability

if TYPE_CHECKING:
    from hokusai_mlflow.report.report import Report

BPS = 10_000
TAIL = 0.025
MOST_ROWS = 20
COLUMNS = (
    Column("", names=True),
    Column("mean, bps", numeric=True),
    Column("interval", numeric=True),
    Column("folds better", numeric=True),
)


def refits(report: Report) -> Section | None:
    """One row for all folds, then one per repeat; None where nothing was refitted."""
    found = report.document.get("crossval")
    if not found:
        return None
    from hokusai_mlflow.stats.quantiles import student_quantile  # noqa: PLC0415

    reach = student_quantile(TAIL, found["df"]) * found["std_error"] * BPS
    mean = found["mean"] * BPS
    ends = (mean - reach, mean + reach)
    tone: Tone = "good" if ends[0] > 0 else "bad" if ends[1] < 0 else "open"
    folds = _folds(report)
    every = tuple(one for repeat in folds for one in repeat)
    scale = Scale.around([*ends, *every, 0.0])
    won = f"{found['folds_won']} of {found['folds']}"
    whiskers = [Whisker(mean, ends, None, f"all folds: {bps(mean)} bps", tone)]
    lines = [Line(("all folds, corrected", bps(mean), interval(*ends), won), tone)]
    for at, repeat in enumerate(folds[:MOST_ROWS]):
        middle = sum(repeat) / len(repeat)
        better = sum(one > 0 for one in repeat)
        told = f"repeat {at + 1}: mean {bps(middle)} bps, {better} of {len(repeat)} folds better"
        whiskers.append(Whisker(middle, None, None, told, "plain", dots=repeat))
        lines.append(Line((f"repeat {at + 1}", bps(middle), "", f"{better} of {len(repeat)}")))
    plot = Plot(
        "difference of the recipes, bps",
        tuple(draw(one, scale, lines=((0.0, "zero"),)) for one in whiskers),
        axis(scale, left="← champion better", right="candidate better →"),
    )
    return Section(
        "refits",
        "Refits on the same folds",
        _told(report, len(folds)),
        Table(COLUMNS, tuple(lines), plot),
    )


def _folds(report: Report) -> list[tuple[float, ...]]:
    """Differences by repeat and fold, in basis points; empty where they were not kept."""
    kept = report.document["crossval"]
    return [
        tuple((new - old) * BPS for old, new in zip(b, c, strict=True))
        for b, c in zip(kept.get("baseline", ()), kept.get("candidate", ()), strict=True)
    ]


def _told(report: Report, repeats: int) -> str:
    found = report.document["crossval"]
    cut = f" by {plain(found['splitter'])} folds" if found.get("splitter") else ""
    told = (
        f"Both recipes fitted anew on {found['repeats']} × {found['folds_per_repeat']} folds of "
        f"the reference rows{cut}: p = {probability(found['p_value'])} for H0: not better "
        "(Nadeau & Bengio's corrected t test). Every dot is a fold; folds share rows, so their "
        f"number alone proves nothing. They find {found['detectable_bps']:,.0f} bps with 80 % "
        "power."
    )
    if repeats > MOST_ROWS:
        told += f" The first {MOST_ROWS} of {repeats} repeats are drawn."
    return told
