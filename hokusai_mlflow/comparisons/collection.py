"""The result of several comparisons, its primary row first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from hokusai_mlflow.errors import UnknownName, did_you_mean
from hokusai_mlflow.stats.comparison import Comparison

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from hokusai_mlflow.gate.decision import Decision

Finding = Literal["better", "worse", "undecided", "undefined"]
NO_LOOK = (
    "A verdict on these data alone: it spends no look of a sealed hold-out and promotes nothing; "
    "`hokusai run` does."
)
"""What every rendering says beside a verdict."""


@dataclass(frozen=True, repr=False)
class Row:
    """One comparison among several.

    Attributes
    ----------
    name : str
        The metric's name (its signature where two rows share the name), or ``"column = value"``
        for a slice.
    metric : str
        The metric's signature.
    slice : str or None
        Which examples; None for all of them.
    comparison : Comparison or None
        None when the metric has no value on this slice.
    p_adjusted : float or None
        Holm-adjusted over the rows that are not primary; the primary row's own p-value.
    adjusted_low_bps, adjusted_high_bps : float or None
        Interval that holds together with those of the other rows that are not primary
        (Bonferroni); the primary row's own 95 % interval.
    undefined : str
        Why there is no comparison; empty when there is one.
    """

    name: str
    metric: str
    slice: str | None
    comparison: Comparison | None
    p_adjusted: float | None = None
    adjusted_low_bps: float | None = None
    adjusted_high_bps: float | None = None
    undefined: str = ""

    @property
    def finding(self) -> Finding:
        """What the adjusted figures show.

        ``better`` when H0: Δ ≤ δ₀ is rejected at the level; ``worse`` when the adjusted interval
        lies below 0; otherwise ``undecided``.
        """
        if self.comparison is None:
            return "undefined"
        assert self.p_adjusted is not None
        assert self.adjusted_high_bps is not None
        if self.p_adjusted <= self.comparison.level and self.comparison.improvement > 0:
            return "better"
        return "worse" if self.adjusted_high_bps < 0 else "undecided"

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form."""
        return {
            "name": self.name,
            "metric": self.metric,
            "slice": self.slice,
            "finding": self.finding,
            "p_adjusted": self.p_adjusted,
            "adjusted_low_bps": self.adjusted_low_bps,
            "adjusted_high_bps": self.adjusted_high_bps,
            "undefined": self.undefined,
            "comparison": None if self.comparison is None else self.comparison.to_dict(),
        }

    def __repr__(self) -> str:
        told = self.undefined if self.comparison is None else self.comparison.summary
        return f"<Row {self.name}: {self.finding}; {told}>"


@dataclass(frozen=True, repr=False)
class Comparisons:
    """Several paired comparisons of one candidate with one baseline.

    Attributes
    ----------
    rows : tuple of Row
        The primary one (the first metric on all examples) first, then the other metrics, then the
        slices.
    decision : Decision or None
        The gate's verdict on the primary row, when a policy was given. It spends no look of a
        sealed hold-out and promotes nothing.
    """

    rows: tuple[Row, ...]
    decision: Decision | None = None

    @property
    def primary(self) -> Comparison:
        """The first metric's comparison on all examples."""
        found = self.rows[0].comparison
        assert found is not None
        return found

    def __getitem__(self, name: str) -> Comparison:
        """The comparison of that row.

        Raises
        ------
        UnknownName
            When there is no such row, or its metric has no value there.
        """
        for row in self.rows:
            if row.name == name:
                if row.comparison is None:
                    raise UnknownName(f"{name} has no comparison: {row.undefined}")
                return row.comparison
        names = [row.name for row in self.rows]
        raise UnknownName(f"there is no comparison {name!r}{did_you_mean(name, names)}")

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form: every row, and the verdict when there is one."""
        told: dict[str, Any] = {"rows": [row.to_dict() for row in self.rows]}
        if self.decision is not None:
            told["decision"] = self.decision.to_dict()
            told["note"] = NO_LOOK
        return told

    def to_frame(self) -> pd.DataFrame:
        """One line per row, indexed by its name: values, improvement and interval in bps, p."""
        from hokusai_mlflow.comparisons.tabular import frame  # noqa: PLC0415

        return frame(self)

    def to_text(self) -> str:
        """An aligned table for a terminal, the verdict below it."""
        from hokusai_mlflow.comparisons.text import text  # noqa: PLC0415

        return text(self)

    def to_markdown(self) -> str:
        """A Markdown table, the verdict below it."""
        from hokusai_mlflow.comparisons.text import markdown  # noqa: PLC0415

        return markdown(self)

    def to_html(self, *, page: bool = False, title: str = "Model comparison") -> str:
        """A self-contained fragment with a forest plot beside the figures; light and dark.

        Parameters
        ----------
        page : bool
            Whether to make a whole document of it, with a title.
        title : str
            Of the document.
        """
        from hokusai_mlflow.comparisons.html import document, fragment  # noqa: PLC0415

        return document(self, title) if page else fragment(self)

    def _repr_html_(self) -> str:
        return self.to_html()

    def forest_plot(self, *, dark: bool = False) -> Figure:
        """Paired differences with 95 % intervals, as a matplotlib figure.

        Parameters
        ----------
        dark : bool
            Light text on a dark ground.
        """
        from hokusai_mlflow.comparisons.forest import forest_plot  # noqa: PLC0415

        return forest_plot(self, dark=dark)

    def __repr__(self) -> str:
        verdict = "" if self.decision is None else f", verdict {self.decision.verdict}"
        return f"<Comparisons {len(self)} rows{verdict}; {self.primary.summary}>"
