"""Comparisons as HTML: a table whose rows carry their own part of the forest plot."""

from __future__ import annotations

from html import escape

from hokusai_mlflow.comparisons.axis import Axis, axis, tick_label
from hokusai_mlflow.comparisons.cells import OUTCOMES, VERDICTS, line, notes
from hokusai_mlflow.comparisons.collection import NO_LOOK, Comparisons, Finding, Row
from hokusai_mlflow.comparisons.style import MARKS, PAGE, STYLE

WIDTH, HEIGHT, AXIS_HEIGHT = 320, 30, 34


def fragment(comparisons: Comparisons) -> str:
    """The table, what must be said beside it, and the verdict, with its style inside."""
    scale, first = axis(comparisons), comparisons.primary
    heads = "".join(
        f"<th scope=col{kind}>{escape(head)}</th>"
        for head, kind in (
            ("", ""),
            ("n", " class=r"),
            ("baseline", " class=r"),
            ("candidate", " class=r"),
            (f"bps; dotted: {tick_label(first.min_effect_bps)}, the minimum", " class=head"),
            ("Δ bps", " class=r"),
            ("95 % interval", " class=r"),
            ("p", " class=r"),
            ("", ""),
        )
    )
    rows = "".join(_row(row, scale) for row in comparisons)
    foot = f"<td colspan=4></td><td class=plot>{_axis(scale)}</td><td colspan=4></td>"
    places = f"--zero:{_x(scale, 0.0)}px;--least:{_x(scale, first.min_effect_bps)}px"
    said = "".join(f"<p>{escape(note)}</p>" for note in notes(comparisons))
    return (
        f"<div class=hokusai-comparisons><style>{STYLE}</style>{_verdict(comparisons)}"
        f"<div class=scroll><table style='{places}'><thead><tr>{heads}</tr></thead>"
        f"<tbody>{rows}</tbody>"
        f"<tfoot><tr class=axis>{foot}</tr></tfoot></table></div><div class=notes>{said}</div>"
        f"{_findings(comparisons)}</div>"
    )


def document(comparisons: Comparisons, title: str) -> str:
    """A whole document around the fragment."""
    return (
        '<!doctype html><html lang=en><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{PAGE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{fragment(comparisons)}</body></html>"
    )


def _row(row: Row, scale: Axis) -> str:
    told, name = line(row), f"<th scope=row>{escape(row.name)}</th>"
    if row.comparison is None:
        empty = _svg(HEIGHT, "", "undefined")
        return (
            f"<tr class=undefined>{name}<td colspan=3></td><td class=plot>{empty}</td>"
            f"<td colspan=4 class=why>{escape(told.finding)}</td></tr>"
        )
    before, after = ("".join(map(_number, cells)) for cells in (told.cells[1:4], told.cells[4:7]))
    described = f"{told.improvement} bps, 95 % interval {told.interval}"
    drawn = _svg(HEIGHT, _whiskers(row, scale), described)
    return (
        f"<tr class={row.finding}>{name}{before}<td class=plot>{drawn}</td>{after}"
        f"<td class=finding>{escape(told.finding)}</td></tr>"
    )


def _number(cell: str) -> str:
    return f"<td class=r>{escape(cell.replace('-', '−'))}</td>"


def _svg(height: int, inside: str, described: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
        f'aria-label="{escape(described)}">{inside}</svg>'
    )


def _whiskers(row: Row, scale: Axis) -> str:
    found, middle = row.comparison, HEIGHT / 2
    assert found is not None
    assert row.adjusted_low_bps is not None
    assert row.adjusted_high_bps is not None
    thin = f"M{_x(scale, row.adjusted_low_bps)} {middle}H{_x(scale, row.adjusted_high_bps)}"
    thick = f"M{_x(scale, found.ci_low_bps)} {middle}H{_x(scale, found.ci_high_bps)}"
    drawn = f'<path class="thin" d="{thin}"/><path class="thick" d="{thick}"/>'
    if scale.clip(row.adjusted_low_bps) != row.adjusted_low_bps:
        drawn += f'<path class="mark" d="M0 {middle}l7 -5v10z"/>'
    if scale.clip(row.adjusted_high_bps) != row.adjusted_high_bps:
        drawn += f'<path class="mark" d="M{WIDTH} {middle}l-7 -5v10z"/>'
    if scale.clip(found.improvement_bps) == found.improvement_bps:
        drawn += _mark(row.finding, _x(scale, found.improvement_bps), middle)
    return drawn


def _mark(finding: Finding, x: float, y: float) -> str:
    return f'<path class="mark point" transform="translate({x} {y})" d="{MARKS[finding]}"/>'


def _axis(scale: Axis) -> str:
    drawn = f'<path class="zero" d="M0 .5H{WIDTH}"/>'
    for tick in scale.ticks:
        x = _x(scale, tick)
        # Labels at the ends stay inside.
        anchor = "start" if x < 16 else "end" if x > WIDTH - 16 else "middle"
        drawn += f'<path class="zero" d="M{x} 0v4"/>'
        drawn += f'<text x="{x}" y="15" text-anchor="{anchor}">{escape(tick_label(tick))}</text>'
    if scale.low < 0 < scale.high:
        drawn += '<text x="0" y="30">← baseline better</text>'
    return _svg(
        AXIS_HEIGHT,
        f'{drawn}<text x="{WIDTH}" y="30" text-anchor="end">candidate better →</text>',
        "improvement in basis points",
    )


def _x(scale: Axis, bps: float) -> float:
    return round(scale.share(bps) * WIDTH, 2)


def _verdict(comparisons: Comparisons) -> str:
    decision = comparisons.decision
    if decision is None:
        return ""
    return (
        f"<p class='verdict {decision.verdict}'><strong>{decision.verdict}</strong> "
        f"{escape(VERDICTS[decision.verdict])}</p><p class=look>{escape(NO_LOOK)}</p>"
    )


def _findings(comparisons: Comparisons) -> str:
    decision = comparisons.decision
    if decision is None:
        return ""
    rows = "".join(
        f"<tr class={f.outcome}><td>{OUTCOMES[f.outcome]}</td><th scope=row>{escape(f.code)}</th>"
        f"<td>{escape(f.message)}"
        + (f"<br><span class=remedy>→ {escape(f.remedy)}</span>" if f.remedy else "")
        + "</td></tr>"
        for f in decision.findings
    )
    return (
        f"<div class=scroll><table class=findings><tbody>{rows}</tbody></table></div>"
        f"<p class=signature><code>{escape(decision.signature)}</code></p>"
    )
