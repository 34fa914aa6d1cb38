"""The written report: what was promised, what was measured, what to think of it."""

import math
import platform
from collections import defaultdict
from collections.abc import Iterable
from importlib.metadata import version

from .measure import SEED, SUITE_ALARM, Row, Size
from .promises import PROMISES, Promise

FEW = 5
"""Up to so many numbers with a bar are all told at a glance."""


def render(rows: list[Row], *, size: Size, seconds: float, workers: int, left: int = 0) -> str:
    """The report in Markdown."""
    by_promise: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_promise[row.promise].append(row)
    measured = [(promise, by_promise[promise.name]) for promise in PROMISES]
    measured = [(promise, found) for promise, found in measured if found]
    checked = [row for row in rows if row.checked and row.repetitions]
    repetitions = sum(row.repetitions for row in rows)
    unfinished = f"**Unfinished: {left} pieces of work are left.** " if left else ""
    libraries = ", ".join(
        f"{name} {version(name)}"
        for name in ("hokusai-mlflow", "numpy", "scipy", "scikit-learn", "sacrebleu")
    )
    parts = [
        "# Calibration report",
        "",
        "What the gate promises, measured in worlds whose true differences are known. "
        f"{unfinished}Size: {size}; {len(rows):,} numbers from {repetitions:,} repetitions; "
        f"{seconds / 60:.1f} minutes with {workers} processes; seed {SEED}; "
        f"Python {platform.python_version()}, {libraries}.",
        "",
        "## Promises at a glance",
        "",
        "| promise | bar | measured | repetitions | verdict |",
        "|---|---|---|---|---|",
        *(_glance(promise, found) for promise, found in measured),
        "",
        "Standard errors of rates are binomial at the bar. A number is above its bar when it is "
        "more than three standard errors beyond it: "
        f"of {len(checked)} checked numbers that all lay exactly at their bars, chance would put "
        f"{len(checked) * 0.00135:.1f} there. *Beyond chance* means a smaller probability than "
        f"{SUITE_ALARM:.0%} divided by {len(checked)} (Bonferroni).",
    ]
    for promise, found in measured:
        parts += _section(promise, found, len(checked))
    return "\n".join(parts) + "\n"


def _glance(promise: Promise, found: list[Row]) -> str:
    checked = [row for row in found if row.checked]
    above = [row for row in checked if not row.holds]
    verdict = "holds" if not above else f"**{len(above)} of {len(checked)} beyond the bar**"
    if len(checked) <= FEW:
        told = "; ".join(f"{row.cell}: {_number(row)} ± {_error(row)}" for row in checked)
        times = ", ".join(dict.fromkeys(_times(row) for row in checked))
        return _line(promise.name, promise.bar, told, times, verdict)
    worst = min(
        checked, key=lambda row: (row.alarm, min(row.measured - row.low, row.high - row.measured))
    )
    median = sorted(row.measured for row in checked)[len(checked) // 2]
    told = (
        f"median of {len(checked)} cells {_shown(median, worst.unit)}, "
        f"worst {_number(worst)} ± {_error(worst)} ({worst.cell})"
    )
    fewest, most = (f"{pick(row.repetitions for row in checked):,}" for pick in (min, max))
    return _line(promise.name, promise.bar, told, f"{fewest} – {most} a cell", verdict)


def _section(promise: Promise, found: list[Row], family: int) -> Iterable[str]:
    above = [row for row in found if not row.holds]
    yield from ("", f"## {promise.name[0].upper()}{promise.name[1:]}", "", promise.about, "")
    if above:
        yield from ("Beyond the bar:", "")
        for row in above:
            chance = "beyond chance" if row.alarm < SUITE_ALARM / family else "within chance"
            yield f"- {row.cell}: {_number(row)} ± {_error(row)}, {chance} {row.note}".rstrip()
        yield ""
    if len(found) > 24:
        yield from _summary(found)
        yield from ("", "<details><summary>Every cell</summary>", "")
    yield from (
        "| cell | measured | standard error | bar | repetitions | |",
        "|---|---|---|---|---|---|",
    )
    for row in found:
        mark = "" if row.holds else "**beyond** "
        yield _line(row.cell, _number(row), _error(row), _bar(row), _times(row), mark + row.note)
    if len(found) > 24:
        yield from ("", "</details>")


def _summary(found: list[Row]) -> Iterable[str]:
    """Mean and extreme by metric and number of examples."""
    table: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in found:
        if row.checked:
            name, *_, last = row.cell.split(" · ")
            table[name][last if last.startswith("n ") else "all"].append(row)
    sizes = sorted({n for of in table.values() for n in of}, key=lambda n: (len(n), n))
    yield _line("metric", *(f"{n}: mean (range) of cells" for n in sizes))
    yield _line(*["---"] * (len(sizes) + 1))
    for name, of in table.items():
        yield _line(name, *(_spread(of[n]) for n in sizes))


def _spread(rows: list[Row]) -> str:
    if not rows:
        return "–"
    values = [row.measured for row in rows]
    unit = rows[0].unit
    mean = _shown(sum(values) / len(values), unit)
    low, high = (_shown(edge, unit) for edge in (min(values), max(values)))
    return f"{mean} ({low} – {high}) of {len(rows)}"


def _bar(row: Row) -> str:
    low, high = (_shown(edge, row.unit) for edge in (row.low, row.high))
    if math.isfinite(row.low) and math.isfinite(row.high):
        return f"{low} to {high}"
    if row.checked:
        return f"≤ {high}" if math.isfinite(row.high) else f"≥ {low}"
    return "–"


def _times(row: Row) -> str:
    return f"{row.repetitions:,}" if row.repetitions else "exact"


def _number(row: Row) -> str:
    return _shown(row.measured, row.unit)


def _error(row: Row) -> str:
    return _shown(row.std_error, row.unit) if row.repetitions else "0"


def _shown(value: float, unit: str) -> str:
    if not math.isfinite(value):
        return "–"
    return f"{value:.2%}" if unit == "%" else f"{value:.2f} {unit}"


def _line(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
