"""Which examples need a label to tell two classifiers apart, and the comparison from those alone.

Where both models say the same, both are right or both are wrong: such examples never enter the
paired difference of accuracies, whatever their truth is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.metrics.inputs import Label, Vector, as_labels, require_pairs
from hokusai_mlflow.stats.comparison import Comparison
from hokusai_mlflow.stats.power import POWER, detectable
from hokusai_mlflow.stats.quantiles import normal_quantile
from hokusai_mlflow.stats.result import BPS, conclude, require_level
from hokusai_mlflow.stats.skew import SafeT
from hokusai_mlflow.stats.tango import Tango


@dataclass(frozen=True, repr=False)
class LabelPlan:
    """What to label, and what the labels could show.

    Attributes
    ----------
    n : int
        Examples that both models predicted.
    disagreements : int
        Examples on which they differ.
    to_label : tuple of str or int
        Ids (positions when no ids were given) of the examples to label, in random order: any
        beginning of it is a smaller plan with the same seed.
    baseline, candidate : tuple of int or str
        What the models say of each; keep it from those who label.
    seed : int
        Of the random choice and order.
    level, min_effect_bps, power : float
        Level and minimum effect δ₀ of the later test of H0: Δ ≤ δ₀, and its power.
    detectable_bps : float
        Smallest true improvement found with that power, when every disagreement has one model
        right (two classes: always); fewer discordant examples find smaller ones.
    """

    n: int
    disagreements: int
    to_label: tuple[Label, ...]
    baseline: tuple[Label, ...]
    candidate: tuple[Label, ...]
    seed: int
    level: float
    min_effect_bps: float
    power: float
    detectable_bps: float

    @property
    def effective_n(self) -> float:
        """Labels of randomly chosen examples that this plan's labels are worth: n · m / D."""
        return self.n * len(self.to_label) / self.disagreements

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form, all fields."""
        given = asdict(self) | {"effective_n": self.effective_n}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in given.items()}

    def to_text(self) -> str:
        """What to label and what it could show, in four lines."""
        m, share = len(self.to_label), self.disagreements / self.n
        some = "all of them" if m == self.disagreements else f"{m:,} of them, chosen at random"
        return "\n".join(
            (
                f"{self.n:,} examples; the models differ on {self.disagreements:,} ({share:.1%})",
                f"label {some} (seed {self.seed})",
                f"{m:,} labels do the work of {self.effective_n:,.0f}",
                f"an improvement of {self.detectable_bps:.0f} bps would be found with "
                f"{self.power:.0%} power (H0: Δ ≤ {self.min_effect_bps:g} bps, level "
                f"{self.level:g})",
            )
        )

    def __repr__(self) -> str:
        return (
            f"LabelPlan({len(self.to_label):,} of {self.disagreements:,} disagreements, "
            f"n={self.n:,}, detects {self.detectable_bps:.0f} bps)"
        )


def label_plan(
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    *,
    ids: npt.ArrayLike | None = None,
    budget: int | None = None,
    seed: int = 0,
    level: float = 0.05,
    min_effect_bps: float = 10.0,
    power: float = POWER,
) -> LabelPlan:
    """Choose the examples whose labels can tell two classifiers apart.

    Parameters
    ----------
    baseline, candidate : array-like, shape (n,)
        The class that each model predicts.
    ids : array-like, shape (n,), optional
        Unique example ids; positions 0 … n−1 otherwise. With ids the choice does not depend on
        the order of the examples.
    budget : int, optional
        Most examples to label. When the models differ on more, a random sample is labelled.
    seed : int
        Of the random choice; fix it before anything is labelled.
    level, min_effect_bps : float
        Of the later one-sided test of H0: Δ ≤ δ₀.
    power : float
        For `detectable_bps`, from 0.5 to below 1.

    Raises
    ------
    InputError
        When predictions are malformed or of different kinds, ids repeat, the budget is not
        positive, or the models never differ.
    """
    require_level(level, min_effect_bps)
    if not 0.5 <= power < 1:
        raise InputError(f"expected a power from 0.5 to below 1, found {power!r}")
    if budget is not None and budget < 1:
        raise InputError(f"expected a budget of at least one label, found {budget!r}")
    said_b, said_c = as_labels("baseline", baseline), as_labels("candidate", candidate)
    require_pairs(said_b, said_c, labels=True)
    n = len(said_b)
    names = _names(ids, n)
    differing = np.flatnonzero(said_b != said_c)
    if not len(differing):
        raise InputError(
            f"the models say the same of all {n:,} examples, so no label tells them apart"
        )
    if ids is not None:
        differing = differing[np.argsort(np.asarray([str(names[at]) for at in differing]))]
    order = np.random.default_rng(seed).permutation(differing)[:budget]
    chosen = order.tolist()
    effective = n * len(chosen) / len(differing)
    quantiles = normal_quantile(level) + normal_quantile(1 - power)
    return LabelPlan(
        n=n,
        disagreements=len(differing),
        to_label=tuple(names[at] for at in chosen),
        baseline=tuple(said_b[order].tolist()),
        candidate=tuple(said_c[order].tolist()),
        seed=seed,
        level=level,
        min_effect_bps=float(min_effect_bps),
        power=power,
        detectable_bps=BPS
        * detectable(min_effect_bps / BPS, math.sqrt(len(chosen)) / effective, quantiles),
    )


def compare_labelled(
    plan: LabelPlan, labels: Mapping[Any, Any] | Sequence[Any] | npt.NDArray[Any]
) -> Comparison:
    """Compare the accuracies of two models from the labels of a plan.

    H0: Δ ≤ δ₀ by Tango's score test (1998) on the discordant examples. A label that neither model
    said counts as concordant: both are wrong.

    Parameters
    ----------
    plan : LabelPlan
        What was to be labelled.
    labels : mapping of id to label, or sequence in the order of `plan.to_label`
        The truth of every example of the plan, and of no other.

    Returns
    -------
    Comparison
        With `n` the plan's effective number of examples, rounded; `baseline` and `candidate` are
        None, because the accuracies themselves stay unknown.

    Raises
    ------
    InputError
        When a label is missing, belongs to no example of the plan, or is of another kind.

    Notes
    -----
    With all D disagreements labelled this is the comparison of all n labels. With a random m of D,
    w of them won and l lost, Δ̂ = (D/n) (w − l)/m = (w − l)/n′ with n′ = n m/D, which is what
    Tango's test takes for an estimate from n′ examples. Its variance is no smaller than the true
    one: given D the m are a random sample of the disagreements; with q the rate of disagreement
    and μ, s² mean and variance of an outcome (1, 0, −1) in it, var Δ̂ ≈ q² s²/m + μ² q (1 − q)/n,
    while n′ ≈ m/q independent examples have q² s²/m + μ² q² (1 − q)/m, and q/m ≥ 1/n.
    """
    truth = _truth(plan, labels)
    said_b, said_c = np.asarray(plan.baseline), np.asarray(plan.candidate)
    require_pairs(truth, said_b, labels=True)
    wins, losses = int((truth == said_c).sum()), int((truth == said_b).sum())
    n = plan.effective_n
    if n < 2:
        raise InputError(f"expected labels worth at least two examples, found {n:g}; label more")
    comparison = conclude(
        metric("accuracy"),
        (math.nan, math.nan),
        Tango(wins, losses, n),
        _student(wins, losses, n),
        test="tango",
        n=round(n),
        groups=None,
        same=False,
        level=plan.level,
        min_effect_bps=plan.min_effect_bps,
        discordant=(wins, losses),
    )
    return replace(comparison, baseline=None, candidate=None)


def _student(wins: int, losses: int, n: float) -> SafeT:
    """Student's t on n outcomes of which `wins` are 1, `losses` −1, and all others 0."""
    mean, second = (wins - losses) / n, (wins + losses) / n
    variance = second - mean**2
    third = mean - 3 * mean * second + 2 * mean**3
    skew = third / variance**1.5 if variance > 0 else 0.0
    return SafeT(mean, math.sqrt(max(variance, 0.0) / (n - 1)), skew, round(n))


def _names(ids: npt.ArrayLike | None, n: int) -> list[Any]:
    if ids is None:
        return list(range(n))
    names: list[Any] = np.asarray(ids).tolist()
    if len(names) != n:
        raise InputError(f"expected one id per example, found {len(names)} ids for {n} examples")
    if any(_missing(name) for name in names):
        raise InputError("expected an id for every example, found one missing")
    if len(set(names)) != n:
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"expected unique ids, found {twice!r} more than once")
    return names


def _truth(plan: LabelPlan, labels: Mapping[Any, Any] | Sequence[Any] | npt.NDArray[Any]) -> Vector:
    index = getattr(labels, "index", None)
    if index is not None and hasattr(labels, "to_dict"):
        # A series, by its index.
        if not index.is_unique:
            raise InputError(
                f"expected every label once, found {index[index.duplicated()][0]!r} twice"
            )
        labels = labels.to_dict()
    if isinstance(labels, Mapping):
        wanted = set(plan.to_label)
        strangers = [name for name in labels if name not in wanted]
        if strangers:
            raise InputError(
                f"{len(strangers)} labels are of examples that are not in the plan, such as "
                f"{strangers[0]!r}; examples chosen otherwise would bias the comparison"
            )
        given = [labels.get(name) for name in plan.to_label]
    else:
        given = list(labels)
        if len(given) != len(plan.to_label):
            raise InputError(
                f"expected {len(plan.to_label)} labels in the order of the plan, found {len(given)}"
            )
    unlabelled = [n for n, one in zip(plan.to_label, given, strict=True) if _missing(one)]
    if unlabelled:
        raise InputError(
            f"{len(unlabelled)} of {len(given)} examples have no label yet, such as "
            f"{unlabelled[0]!r}; label them all, or make a plan with a smaller budget first"
        )
    return as_labels("labels", np.asarray(given))


def _missing(value: object) -> bool:
    if value is None or (isinstance(value, str) and not value.strip()):
        return True
    try:
        return bool(value != value)  # noqa: PLR0124 - NaN and its kin
    except TypeError:
        return True
