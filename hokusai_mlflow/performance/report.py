"""What a performance report says, and where it can be put."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.performance.timeframe import Timeframe
from hokusai_mlflow.report.rendered import Rendered

if TYPE_CHECKING:
    import pandas as pd

    from hokusai_mlflow.history.attempts import Attempt
    from hokusai_mlflow.history.contributors import Contributor
    from hokusai_mlflow.history.improvements import Improvement
    from hokusai_mlflow.history.trends import Point
    from hokusai_mlflow.report.view import Section, Tile

FORMAT = "hokusai-performance/1"
PROVISIONAL, FINAL, FAILED = "provisional", "final", "failed"
"""How payments stand, as in `hokusai_mlflow.history.improvements`."""
WAD = 10**18
Which = Literal["attempts", "improvements", "trends", "contributions"]


class Improvements(tuple["Improvement", ...]):
    """Promotions, newest first; as text, how many they are."""

    __slots__ = ()

    def __str__(self) -> str:
        return str(len(self))

    def __repr__(self) -> str:
        return f"Improvements({list(self)!r})"


@dataclass(frozen=True, repr=False)
class PerformanceReport(Rendered):
    """How a model did during a time.

    Attributes
    ----------
    model : str
        Registered model name.
    timeframe : Timeframe
        When.
    champion : int or None
        Version that is the champion now.
    metrics, missing : tuple of str
        Metrics that the report tells of, and metrics that were asked for and never measured.
    attempts : tuple of Attempt
        What was tried, newest first.
    improvements : Improvements
        Promotions with their evidence and payment, newest first; printed, how many.
    trends : tuple of Point
        Every metric of every attempt, oldest first.
    contributions : tuple of Contributor or None
        Who contributed, those paid most first; None when not asked for.
    """

    model: str
    timeframe: Timeframe
    champion: int | None
    metrics: tuple[str, ...]
    missing: tuple[str, ...]
    attempts: tuple[Attempt, ...]
    improvements: Improvements
    trends: tuple[Point, ...]
    contributions: tuple[Contributor, ...] | None

    @property
    def delta_ones(self) -> float:
        """DeltaOnes earned: hundredths of the basis points paid for, final or provisional.

        Payments that failed for good do not count.
        """
        return sum(one.paid_bps for one in self.improvements if one.standing != FAILED) / 100

    @property
    def paid_wei(self) -> int:
        """DeltaOne tokens paid, final, in 1e-18."""
        return sum(one.reward for one in self.improvements)

    def standing(self, which: str) -> tuple[Improvement, ...]:
        """The improvements whose payment stands so: final, provisional, failed or unpaid."""
        return tuple(one for one in self.improvements if one.standing == which)

    @cached_property
    def summary(self) -> str:
        """The whole in a few sentences."""
        return f"{'. '.join(self._sentences)}."

    @cached_property
    def _sentences(self) -> tuple[str, ...]:
        from hokusai_mlflow.performance.telling import sentences  # noqa: PLC0415

        return sentences(self)

    @property
    def over(self) -> str:
        """What stands above the title."""
        return f"Performance of {self.model}, {self.timeframe.label} ({self.timeframe.zone})"

    @property
    def title(self) -> str:
        """Title of a page."""
        return f"{self.model}: performance, {self.timeframe.label}"

    @property
    def headline(self) -> str:
        """The outcome in one sentence."""
        return self._sentences[0]

    @property
    def message(self) -> str:
        """What else there is to say at the top."""
        return "".join(f"{one[:1].upper()}{one[1:]}. " for one in self._sentences[1:]).strip()

    @property
    def verify_command(self) -> str:
        """The command that checks what payments say."""
        return "hokusai chain audit" if self.standing(FINAL) else ""

    @cached_property
    def tiles(self) -> tuple[Tile, ...]:
        """What to read first."""
        from hokusai_mlflow.performance.telling import tiles  # noqa: PLC0415

        return tiles(self)

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Everything else, in reading order."""
        from hokusai_mlflow.performance.sections import sections  # noqa: PLC0415

        return sections(self)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        people = self.contributions
        return {
            "format": FORMAT,
            "model": self.model,
            "timeframe": self.timeframe.to_dict(),
            "champion": self.champion,
            "metrics": list(self.metrics),
            "missing": list(self.missing),
            "summary": self.summary,
            "delta_ones": self.delta_ones,
            "paid_wei": str(self.paid_wei),
            "attempts": [one.to_dict() for one in self.attempts],
            "improvements": [one.to_dict() for one in self.improvements],
            "trends": [one.to_dict() for one in self.trends],
            "contributions": None if people is None else [one.to_dict() for one in people],
        }

    def to_frame(self, which: Which = "attempts") -> pd.DataFrame:
        """One line per attempt, improvement, measured metric or contributor.

        Raises
        ------
        InputError
            When there is no such table.
        """
        import pandas as pd  # noqa: PLC0415

        from hokusai_mlflow.history.attempts import Attempt  # noqa: PLC0415
        from hokusai_mlflow.history.contributors import Contributor  # noqa: PLC0415
        from hokusai_mlflow.history.trends import Point  # noqa: PLC0415

        rows = {
            "attempts": self.attempts,
            "improvements": self.improvements,
            "trends": self.trends,
            "contributions": self.contributions or (),
        }
        if which not in rows:
            raise InputError(f"to_frame: expected one of {', '.join(rows)}, found {which!r}")
        # Columns are there without rows too.
        kinds: dict[str, Any] = {
            "attempts": Attempt,
            "improvements": Attempt,
            "trends": Point,
            "contributions": Contributor,
        }
        told = [one.to_dict() for one in rows[which]]  # type: ignore[attr-defined]
        columns = list(told[0]) if told else list(kinds[which].__dataclass_fields__)
        return pd.DataFrame(told, columns=columns)

    def save(self, path: str | Path) -> Path:
        """Write the report to a file, in the form that its suffix says.

        Parameters
        ----------
        path : str or Path
            ``.html``, ``.md``, ``.txt``, ``.json``, or ``.csv`` (the attempts).

        Raises
        ------
        InputError
            When the suffix is another one, or the file cannot be written.
        """
        file = Path(path)
        written: dict[str, Callable[[], Any]] = {
            ".html": self.to_html,
            ".md": self.to_markdown,
            ".txt": self.to_text,
            ".json": lambda: json.dumps(self.to_dict(), ensure_ascii=False, indent=1) + "\n",
            ".csv": lambda: self.to_frame().to_csv(index=False),
        }
        if file.suffix.lower() not in written:
            raise InputError(
                f"save: expected a file that ends with {', '.join(written)}, found {file.name!r}"
            )
        try:
            file.write_text(str(written[file.suffix.lower()]()), encoding="utf-8")
        except OSError as problem:
            raise InputError(f"save: cannot write {file}: {problem}") from problem
        return file

    def __repr__(self) -> str:
        return f"PerformanceReport({self.model}, {self.timeframe.label}: {self.headline})"
