"""Which contributed rows may be trained on: quality first, then copies and repeats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.contributions.checks import ContributionCheck, check_contributions
from hokusai_mlflow.contributions.dataset import Dataset, check_schema, concatenate
from hokusai_mlflow.contributions.turns import Turn, in_turn
from hokusai_mlflow.quality.check import Case, Check, Fit, Found
from hokusai_mlflow.quality.policy import QUICK, QualityPolicy
from hokusai_mlflow.quality.profile import Profile
from hokusai_mlflow.quality.registry import checks
from hokusai_mlflow.quality.repeats import repeats
from hokusai_mlflow.quality.report import QualityReport
from hokusai_mlflow.quality.similar_text import SimilarTexts


@dataclass(frozen=True, eq=False)
class Owned:
    """What the owner holds contributions against.

    Attributes
    ----------
    parts : mapping of str to Dataset
        All parts of the pool, as for `check_contributions`.
    reference : Dataset
        The rows that may be described and learned from; never a hold-out or the payment set.
    known : sequence of Dataset
        Contributed rows that the champion was trained on.
    task : str
        The spec's.
    """

    parts: Mapping[str, Dataset]
    reference: Dataset
    known: Sequence[Dataset]
    task: str

    @cached_property
    def profile(self) -> Profile:
        """The reference rows described; classes are those of the whole pool."""
        pool = concatenate(list(self.parts.values()), name="the pool")
        return Profile.of(self.reference, task=self.task, pool=pool)


@dataclass(frozen=True, eq=False, repr=False)
class ScreenedCheck(ContributionCheck):
    """What became of one contributor's rows, and what was found in them.

    Codes of rows are those of `ContributionCheck`, `quality.<check>` for rows that the policy
    leaves out, and `refused.<check>` for all rows of a contribution that it refuses.

    Attributes
    ----------
    report : QualityReport
        Every check.
    stated : bool
        Whether the spec has a policy; only then are findings part of the evidence.
    """

    report: QualityReport
    stated: bool

    def to_dict(self) -> dict[str, Any]:
        """As the base class, with the findings where the spec has a policy."""
        told = super().to_dict()
        if self.stated:
            told["quality"] = [line.to_dict() for line in self.report.lines]
        return told


def examine(case: Case, made: Sequence[Check] | None = None) -> tuple[Found, ...]:
    """Every check that the policy does not skip, on one contribution.

    Raises
    ------
    UnknownName
        When the policy names a check that does not exist.
    """
    made = checks() if made is None else made
    case.policy.require_known(made)
    return tuple(check.examine(case) for check in made if check.code not in case.policy.skip)


def screen(
    contributions: Sequence[Dataset],
    owned: Owned,
    policy: QualityPolicy | None,
    *,
    fit: Fit | None = None,
    seed: int = 0,
    turns: Sequence[Turn] | None = None,
) -> tuple[ScreenedCheck, ...]:
    """Decide for every contributed row whether it may be trained on, and say why.

    Parameters
    ----------
    contributions : sequence of Dataset
        What two of them share is credited to the one whose row's turn comes first.
    owned : Owned
        The pool, and what is known.
    policy : QualityPolicy or None
        The spec's; without one nothing is refitted, and quality only warns.
    fit : callable, optional
        The recipe, for label noise.
    seed : int
        Of fits and folds.
    turns : sequence of Turn, optional
        Of all rows; whole contributions as they are listed when left out.

    Returns
    -------
    tuple of ScreenedCheck
        One per contribution, in the same order.

    Raises
    ------
    InputError
        A contribution has other columns or kinds than the pool.
    """
    stated, policy = policy is not None, policy or QUICK
    made = checks()
    titles = {one.code: one.title for one in made}
    policy.require_known(made)
    found, codes = [], []
    for given in contributions:
        # Everything else takes equal columns for granted.
        check_schema(given, owned.reference)
        case = Case(given, owned.profile, policy, owned.reference, fit, seed)
        found.append(examine(case, made))
        codes.append(_codes(found[-1], policy, len(given)))
    kept = [given.take(why == "") for given, why in zip(contributions, codes, strict=True)]
    texts = SimilarTexts(owned.parts, owned.known, policy.similarity)
    turns = in_turn(contributions) if turns is None else turns
    turns = [(at, _place(codes[at] == "", rows)) for at, rows in turns]
    copied = check_contributions(kept, owned.parts, owned.known, turns)
    own = [check.codes.astype(object) for check in copied]
    for at, rows in turns:
        left = rows[own[at][rows] == ""]
        own[at][left] = texts.judge(kept[at].take(left), by=at)
    screened = []
    for check, given, why, told, copies in zip(
        copied, contributions, codes, found, own, strict=True
    ):
        why[why == ""] = copies
        whole = _whole(check, given, why)
        report = QualityReport.of(check.name, whole, (*told, *repeats(whole)), policy, titles)
        screened.append(ScreenedCheck(**_fields(whole), report=report, stated=stated))
    return tuple(screened)


def _place(kept: npt.NDArray[np.bool_], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Where those of the rows that are kept stand among all that are kept."""
    return np.asarray(np.cumsum(kept)[rows[kept[rows]]] - 1)


def _fields(check: ContributionCheck) -> dict[str, Any]:
    return {one.name: getattr(check, one.name) for one in fields(check)}


def _codes(found: Sequence[Found], policy: QualityPolicy, n: int) -> npt.NDArray[Any]:
    """Why each row is not used for its quality, or ""."""
    codes = np.full(n, "", dtype=object)
    failed = [one for one in found if one.finding.outcome == "failed"]
    for one in failed:
        if policy.action(one.finding.code) == "refuse":
            codes[:] = f"refused.{one.finding.code}"
            return codes
    for one in failed:
        if policy.action(one.finding.code) == "exclude" and one.rows is not None:
            codes[one.rows & (codes == "")] = f"quality.{one.finding.code}"
    return codes


def _whole(check: ContributionCheck, given: Dataset, codes: npt.NDArray[Any]) -> ContributionCheck:
    """A check of the rows that were kept, as one of all rows that were given."""
    accepted = codes == ""
    if len(given) == check.given and np.array_equal(accepted, check.accepted):
        return check
    return replace(
        check,
        given=len(given),
        accepted=accepted,
        codes=codes.astype(np.str_),
        digest=given.take(accepted).digest,
    )
