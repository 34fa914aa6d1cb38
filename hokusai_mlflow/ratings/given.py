"""Ratings as they were given to blinded answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.inputs import Floats
from hokusai_mlflow.ratings.blinding import Question, Unblinded
from hokusai_mlflow.ratings.table import Ratings
from hokusai_mlflow.stats.screening import Screening, screen


@dataclass(frozen=True)
class Given:
    """One rating.

    Attributes
    ----------
    question, answer : str
        Blinded names.
    rater : str
        Who.
    value : float
        On the scale.
    side : {"a", "b", ""}
        Where the answer stood on the rater's sheet; empty where there was none beside it.
    seconds : float or None
        When it was given, where that was as the rater went along.
    """

    question: str
    answer: str
    rater: str
    value: float
    side: str = ""
    seconds: float | None = None


@dataclass(frozen=True, repr=False)
class GivenRatings:
    """All ratings of a round, blind to the models.

    Attributes
    ----------
    rows : tuple of Given
        In a fixed order.
    left_out : mapping of str to int
        What else was found, by reason.
    """

    rows: tuple[Given, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = tuple(sorted(self.rows, key=lambda r: (r.question, r.answer, r.rater)))
        object.__setattr__(self, "rows", rows)

    @property
    def raters(self) -> tuple[str, ...]:
        """Names of the raters."""
        return tuple(sorted({row.rater for row in self.rows}))

    def complete(self, questions: Sequence[Question]) -> dict[str, int]:
        """How many raters rated every answer to a question, by question."""
        seen: dict[tuple[str, str], set[str]] = {}
        for row in self.rows:
            seen.setdefault((row.question, row.rater), set()).add(row.answer)
        found = {question.id: 0 for question in questions}
        wanted = {one.id: {answer for answer, _ in one.answers} for one in questions}
        for (question, _), answers in seen.items():
            found[question] += answers == wanted[question]
        return found

    def rated_in_full(self, questions: Sequence[Question], rater: str) -> list[str]:
        """Questions whose every answer a rater has rated."""
        mine = GivenRatings(tuple(row for row in self.rows if row.rater == rater))
        return [name for name, count in mine.complete(questions).items() if count]

    def without(self, raters: Sequence[str]) -> GivenRatings:
        """The same without some raters."""
        kept = tuple(row for row in self.rows if row.rater not in raters)
        return GivenRatings(kept, self.left_out)

    def screen(self) -> Screening:
        """Raters who stand out; see `hokusai_mlflow.stats.screening`."""
        rows = self.rows
        return screen(
            np.array([row.answer for row in rows]),
            np.array([row.question for row in rows]),
            np.array([row.rater for row in rows]),
            np.array([row.value for row in rows]),
            sides=[row.side for row in rows],
            seconds=[np.nan if row.seconds is None else row.seconds for row in rows],
        )

    def arrays(self) -> tuple[Any, Any, Any, Floats]:
        """Answers, questions, raters and ratings, shape (n,) each."""
        columns = zip(*((r.answer, r.question, r.rater, r.value) for r in self.rows), strict=True)
        answers, questions, raters, values = (np.array(column) for column in columns)
        return answers, questions, raters, values.astype(np.float64)

    def unblind(self, unblinded: Sequence[Unblinded]) -> Ratings:
        """Ratings of champion and candidate; what was rated once for both counts for both.

        Raises
        ------
        InputError
            When nothing is left.
        """
        by_question: dict[str, list[Given]] = {}
        for row in self.rows:
            by_question.setdefault(row.question, []).append(row)
        found = [
            (one.item, row.rater, system, row.value)
            for one in unblinded
            for row in by_question.get(one.question, ())
            for system, answer in (("champion", one.champion), ("candidate", one.candidate))
            if row.answer == answer
        ]
        if not found:
            raise InputError("none of these examples was rated")
        items, raters, systems, values = zip(*found, strict=True)
        return Ratings(np.array(items), np.array(raters), np.array(systems), np.array(values))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        rows = [[r.question, r.answer, r.rater, r.value, r.side, r.seconds] for r in self.rows]
        return {"rows": rows, "left_out": dict(self.left_out)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> GivenRatings:
        """Inverse of `to_dict`."""
        return cls(tuple(Given(*row) for row in stored["rows"]), stored["left_out"])

    def __repr__(self) -> str:
        return f"<GivenRatings {len(self.rows):,} by {len(self.raters):,} raters>"


def on_scale(value: object, low: float, high: float, what: str) -> float:
    """A rating as a number on the scale.

    Raises
    ------
    InputError
        When it is none.
    """
    number: float | None = None
    if not isinstance(value, bool):
        try:
            number = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            number = None
    # Not "outside": NaN is on no scale.
    if number is None or not low <= number <= high:
        raise InputError(f"{what}: expected a number from {low:g} to {high:g}, found {value!r}")
    return number
