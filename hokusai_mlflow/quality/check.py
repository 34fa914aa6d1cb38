"""One check of a contribution: what it judges, and what it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.contributions.dataset import Dataset
from hokusai_mlflow.gate.finding import Finding

if TYPE_CHECKING:
    from hokusai_mlflow.quality.policy import QualityPolicy
    from hokusai_mlflow.quality.profile import Profile

Action = Literal["warn", "exclude", "refuse"]
Mask = npt.NDArray[np.bool_]
Fit = Callable[..., Any]
"""``fit(features, targets, seed=…, on=…)``: a fitted estimator, such as `Recipe.fit` gives."""


@dataclass(frozen=True, eq=False)
class Case:
    """What the checks judge; what is not known is absent.

    Attributes
    ----------
    data : Dataset
        The contribution.
    profile : Profile
        What the owner says of the data: columns, classes, and how the reference rows look.
    policy : QualityPolicy
        The thresholds.
    reference : Dataset or None
        Rows of the owner that may be learned from. Never a hold-out, never the payment set.
    fit : callable or None
        The owner's recipe.
    seed : int
        Of fits and folds.
    """

    data: Dataset
    profile: Profile
    policy: QualityPolicy
    reference: Dataset | None = None
    fit: Fit | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Found:
    """A finding, and the rows that it is about.

    Attributes
    ----------
    finding : Finding
        Code, outcome, message, figures and remedy, as the gate's rules give them.
    rows : (n,) array of bool or None
        The rows; None where it is about none of them, or about all.
    """

    finding: Finding
    rows: Mask | None = field(default=None, repr=False)


class Check(Protocol):
    """A check of contributions; third parties register theirs under `hokusai.quality`.

    `by_row` says whether it names rows when it fails, so that a policy can leave them out.
    """

    code: str
    title: str
    by_row: bool

    def examine(self, case: Case) -> Found:
        """Judge one contribution."""
        ...


def first_rows(rows: Mask, most: int = 5) -> str:
    """Numbers of the first rows of a mask, counted from 1 without the header, for messages."""
    numbers = np.flatnonzero(rows)
    told = ", ".join(str(number + 1) for number in numbers[:most])
    word = "row" if len(numbers) == 1 else "rows"
    return f"{word} {told}" + (" and more" if len(numbers) > most else "")


def percent(share: float) -> str:
    """A share of one in whole percents."""
    return f"{100 * share:.0f} %"


def passed(code: str, message: str, **figures: Any) -> Found:
    """A check that found nothing."""
    return Found(Finding(code, "passed", message, figures))


def beside_the_point(code: str, why: str) -> Found:
    """A check that does not apply."""
    return Found(Finding(code, "not_applicable", why))
