"""Scores that come ready: ratings and preferences of people, or a number per example."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.base import Output, columns
from hokusai_mlflow.metrics.inputs import Floats, Targets, as_numbers
from hokusai_mlflow.metrics.mean import MeanMetric
from hokusai_mlflow.metrics.options import as_finite, require_boolean


@dataclass(frozen=True)
class GivenScores(MeanMetric):
    """Mean of scores that nothing is compared with: targets may be None."""

    output: ClassVar[Output] = "value"
    needs_targets: ClassVar[bool] = False

    @abstractmethod
    def scores(self, output: npt.ArrayLike) -> Floats:
        """Score of every example, shape (n,)."""

    def statistics(self, targets: Targets, output: npt.ArrayLike) -> Floats:
        """Score and 1, shape (n, 2)."""
        found = self.scores(output)
        if targets is not None and np.shape(targets)[:1] != found.shape:
            raise InputError(
                f"{self.name} compares with no targets; found some of shape {np.shape(targets)} "
                f"for {len(found)} scores, pass None"
            )
        return columns(found, np.ones(len(found)))


@dataclass(frozen=True)
class MeanScore(GivenScores):
    """Mean of a score per example that was computed elsewhere.

    Parameters
    ----------
    lower_is_better : bool
        Whether scores are losses; an improvement is then baseline minus candidate.
    """

    name: ClassVar[str] = "mean_score"

    lower_is_better: bool = False

    def __post_init__(self) -> None:
        require_boolean(self.name, "lower_is_better", self.lower_is_better)
        object.__setattr__(self, "direction", "lower" if self.lower_is_better else "higher")

    def scores(self, output: npt.ArrayLike) -> Floats:
        """The scores as they are."""
        return as_numbers("scores", output)


@dataclass(frozen=True)
class HumanScore(GivenScores):
    """Mean rating, mapped from the rating scale to 0–1.

    The output is one rating per pair of item and rater; ratings of one item, and of one rater,
    depend on each other, so pass both as groups. `hokusai_mlflow.ratings` makes those arrays.

    Parameters
    ----------
    low, high : float
        Ends of the rating scale, for example 1 and 5. There is no default: a wrong scale would
        stretch every improvement without a sign of it.
    """

    name: ClassVar[str] = "human_score"
    by_people: ClassVar[bool] = True

    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if self.low is None or self.high is None:
            raise InputError(
                "human_score: expected the ends of the rating scale; pass for example low=1, high=5"
            )
        for end in ("low", "high"):
            object.__setattr__(self, end, as_finite(self.name, end, getattr(self, end)))
        if not self.low < self.high:
            raise InputError(
                f"human_score: expected low below high, found {self.low:g} and {self.high:g}"
            )

    def scores(self, output: npt.ArrayLike) -> Floats:
        """(rating − low) / (high − low)."""
        assert self.low is not None
        assert self.high is not None
        ratings = as_numbers("ratings", output)
        outside = (ratings < self.low) | (ratings > self.high)
        if outside.any():
            at = int(np.flatnonzero(outside)[0])
            raise InputError(
                f"ratings: expected {self.low:g} to {self.high:g}, found {ratings[at]:g} at "
                f"position {at} ({int(outside.sum())} in all); correct them, or low and high"
            )
        return np.asarray((ratings - self.low) / (self.high - self.low))


@dataclass(frozen=True)
class Preference(GivenScores):
    """Share of pairwise judgements that a model wins, ties counting one half.

    One entry per judgement (one rater, one item, two answers side by side). The candidate's output
    is 1 where its answer was preferred, ½ for a tie and 0 where the other's was; the baseline's is
    1 minus that. Targets are None. The improvement, candidate minus baseline, is wins minus losses
    over judgements, −1 to 1.
    """

    name: ClassVar[str] = "preference"
    by_people: ClassVar[bool] = True

    def scores(self, output: npt.ArrayLike) -> Floats:
        """Wins, halves and losses."""
        found = as_numbers("preferences", output)
        wrong = ~np.isin(found, (0.0, 0.5, 1.0))
        if wrong.any():
            at = int(np.flatnonzero(wrong)[0])
            raise InputError(
                f"preferences: expected 1 (preferred), 0.5 (tie) or 0, found {found[at]:g} "
                f"at position {at}"
            )
        return found
