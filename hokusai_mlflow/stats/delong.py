"""DeLong's standard error of the difference of two correlated areas under the ROC curve."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import MetricUndefined
from hokusai_mlflow.metrics.inputs import Floats
from hokusai_mlflow.stats.quantiles import normal_quantile, normal_tail
from hokusai_mlflow.stats.skew import hall, hall_inverse


def delong_std_error(positive: npt.NDArray[np.bool_], moved: Floats) -> float:
    """Standard error of AUC(candidate) − AUC(baseline).

    DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44, 837–845, DOI 10.2307/2531595, on the
    placements of Sun & Xu (2014), DOI 10.1109/LSP.2014.2337313:
    se² = var(V10_c − V10_b) / positives + var(V01_c − V01_b) / negatives.

    Parameters
    ----------
    positive : array of bool, shape (n,)
        Which examples are positive.
    moved : array, shape (n,)
        Placement under the candidate minus placement under the baseline.

    Raises
    ------
    MetricUndefined
        When a class has fewer than two examples, which have no variance.
    """
    variance = 0.0
    for which, name in ((positive, "positive"), (~positive, "negative")):
        size = int(which.sum())
        require_two_examples(size, name)
        variance += float(moved[which].var(ddof=1)) / size
    return math.sqrt(variance)


def require_two_examples(size: int, name: str) -> None:
    """`MetricUndefined` for a class of fewer than two examples, which have no variance."""
    if size < 2:
        raise MetricUndefined(
            f"the standard error of roc_auc is undefined: {size} {name} example; "
            "bring at least two of each class"
        )


@dataclass(frozen=True)
class DeLong:
    """One-sided normal test and bounds for the difference of two areas.

    With few positives the influence function is skewed and the plain test rejects too often (6 to
    7.5 % of true null hypotheses at 5 %); as in `SafeT`, the more cautious of it and Hall's
    transformation counts.

    Attributes
    ----------
    estimate, std_error : float
        AUC(candidate) − AUC(baseline) and its standard error.
    a : float
        Skewness of the influence function / √n; 0 for the plain test.
    """

    estimate: float
    std_error: float
    a: float = 0.0

    @classmethod
    def of(cls, estimate: float, baseline: Floats, candidate: Floats, *, a: float = 0.0) -> DeLong:
        """From both models' statistics of `roc_auc`, shape (n, 4)."""
        placed_b, placed_c = (said[:, 1] + said[:, 3] for said in (baseline, candidate))
        return cls(estimate, delong_std_error(baseline[:, 0] == 1, placed_c - placed_b), a)

    def p_value(self, difference: float) -> float:
        """One-sided p-value of H0: Δ ≤ difference."""
        above = self.estimate - difference
        if self.std_error == 0:
            return 0.0 if above > 0 else 1.0
        return cautious_tail(above / self.std_error, self.a)

    def lower(self, level: float) -> float:
        """Lower confidence bound at one-sided `level`."""
        return self.estimate - cautious_quantile(level, self.a) * self.std_error

    def interval(self, level: float) -> tuple[float, float]:
        """Two-sided interval that misses Δ with probability ≤ `level`, half each side."""
        low, high = (cautious_quantile(level / 2, a) for a in (self.a, -self.a))
        return self.estimate - low * self.std_error, self.estimate + high * self.std_error

    def quantile(self, tail: float) -> float:
        """Normal quantile."""
        return normal_quantile(tail)


def cautious_tail(z: float, a: float) -> float:
    """The larger of P(Z > z) and P(Z > Hall's transformation of z)."""
    return max(normal_tail(z), normal_tail(hall(z, a)))


def cautious_quantile(tail: float, a: float) -> float:
    """The z at which `cautious_tail` is `tail`."""
    z = normal_quantile(tail)
    return max(z, hall_inverse(z, a))
