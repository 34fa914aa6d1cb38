"""The budget of a hold-out: one box per look that it admits."""

from __future__ import annotations

from markupsafe import Markup

from hokusai_mlflow.report.view import Drawn

HEIGHT, MOST_BOXES = 22, 40


def meter(spent: int, quota: int) -> Drawn:
    """Looks spent before, this one, and those left.

    Parameters
    ----------
    spent : int
        Number of this look, from 1.
    quota : int
        Looks that the hold-out admits.
    """
    told = f"look {spent} of {quota}"
    boxes = min(quota, MOST_BOXES)
    wide = 100 / boxes
    inside = []
    for at in range(boxes):
        number = (at + 1) * quota / boxes
        kind = "hk-now" if number - quota / boxes < spent <= number else "hk-left"
        kind = "hk-spent" if number < spent else kind
        inside.append(
            Markup(
                '<rect class="{}" x="{:.2f}%" width="{:.2f}%" y="2" height="{}" rx="2"/>'
            ).format(kind, at * wide, wide * 0.86, HEIGHT - 4)
        )
    svg = Markup(
        '<svg class="hk-row hk-meter" width="100%" height="{}" role="img" aria-label="{}">'
        "<title>{}</title>{}</svg>"
    ).format(HEIGHT, told, told, Markup("").join(inside))
    text = "".join(
        "■" if at + 1 < spent else "▣" if at + 1 == spent else "□" for at in range(quota)
    )
    return Drawn(svg, text if quota <= MOST_BOXES else told)
