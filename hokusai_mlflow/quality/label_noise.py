"""How many labels of a contribution are wrong, from what models say that have not seen them."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from hokusai_mlflow.contributions.dataset import Dataset, concatenate
from hokusai_mlflow.errors import InputError, RecipeError
from hokusai_mlflow.gate.finding import Finding
from hokusai_mlflow.predicting import quiet
from hokusai_mlflow.quality.check import (
    Case,
    Found,
    Mask,
    beside_the_point,
    first_rows,
    percent,
)
from hokusai_mlflow.quality.policy import LABEL_NOISE

LEAST_REFERENCE = 50
LEAST_GIVEN = 20
_CONFIDENCE = 0.99
_RESIDUAL = 0.95
_LEAST_SEPARATION = 0.1
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NoiseEstimate:
    """Share of wrong labels, with its interval.

    Attributes
    ----------
    share, low, high : float
        Estimate, and the ends of its 99 % interval, each in [0, 1].
    given, reference : float
        Share of suspect rows of the contribution, and of the reference.
    found : float
        Probability that a wrong label is suspect, estimated on reference rows.
    suspect : (n,) array of bool
        The contribution's suspect rows.
    """

    share: float
    low: float
    high: float
    given: float
    reference: float
    found: float
    suspect: Mask


class LabelNoise:
    """A contribution's labels do not contradict models that have not seen them.

    Models of the owner's recipe are fitted on the reference rows without one fold, and predict that
    fold's reference and contributed rows; rows with equal features share a fold. No contributed row
    is learned from, or enough of them would vouch for each other. Of a classification, a row is
    *suspect* when the model gives another class at least the probability that it gives, on
    average, to reference rows of that class, and more than to the row's own (confident learning:
    Northcutt, Jiang & Chuang 2021, doi:10.1613/jair.1.12125). Of a regression, when its error is
    beyond the 95 % quantile of the reference rows' errors.

    Honest rows are suspect as well, and not every wrong one is. With c and r the shares of suspect
    rows of contribution and reference, and d the share of suspect rows among reference rows whose
    labels are exchanged, the share of wrong labels is (c − r)/(d − r) (Rogan & Gladen 1978,
    doi:10.1093/oxfordjournals.aje.a112510); its interval is Newcombe's (1998,
    doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I) for c − r, as if d were
    known. Fails when the interval lies above the policy's `label_noise`. Rows that are harder than
    the reference rows, or of a kind that these lack, look like wrong ones; rows of a class that
    these lack are not suspect.
    """

    code = LABEL_NOISE
    title = "Labels agree with models that have not seen them"
    by_row = True

    def examine(self, case: Case) -> Found:
        """Estimate the share of wrong labels."""
        if case.profile.task not in ("classification", "regression"):
            return beside_the_point(self.code, f"not defined for task: {case.profile.task}")
        if case.fit is None or case.reference is None:
            return beside_the_point(
                self.code, "needs the owner's recipe and reference rows; the owner's run checks it"
            )
        try:
            found = estimate(case)
        except (RecipeError, InputError) as problem:
            remedy = "more rows, or another recipe"
            return Found(Finding(self.code, "insufficient", str(problem), remedy=remedy))
        figures = {
            "share": found.share,
            "low": found.low,
            "high": found.high,
            "suspect": int(found.suspect.sum()),
            "suspect_given": found.given,
            "suspect_reference": found.reference,
            "found": found.found,
        }
        interval = f"{percent(found.low)} to {percent(found.high)}"
        told = f"about {percent(found.share)} wrong labels (99 % interval {interval})"
        if found.low <= case.policy.label_noise:
            return Found(Finding(self.code, "passed", told, figures), found.suspect)
        return Found(
            Finding(
                self.code,
                "failed",
                f"{told}, more than {percent(case.policy.label_noise)}",
                figures,
                f"look at the labels again, first in {first_rows(found.suspect)}",
            ),
            found.suspect,
        )


def estimate(case: Case) -> NoiseEstimate:
    """The estimate of `LabelNoise`.

    Raises
    ------
    RecipeError
        The recipe fails on the rows without a fold.
    InputError
        There are too few rows, or a wrong label would hardly be noticed.
    """
    assert case.reference is not None
    assert case.fit is not None
    if len(case.reference) < LEAST_REFERENCE or len(case.data) < LEAST_GIVEN:
        raise InputError(
            f"{len(case.reference):,} reference and {len(case.data):,} contributed rows; expected "
            f"{LEAST_REFERENCE} and {LEAST_GIVEN} or more"
        )
    rows = concatenate([case.reference, case.data])
    given = np.arange(len(rows)) >= len(case.reference)
    # The same whatever order the rows come in.
    order = np.lexsort((rows.targets, given, rows.rows))
    rows, given = rows.take(order), given[order]
    judge = _classes if case.profile.task == "classification" else _values
    suspect, found = judge(rows, given, case)
    back = np.empty(len(rows), dtype=bool)
    back[order] = suspect
    suspect = back[len(case.reference) :]
    m, n = len(suspect), len(case.reference)
    c, r = float(suspect.mean()), float(back[:n].mean())
    if found - r < _LEAST_SEPARATION:
        raise InputError("the recipe's models can hardly tell a wrong label from a right one")
    low, high = _newcombe(c, m, r, n)
    share, low, high = (min(max(one / (found - r), 0.0), 1.0) for one in (c - r, low, high))
    return NoiseEstimate(share, low, high, c, r, found, suspect)


def _classes(rows: Dataset, given: Mask, case: Case) -> tuple[Mask, float]:
    classes, own = np.unique(rows.targets, return_inverse=True)

    def ask(model: Any, features: Any) -> Floats:
        told = np.zeros((len(features), len(classes)))
        if hasattr(model, "predict_proba"):
            place = np.searchsorted(classes, np.asarray(model.classes_).astype(classes.dtype))
            told[:, place] = model.predict_proba(features)
        else:
            said = np.asarray(model.predict(features)).reshape(-1).astype(classes.dtype)
            told[np.arange(len(said)), np.searchsorted(classes, said)] = 1.0
        return told

    told = _out_of_fold(rows, given, case, ask, (len(rows), len(classes)))
    trusted = np.flatnonzero(~given)
    known = np.unique(own[trusted])
    usual = np.full(len(classes), math.inf)
    usual[known] = [told[trusted[own[trusted] == k], k].mean() for k in known]
    # What each row would have to be labelled with, not to be suspect.
    sure = np.where(told >= np.maximum(usual, 1e-12), told, -1.0)
    best = sure.argmax(axis=1)
    sure_of = sure.max(axis=1)

    def suspect(which: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]) -> Mask:
        return np.asarray(
            (sure_of[which] >= 0) & (best[which] != labels) & (sure_of[which] > told[which, labels])
        )

    place = np.searchsorted(known, own[trusted])
    exchanged = [
        suspect(trusted, known[(place + shift) % len(known)]) for shift in range(1, len(known))
    ]
    found = float(np.mean(exchanged)) if exchanged else 0.0
    return suspect(np.arange(len(rows)), own) & np.isin(own, known), found


def _values(rows: Dataset, given: Mask, case: Case) -> tuple[Mask, float]:
    def ask(model: Any, features: Any) -> Floats:
        return np.asarray(model.predict(features), dtype=np.float64).reshape(-1)

    said = _out_of_fold(rows, given, case, ask, (len(rows),))
    targets = rows.targets.astype(np.float64)
    limit = float(np.quantile(np.abs(said - targets)[~given], _RESIDUAL))
    known, trusted = targets[~given], said[~given]
    exchanged = np.abs(trusted - np.random.default_rng(case.seed).permutation(known)) > limit
    return np.abs(said - targets) > limit, float(exchanged.mean())


def _out_of_fold(
    rows: Dataset, given: Mask, case: Case, ask: Any, shape: tuple[int, ...]
) -> Floats:
    assert case.fit is not None
    folds = case.policy.folds
    # By content, so that a wrong row and its copies are never on both sides.
    fold = np.array([_place(row, case.seed) % folds for row in rows.rows.tolist()])
    told = np.empty(shape)
    for number in range(folds):
        test = fold == number
        if not test.any():
            continue
        learnt = rows.take(~test & ~given)
        if not len(learnt):
            raise InputError("all rows have the same features, so that no fold can be left out")
        model = case.fit(
            learnt.features, learnt.targets, seed=case.seed, on="reference rows without one fold"
        )
        try:
            with quiet():
                told[test] = ask(model, rows.features[test])
        except Exception as problem:
            raise RecipeError(
                f"the recipe's model could not predict {int(test.sum()):,} rows: "
                f"{type(problem).__name__}: {problem}"
            ) from problem
    if not np.isfinite(told).all():
        raise RecipeError("the recipe's models predict values that are not finite")
    return told


def _place(row: str, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{row}".encode()).digest()[:8], "big")


def _newcombe(c: float, m: int, r: float, n: int) -> tuple[float, float]:
    """Newcombe's interval for a difference of two shares."""
    (low_c, high_c), (low_r, high_r) = _wilson(c, m), _wilson(r, n)
    low = c - r - math.hypot(c - low_c, high_r - r)
    return low, c - r + math.hypot(high_c - c, r - low_r)


def _wilson(share: float, n: int) -> tuple[float, float]:
    z = float(stats.norm.isf((1 - _CONFIDENCE) / 2))
    middle = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)
