"""A confusion matrix: rows are the truth, columns what was said, shades the share of the row."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from hokusai_mlflow.report.words import short

SIZE, EDGE, FOOT = 280, 46, 34
DARK = 0.8
"""From this share on, a cell is dark enough for light figures."""


def confusion(labels: Sequence[str], counts: Sequence[Sequence[int]], who: str) -> Markup:
    """The matrix with its counts.

    Parameters
    ----------
    labels : sequence of str
        Classes.
    counts : k × k numbers
        Rows are the truth.
    who : str
        Whose.
    """
    k = len(labels)
    step = (SIZE - EDGE - 6) / k
    right = sum(counts[at][at] for at in range(k))
    total = sum(map(sum, counts))
    cells = []
    for row, line in enumerate(counts):
        whole = sum(line)
        y = 6 + row * step
        for column, n in enumerate(line):
            share = n / whole if whole else 0.0
            x = EDGE + column * step
            kind = "hk-right" if row == column else "hk-wrong"
            cells.append(
                Markup(
                    '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" '
                    'fill-opacity="{:.2f}"/>'
                ).format(kind, x + 0.5, y + 0.5, step - 1, step - 1, share)
            )
            if n:
                cells.append(
                    Markup(
                        '<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>'
                    ).format(
                        "hk-count hk-on" if share > DARK else "hk-count",
                        x + step / 2,
                        y + step / 2 + 4,
                        n,
                    )
                )
        cells.append(
            Markup('<text x="{}" y="{:.1f}" text-anchor="end">{}</text>').format(
                EDGE - 5, y + step / 2 + 4, short(labels[row], 6)
            )
        )
    bottom = 6 + k * step
    for column, label in enumerate(labels):
        cells.append(
            Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>').format(
                EDGE + (column + 0.5) * step, bottom + 13, short(label, max(2, int(step / 6.5)))
            )
        )
    told = f"{right:,} of {total:,} right; " + "; ".join(
        f"of {sum(counts[at]):,} {short(label, 40)} {counts[at][at]:,}"
        for at, label in enumerate(labels)
    )
    return Markup(
        '<svg class="hk-square" viewBox="0 0 {} {}" role="img" aria-label="{}: {}">'
        "<title>{}</title><desc>{}</desc>{}"
        '<text class="hk-end" x="{:.1f}" y="{}" text-anchor="middle">predicted</text>'
        '<text class="hk-end" transform="translate(11 {:.1f}) rotate(-90)" '
        'text-anchor="middle">truth</text></svg>'
    ).format(
        SIZE,
        SIZE + FOOT - EDGE + 6,
        f"Confusion matrix, {who}",
        told,
        f"Confusion matrix, {who}",
        told,
        Markup("").join(cells),
        EDGE + k * step / 2,
        bottom + 28,
        6 + k * step / 2,
    )
