"""Figures and foreign text as every rendering shows them: one place, so that all say the same."""

from __future__ import annotations

import math
import re
import unicodedata

LONGEST = 160
"""Letters of a foreign text that renderings without scrolling show."""
_JOINERS = "\u200c\u200d"


def plain(text: object) -> str:
    """Foreign text on one line, with control and direction marks made visible.

    A mark that turns the direction of writing could make one name look like another.
    """
    flat = " ".join(str(text).split())
    if flat.isascii() and flat.isprintable():
        return flat
    return "".join(
        f"⟨U+{ord(c):04X}⟩" if unicodedata.category(c) in _HIDDEN and c not in _JOINERS else c
        for c in flat
    )


_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def short(text: object, most: int = LONGEST) -> str:
    """`plain` text of at most so many letters."""
    flat = plain(text)
    return flat if len(flat) <= most else flat[: most - 1] + "…"


def cell(text: object, most: int = LONGEST) -> str:
    """Text that stays text in Markdown: no table cell, link, image, emphasis or HTML begins."""
    flat = short(text, most)
    # A backslash first, or it would undo the escapes that follow.
    flat = re.sub(r"([\\|\[\]*_~])", r"\\\1", flat)
    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("`", "'")
    # Addresses would become links by themselves.
    flat = flat.replace("://", "&#58;//").replace("www.", "www&#46;").replace("@", "&#64;")
    return "\\" + flat if flat[:1] in {"#", "-", "+", "="} else flat


def code(text: object, most: int = 4 * LONGEST) -> str:
    """Text as a Markdown code span on one line."""
    return "`" + short(text, most).replace("`", "'") + "`"


def bps(value: float | None) -> str:
    """Basis points with their sign; nothing where there is no figure."""
    if value is None or not math.isfinite(value):
        return ""
    return f"{value:+,.1f}".replace("-", "−") if abs(value) < 100 else _whole(value)


def _whole(value: float) -> str:
    return f"{value:+,.0f}".replace("-", "−")


def interval(low: float | None, high: float | None) -> str:
    """Two ends in basis points."""
    return f"{bps(low)} to {bps(high)}" if bps(low) and bps(high) else ""


def score(value: float | None) -> str:
    """A metric's value."""
    if value is None or not math.isfinite(value):
        return ""
    told = f"{value:.4f}" if 0.01 <= abs(value) <= 1 else f"{value:.5g}"
    return told.replace("-", "−")


def probability(p: float | None) -> str:
    """A p-value in few digits."""
    if p is None or not math.isfinite(p):
        return ""
    if p < 0.0001:
        return "< 0.0001"
    return f"{p:.4f}" if p < 0.1 else f"{p:.2f}"


def count(n: int | None) -> str:
    """A number of examples."""
    return "" if n is None else f"{n:,}"


def percent(share: float) -> str:
    """A share of one."""
    return f"{100 * share:.2f} %"


def delta_one(wei: int | str) -> str:
    """DeltaOne with six digits, rounded down, from 1e-18."""
    whole, part = divmod(int(wei) // 10**12, 10**6)
    return f"{whole:,}.{part:06d}"
