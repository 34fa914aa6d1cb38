"""Is the recipe better? Refits of both recipes on the same folds, with an honest variance."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.stats.power import POWER, detectable
from hokusai_mlflow.stats.quantiles import student_quantile, student_tail

BPS = 10_000


@dataclass(frozen=True)
class CrossValidation:
    """Corrected resampled t test over folds.

    Attributes
    ----------
    repeats, folds_per_repeat : int
        Shape of the resampling.
    mean : float
        Mean of candidate − baseline over folds, positive = better, native units.
    std_error : float
        Corrected standard error.
    t, df : float
        Statistic and its degrees of freedom.
    p_value : float
        Of H0: Δ ≤ 0, one-sided.
    folds_won : int
        Folds where the candidate is better; reported, never a rule: it has no power.
    detectable_bps : float
        Smallest improvement found with 80 % power at `veto_level`, whatever was measured.
    effect_bps : float
        The improvement that these folds should be able to find.
    veto_level : float
        A p-value at or above it speaks against the recipe.
    baseline, candidate : tuple of tuples of float, shape (repeats, folds)
        Scores of both recipes, positive = better: what the test was made from.
    """

    repeats: int
    folds_per_repeat: int
    mean: float
    std_error: float
    t: float
    df: int
    p_value: float
    folds_won: int
    detectable_bps: float
    effect_bps: float
    veto_level: float
    baseline: tuple[tuple[float, ...], ...] = ()
    candidate: tuple[tuple[float, ...], ...] = ()

    @property
    def folds(self) -> int:
        """Folds over all repeats."""
        return self.repeats * self.folds_per_repeat

    @property
    def powered(self) -> bool:
        """Whether these folds could have found an improvement of `effect_bps`."""
        return self.detectable_bps <= self.effect_bps

    @property
    def veto(self) -> bool:
        """Whether the folds speak against the recipe: powered, and p ≥ `veto_level`."""
        return self.powered and self.p_value >= self.veto_level

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form, with what follows from the fields; an infinite t is None."""
        t = self.t if math.isfinite(self.t) else None
        derived = {"folds": self.folds, "powered": self.powered, "veto": self.veto}
        scores = {
            who: [list(one) for one in getattr(self, who)] for who in ("baseline", "candidate")
        }
        return asdict(self) | {"t": t} | derived | scores

    def __repr__(self) -> str:
        return (
            f"<CrossValidation {self.repeats}×{self.folds_per_repeat}: {self.mean * BPS:+.1f} bps, "
            f"corrected p={self.p_value:.3g}, {self.folds_won} of {self.folds} folds better, "
            f"finds {self.detectable_bps:.0f} bps>"
        )


def corrected_t(
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    *,
    test_size: float,
    train_size: float,
    effect_bps: float = 200.0,
    veto_level: float = 0.20,
) -> CrossValidation:
    """Corrected resampled t test of H0: the candidate's recipe is not better.

    Nadeau & Bengio (2003), Machine Learning 52, 239–281, DOI 10.1023/A:1024068626366, over all
    repeats × folds (Bouckaert & Frank 2004, DOI 10.1007/978-3-540-24775-3_3):
    se² = (1/J + test_size/train_size) s², df = J − 1. Training sets overlap, so the naive 1/J
    rejects a true null hypothesis far too often.

    Parameters
    ----------
    baseline, candidate : array-like, shape (repeats, folds) or (folds,)
        Scores of both recipes on the same folds, positive = better (`Metric.utility` of the value).
    test_size, train_size : float
        Examples in a test fold and in its training set (means when they differ).
    effect_bps : float
        Improvement that the policy wants to be able to find; decides `powered`.
    veto_level : float
        One-sided level of the veto.

    Raises
    ------
    InputError
        When shapes differ, scores are not finite, sizes not positive, or there are under two folds.
    """
    b, c = (_fold_scores(name, s) for name, s in (("baseline", baseline), ("candidate", candidate)))
    if b.shape != c.shape:
        raise InputError(
            f"expected both recipes on the same folds, found shapes {b.shape} and {c.shape}"
        )
    if b.size < 2:
        raise InputError(f"expected at least two folds, found {b.size}")
    if not (
        math.isfinite(test_size) and math.isfinite(train_size) and min(test_size, train_size) > 0
    ):
        raise InputError(
            f"expected positive sizes, found test_size={test_size!r} and train_size={train_size!r}"
        )
    if not 0 < veto_level < 0.5:
        raise InputError(f"expected a veto level between 0 and 0.5, found {veto_level!r}")
    moved = c - b
    mean = float(moved.mean())
    count, df = moved.size, moved.size - 1
    # Equal differences have no variance; their computed one would be rounding error.
    variance = 0.0 if np.ptp(moved) == 0 else float(moved.var(ddof=1))
    error = math.sqrt((1 / count + test_size / train_size) * variance)
    if error == 0:
        t = math.copysign(math.inf, mean) if mean else 0.0
        p_value = 0.0 if mean > 0 else 1.0
    else:
        t = mean / error
        p_value = student_tail(t, df)
    quantiles = student_quantile(veto_level, df) + student_quantile(1 - POWER, df)
    return CrossValidation(
        repeats=b.shape[0],
        folds_per_repeat=b.shape[1],
        mean=mean,
        std_error=error,
        t=t,
        df=df,
        p_value=p_value,
        folds_won=int((moved > 0).sum()),
        detectable_bps=detectable(0.0, error, quantiles) * BPS,
        effect_bps=effect_bps,
        veto_level=veto_level,
        baseline=tuple(map(tuple, b.tolist())),
        candidate=tuple(map(tuple, c.tolist())),
    )


def _fold_scores(name: str, given: npt.ArrayLike) -> npt.NDArray[np.float64]:
    try:
        scores = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: expected one number per fold, found {error}") from error
    if scores.ndim == 1:
        scores = scores[np.newaxis]
    if scores.ndim != 2:
        raise InputError(f"{name}: expected scores (repeats, folds), found shape {scores.shape}")
    if not np.isfinite(scores).all():
        raise InputError(
            f"{name}: expected finite fold scores, found {int((~np.isfinite(scores)).sum())} "
            "that are not; look at the folds where the metric is undefined"
        )
    return scores
