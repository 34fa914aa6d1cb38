"""Comparisons as a data frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from hokusai_mlflow.comparisons.collection import Comparisons

COLUMNS = (
    "n",
    "groups",
    "baseline",
    "candidate",
    "improvement_bps",
    "ci_low_bps",
    "ci_high_bps",
    "p_value",
    "test",
    "detectable_bps",
)


def frame(comparisons: Comparisons) -> pd.DataFrame:
    """One line per row, indexed by its name; what is undefined is missing."""
    import pandas as pd  # noqa: PLC0415

    lines = []
    for row in comparisons:
        told = {} if row.comparison is None else row.comparison.to_dict()
        lines.append(
            {"metric": row.metric, "slice": row.slice}
            | {column: told.get(column) for column in COLUMNS}
            | {
                "p_adjusted": row.p_adjusted,
                "adjusted_low_bps": row.adjusted_low_bps,
                "adjusted_high_bps": row.adjusted_high_bps,
                "finding": row.finding,
            }
        )
    names = pd.Index([row.name for row in comparisons], name="comparison")
    return pd.DataFrame(lines, index=names)
