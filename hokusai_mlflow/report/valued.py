"""How contributions were valued, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMES: Mapping[str, str] = {
    "rows": "Shapley values of rows, added up by contributor",
    "exact": "exact Shapley values of contributors",
    "sampled": "Shapley values of contributors, sampled",
    "leave_one_out": "leave-one-out values",
}


def told_how(how: Mapping[str, Any] | None) -> str:
    """In a sentence, by what method and with what precision.

    Parameters
    ----------
    how : mapping or None
        The section ``valuation`` of the evidence's contributions; evidence of a time when all
        values were exact has none, and gives an empty string.
    """
    if not how:
        return ""
    told = f"{NAMES[how['method']]}, from {how['refits']:,} refits"
    if how.get("left_out"):
        told += f"; those who help are valued without {', '.join(how['left_out'])}, who did harm"
    if "stopped" not in how:
        return told
    reached = how["sampling_error"]
    error = "is not known" if reached is None else f"is {100 * reached:.1f} points"
    if how["stopped"] == "budget":
        return (
            f"{told}; the budget of {how['max_refits']:,} ended before shares were as precise as "
            f"asked for: the largest standard error that sampling leaves {error}, and "
            f"{100 * how['precision']:g} were asked for (valuation.max_refits, .precision)"
        )
    return f"{told}; the largest standard error that sampling leaves in a share {error}"
