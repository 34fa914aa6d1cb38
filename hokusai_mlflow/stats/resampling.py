"""Bootstrap and approximate randomisation by matrix products, as checks on the tests by formula."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError, MetricUndefined
from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.metrics.inputs import Floats, Targets
from hokusai_mlflow.stats.groups import Groups
from hokusai_mlflow.stats.multinomial import Resampler, exact_type, generator
from hokusai_mlflow.stats.quantiles import normal_quantile, normal_tail
from hokusai_mlflow.stats.result import BPS
from hokusai_mlflow.stats.swaps import Swaps
from hokusai_mlflow.stats.units import Method, Units

Interval = Literal["bca", "percentile"]

BLOCKS = 2**12
"""Most units that are resampled one by one; more of them are resampled in so many blocks."""

CHUNK = 2**18
"""Counts made at a time, so that they stay in the processor's cache."""

STEP = 2**10
"""Exchanges made at a time."""


@dataclass(frozen=True)
class Bootstrap:
    """Bootstrap of an improvement.

    Attributes
    ----------
    improvement : float
        Candidate over baseline, positive when better: difference, or log ratio for losses.
    ci_low_bps, ci_high_bps : float
        Two-sided interval in basis points.
    std_error_bps : float
        Standard deviation of the replicates in basis points.
    replicates : int
        Resamples.
    method : {"joint table", "units", "blocks", "one-step"}
        How they were drawn.
    interval : {"bca", "percentile"}
        How the interval follows from them.
    level : float
        Chance that the interval misses the true improvement, half on each side.
    """

    improvement: float
    ci_low_bps: float
    ci_high_bps: float
    std_error_bps: float
    replicates: int
    method: Method
    interval: Interval
    level: float

    @property
    def improvement_bps(self) -> float:
        """Improvement in basis points."""
        return self.improvement * BPS

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form, all fields."""
        return asdict(self)

    def __repr__(self) -> str:
        return (
            f"<Bootstrap {self.improvement_bps:+.1f} bps "
            f"[{self.ci_low_bps:+.1f}, {self.ci_high_bps:+.1f}], se {self.std_error_bps:.1f} "
            f"({self.replicates:,} resamples, {self.method}, {self.interval})>"
        )


@dataclass(frozen=True)
class Randomisation:
    """Approximate randomisation test of an improvement.

    Attributes
    ----------
    improvement : float
        Candidate over baseline, positive when better: difference, or log ratio for losses.
    p_value : float
        One-sided: of H0 that the candidate is not better.
    p_two_sided : float
        Of H0 that the two models are alike.
    replicates : int
        Random exchanges.
    """

    improvement: float
    p_value: float
    p_two_sided: float
    replicates: int

    @property
    def improvement_bps(self) -> float:
        """Improvement in basis points."""
        return self.improvement * BPS

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form, all fields."""
        return asdict(self)

    def __repr__(self) -> str:
        return (
            f"<Randomisation {self.improvement_bps:+.1f} bps, p={self.p_value:.3g} one-sided, "
            f"{self.p_two_sided:.3g} two-sided ({self.replicates:,} exchanges)>"
        )


def bootstrap(
    metric: Metric,
    targets: Targets,
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    *,
    groups: Groups | None = None,
    replicates: int = 10_000,
    seed: int = 0,
    level: float = 0.05,
    interval: Interval = "bca",
) -> Bootstrap:
    """Bootstrap the improvement of a candidate over a baseline.

    Both models are resampled together (Efron & Tibshirani 1993, An Introduction to the Bootstrap).
    The metric is a function of sums, so a resample costs one row of a matrix product:

    - "joint table": class labels, and whatever else repeats, are counted; multinomial counts of
      the distinct rows. Exact, at a cost that does not grow with the number of examples.
    - "units": at most 4 096 units, examples or groups, are drawn one by one. Exact.
    - "blocks": more units are added up in 4 096 blocks at random, and blocks are resampled. The
      replicates keep mean and skewness; their standard error has a relative error of 1.1 % more.
    - "one-step": a metric that is no function of sums (ROC-AUC) is replaced by its linearisation,
      the mean of the influence function ψ; drawn like the others.

    Parameters
    ----------
    metric : Metric
        What is compared.
    targets, baseline, candidate : array-like, shape (n,)
        As in `compare_outputs`.
    groups : array-like, shape (n,), optional
        Which examples belong together; whole groups are resampled.
    replicates : int
        Resamples, at least 100. Memory does not grow with them times n.
    seed : int
        Equal seeds give equal results.
    level : float
        Chance that the interval misses, half on each side; between 0 and 0.5.
    interval : {"bca", "percentile"}
        Bias-corrected and accelerated (Efron 1987, DOI 10.1080/01621459.1987.10478410), with the
        acceleration from the influence's skewness; or plain quantiles.

    Raises
    ------
    InputError
        When an input is malformed; `MetricUndefined` when a resample has no value.
    """
    _require_replicates(replicates)
    if not 0 < level < 0.5:
        raise InputError(f"expected a level between 0 and 0.5, found {level!r}")
    if interval not in ("bca", "percentile"):
        raise InputError(f"expected interval 'bca' or 'percentile', found {interval!r}")
    bound = metric.bind(targets)
    rng = generator(seed)
    units = Units.of(bound, targets, baseline, candidate, groups)
    method, rows, counts = units.method, units.rows, units.counts
    if len(counts) == units.size > BLOCKS:
        rows, counts = _blocks(rng, rows), np.ones(BLOCKS, dtype=np.int64)
        method = "blocks" if method == "units" else method
    resampler, dtype = Resampler(counts), exact_type(rows, units.size)
    rows = rows.astype(dtype)
    drawn = np.empty(replicates)
    step = min(replicates, max(1, CHUNK // len(counts)))
    room = np.empty((step, len(counts)), dtype=dtype)
    try:
        for start in range(0, replicates, step):
            size = min(step, replicates - start)
            resampler.draw(rng, room[:size])
            sums = np.asarray(room[:size] @ rows, dtype=np.float64)
            drawn[start : start + size] = units.improvements(sums)
    except MetricUndefined as error:
        raise MetricUndefined(
            f"{bound.name}: a resample of the examples has no value ({error}); bring more of them, "
            "or use compare_outputs, which does not resample"
        ) from error
    tails = np.array([level / 2, 1 - level / 2])
    if interval == "bca":
        tails = _corrected(tails, drawn, units)
    low, high = np.quantile(drawn, tails).tolist()
    return Bootstrap(
        improvement=units.improvement,
        ci_low_bps=low * BPS,
        ci_high_bps=high * BPS,
        std_error_bps=float(drawn.std(ddof=1)) * BPS,
        replicates=replicates,
        method=method,
        interval=interval,
        level=level,
    )


def randomisation_test(
    metric: Metric,
    targets: Targets,
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    *,
    groups: Groups | None = None,
    replicates: int = 10_000,
    seed: int = 0,
) -> Randomisation:
    """Test an improvement by exchanging the two models on random examples.

    H0: for every example (or group, exchanged as a whole) the two models could be swapped. Noreen
    (1989), Computer Intensive Methods for Testing Hypotheses; p = (hits + 1) / (replicates + 1)
    counts the observed one in, so the level holds exactly. For BLEU it is sacrebleu's test, whose
    bootstrap rejects a true null too often. A metric that is no function of sums (ROC-AUC) is
    replaced by its linearisation at the placements: placements are ranks, so that models on
    different scales can be exchanged at all.

    Parameters
    ----------
    metric : Metric
        What is compared.
    targets, baseline, candidate : array-like, shape (n,)
        As in `compare_outputs`.
    groups : array-like, shape (n,), optional
        Which examples belong together; whole groups are exchanged.
    replicates : int
        Random exchanges, at least 100. Memory grows with neither them nor n.
    seed : int
        Equal seeds give equal results.

    Raises
    ------
    InputError
        When an input is malformed; `MetricUndefined` when an exchange has no value.
    """
    _require_replicates(replicates)
    bound = metric.bind(targets)
    rng = generator(seed)
    units = Units.of(bound, targets, baseline, candidate, groups)
    swaps = Swaps.of(units)
    observed = units.improvement
    # Ties with the observed improvement count as hits, whatever rounding makes of them.
    slack = 1e-9 * abs(observed) + 1e-15
    above = beyond = 0
    for start in range(0, replicates, STEP):
        drawn = units.exchanged(swaps.draw(rng, min(STEP, replicates - start)))
        above += int((drawn >= observed - slack).sum())
        beyond += int((np.abs(drawn) >= abs(observed) - slack).sum())
    return Randomisation(
        improvement=observed,
        p_value=(above + 1) / (replicates + 1),
        p_two_sided=(beyond + 1) / (replicates + 1),
        replicates=replicates,
    )


def _require_replicates(replicates: int) -> None:
    if isinstance(replicates, bool) or not isinstance(replicates, int) or replicates < 100:
        raise InputError(f"expected 100 replicates or more, found {replicates!r}")


def _blocks(rng: np.random.Generator, rows: Floats) -> Floats:
    order = rng.permutation(len(rows))
    starts = np.arange(BLOCKS) * len(rows) // BLOCKS
    return np.add.reduceat(rows[order], starts, axis=0)


def _corrected(tails: Floats, drawn: Floats, units: Units) -> Floats:
    below = float((drawn < units.improvement).sum()) + float((drawn == units.improvement).sum()) / 2
    # Never 0 or 1, whose normal quantiles are infinite.
    bias = -normal_quantile((below + 0.5) / (len(drawn) + 1))
    corrected = []
    for tail in tails.tolist():
        z = bias - normal_quantile(tail)
        corrected.append(normal_tail(-(bias + z / (1 - units.acceleration * z))))
    return np.array(corrected)
