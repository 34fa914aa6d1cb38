"""Examples that are dependent in two ways at once, such as ratings of an item by a rater."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.metrics.inputs import Floats
from hokusai_mlflow.stats.skew import SafeT, one_more

Codes = npt.NDArray[np.intp]


def two_way(
    estimate: float, influence: Floats, ways: tuple[Codes, Codes], *, jump: float | None = None
) -> SafeT:
    """Student's t where examples that share a cluster in either way are dependent.

    Cameron, Gelbach & Miller (2011), Journal of Business & Economic Statistics 29, 238–249,
    DOI 10.1198/jbes.2010.07136: V = V₁ + V₂ − V₁₂, each the variance of an improvement clustered
    one way (V₁₂: by both together) with its factor G / (G − 1). V is never taken below V₁ or V₂,
    and the degrees of freedom are those of the way with fewer clusters. With normal effects the
    one-sided test at 5 % then rejects a true null 1–5 % of the time, from 30 items × 5 raters to
    200 × 10: right when raters differ much, cautious when they do not (Satterthwaite's degrees of
    freedom would give 6 %, no floor 6 %). Few raters with a long tail of bad ones break it, as
    they break every t test: `skew` shows that.

    Parameters
    ----------
    estimate : float
        Improvement, native units.
    influence : array, shape (n,)
        Influence ψ of every example, with mean 0.
    ways : pair of arrays, shape (n,)
        Position of every example's cluster in each way, 0 … G−1.
    jump : float, optional
        As in `SafeT.of`.
    """
    first, second = ways
    both = np.unique(first * (int(second.max()) + 1) + second, return_inverse=True)[1].reshape(-1)
    sums = [np.bincount(codes, weights=influence) / len(influence) for codes in (*ways, both)]
    one, other, shared = (
        float((total**2).sum()) * len(total) / max(len(total) - 1, 1) for total in sums
    )
    variance = max(one + other - shared, one, other)
    if jump is not None:
        variance += max(
            one_more(float((total**2).sum()), float((total**4).sum()), jump / len(influence))
            for total in sums
        )
    units = min(len(sums[0]), len(sums[1]))
    third = [float((total * total * total).sum()) for total in sums]
    skew = 0.0
    if variance > 0:
        skew = (third[0] + third[1] - third[2]) / math.sqrt(variance) ** 3 * math.sqrt(units)
    return SafeT(estimate, math.sqrt(variance), skew, units)
