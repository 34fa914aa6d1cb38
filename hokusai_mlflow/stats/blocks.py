"""Whether an improvement holds in every part of the world, or is one part's.

Blocks are structural: times, sources, regions. Random ones would detect nothing.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError, MetricUndefined
from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.metrics.inputs import Floats
from hokusai_mlflow.stats.groups import group_codes
from hokusai_mlflow.stats.moments import jump
from hokusai_mlflow.stats.power import POWER, detectable, required_size
from hokusai_mlflow.stats.skew import SafeT
from hokusai_mlflow.stats.tango import Tango

BPS = 10_000
MIN_UNITS = 30
"""Smaller blocks are left out of the comparison between blocks, not of leaving each out."""
SHARED = 30
"""Observations of the common variance that every block's own variance is estimated with."""


@dataclass(frozen=True)
class Block:
    """One block, alone and left out; basis points, candidate over baseline.

    Attributes
    ----------
    name : str
        The block.
    n : int
        Its examples.
    improvement_bps : float or None
        On it alone; None where the metric has no value, or it has fewer than 30 examples (groups).
    p_worse : float or None
        Of H0: Δ ≥ 0 on it alone.
    rest_improvement_bps, rest_p_value : float or None
        Without it, with the p-value of H0: Δ ≤ 0; None where the rest has no value.
    rest_detectable_bps : float or None
        Smallest improvement that the rest finds with 80 % power at `level`; Δ does not enter it.
    """

    name: str
    n: int
    improvement_bps: float | None
    p_worse: float | None
    rest_improvement_bps: float | None
    rest_p_value: float | None
    rest_detectable_bps: float | None


@dataclass(frozen=True, repr=False)
class BlockConsistency:
    """An improvement by structural block.

    Attributes
    ----------
    blocks : tuple of Block
        In the order of their names.
    level : float
        Level at which the improvement is asked to stay significant without any one block.
    q : float
        Cochran's (1954) Q of the blocks' improvements, DOI 10.2307/3001666.
    q_p_value : float
        Of H0: all blocks improve alike, χ² with `q_df` degrees of freedom; 1 below two blocks.
    q_df : int
        Blocks that could be compared, less one.
    required_n : int or None
        Examples at which every rest would find `effect_bps`; None where that is not known.
    effect_bps : float
        The improvement that the policy wants to be able to find.
    """

    blocks: tuple[Block, ...]
    level: float
    q: float
    q_p_value: float
    q_df: int
    required_n: int | None
    effect_bps: float

    @property
    def worst(self) -> Block | None:
        """The block with the smallest improvement of its own, if any could be compared alone."""
        alone = [block for block in self.blocks if block.improvement_bps is not None]
        return min(alone, key=lambda block: block.improvement_bps or 0.0, default=None)

    @property
    def deciding(self) -> Block:
        """The block without which the evidence is weakest."""
        return max(
            self.blocks, key=lambda b: math.inf if b.rest_p_value is None else b.rest_p_value
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form."""
        return asdict(self)

    def __repr__(self) -> str:
        return (
            f"<BlockConsistency of {len(self.blocks)} blocks: without {self.deciding.name} "
            f"p={self.deciding.rest_p_value}, Q={self.q:.3g} (p={self.q_p_value:.3g})>"
        )


def compare_blocks(
    metric: Metric,
    targets: npt.ArrayLike,
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    blocks: npt.ArrayLike,
    *,
    groups: npt.ArrayLike | None = None,
    level: float = 0.10,
    effect_bps: float = 200.0,
) -> BlockConsistency:
    """Compare two models on every block, and on everything but that block.

    Examples are scored once; blocks are sums over parts of their statistics (ROC-AUC, whose
    statistics depend on all examples, is scored anew for every part).

    Parameters
    ----------
    metric : Metric
        What is compared.
    targets, baseline, candidate : array-like, shape (n,)
        As in `compare_outputs`.
    blocks : array-like, shape (n,)
        Block of every example.
    groups : array-like, shape (n,), optional
        Which examples belong together.
    level : float
        One-sided level for the tests without one block, H0: Δ ≤ 0.
    effect_bps : float
        Improvement that the rest should be able to find, above 0.

    Raises
    ------
    InputError
        When an input is malformed; `MetricUndefined` when the metric has no value on all examples.
    """
    if not 0 < level < 0.5:
        raise InputError(f"expected a level between 0 and 0.5, found {level!r}")
    if not effect_bps > 0:
        raise InputError(f"expected an effect above 0 bps, found {effect_bps!r}")
    paired = _Paired.of(metric, targets, baseline, candidate, groups)
    names = [str(one) for one in np.asarray(blocks).tolist()]
    if len(names) != paired.n:
        raise InputError(f"expected one block per example, found {len(names)} for {paired.n}")
    block_of = np.array(names)
    found, alone = [], []
    pooled = paired.on(np.ones(paired.n, dtype=np.bool_))
    if pooled is None:
        raise InputError(f"expected at least two examples or groups, found {paired.n} examples")
    for name in np.unique(block_of):
        inside = block_of == name
        own, rest = paired.on(inside), paired.on(~inside)
        if own is not None and own.units >= MIN_UNITS:
            alone.append(own)
        else:
            own = None
        found.append(_block(str(name), int(inside.sum()), own, rest, level))
    q, df = _cochran(alone, pooled)
    return BlockConsistency(
        tuple(found),
        level,
        q,
        _chi_square_tail(q, df),
        df,
        _required(found, paired.n, effect_bps),
        float(effect_bps),
    )


@dataclass(frozen=True)
class _Part:
    """A comparison on some of the examples, native units."""

    safe: SafeT
    tango: Tango | None

    @property
    def units(self) -> int:
        return self.safe.units

    def p_value(self) -> float:
        """Of H0: Δ ≤ 0; equal models are no evidence."""
        if self.tango is not None:
            return self.tango.p_value(0.0)
        return self.safe.p_value(0.0)

    def p_worse(self) -> float:
        """Of H0: Δ ≥ 0."""
        if self.tango is not None:
            return Tango(self.tango.losses, self.tango.wins, self.tango.n).p_value(0.0)
        return SafeT(
            -self.safe.estimate, self.safe.std_error, -self.safe.skew, self.safe.units
        ).p_value(0.0)

    def detectable_bps(self, level: float) -> float:
        by: Tango | SafeT = self.safe if self.tango is None else self.tango
        return detectable(0.0, by.std_error, by.quantile(level) + by.quantile(1 - POWER)) * BPS

    def variance(self, pooled: _Part) -> float:
        """Of the estimate, from its own spread and some of everybody's."""
        own, common = (p.units * p.safe.std_error**2 for p in (self, pooled))
        return (own * self.units + common * SHARED) / (self.units + SHARED) / self.units


@dataclass(frozen=True)
class _Paired:
    """Both models' statistics on all examples, to be summed over parts of them."""

    metric: Metric
    given: tuple[npt.NDArray[Any], ...]
    said: tuple[Floats, Floats]
    codes: npt.NDArray[np.intp] | None

    @classmethod
    def of(
        cls,
        metric: Metric,
        targets: npt.ArrayLike,
        baseline: npt.ArrayLike,
        candidate: npt.ArrayLike,
        groups: npt.ArrayLike | None,
    ) -> _Paired:
        bound = metric.bind(targets)
        given = tuple(_array(one) for one in (targets, baseline, candidate))
        bound.require_comparable(targets, baseline, candidate)
        said = bound.statistics(targets, baseline), bound.statistics(targets, candidate)
        codes = None if groups is None else group_codes(groups, len(said[0]))
        return cls(bound, given, said, codes)

    @property
    def n(self) -> int:
        return len(self.said[0])

    def on(self, part: npt.NDArray[np.bool_]) -> _Part | None:
        """The comparison on a part; None where the metric has no value there."""
        if int(part.sum()) < 2:
            return None
        try:
            if self.metric.mergeable:
                said_b, said_c = (said[part] for said in self.said)
            else:
                truth, b, c = (one[part] for one in self.given)
                said_b, said_c = self.metric.statistics(truth, b), self.metric.statistics(truth, c)
            utilities = [
                self.metric.utility(float(self.metric.value(said.sum(axis=0))))
                for said in (said_b, said_c)
            ]
            moved = self.metric.influence(said_c) - self.metric.influence(said_b)
        except MetricUndefined:
            return None
        # Few discordant examples say too little of their own variance, in the same way as there.
        one = None
        if self.metric.output == "label":
            one = jump(self.metric, said_b.mean(axis=0), said_c.mean(axis=0))
        if self.codes is not None:
            codes = np.unique(self.codes[part], return_inverse=True)[1].reshape(-1)
            summed: Floats = np.bincount(codes, weights=moved).astype(np.float64)
            scale = len(summed) / len(said_b)
            moved, one = summed * scale, None if one is None else one * scale
        if len(moved) < 2:
            return None
        tango = None
        if self.metric.test == "tango" and self.codes is None:
            gained = said_c[:, 0] - said_b[:, 0]
            tango = Tango(int((gained > 0).sum()), int((gained < 0).sum()), len(gained))
        return _Part(SafeT.of(utilities[1] - utilities[0], moved, jump=one), tango)


def _array(given: npt.ArrayLike) -> npt.NDArray[Any]:
    # Several references per example are lists of different lengths, which make no plain array.
    if isinstance(given, list) and given and isinstance(given[0], list | tuple):
        made = np.empty(len(given), dtype=object)
        made[:] = given
        return made
    return np.asarray(given)


def _block(name: str, n: int, own: _Part | None, rest: _Part | None, level: float) -> Block:
    return Block(
        name,
        n,
        improvement_bps=None if own is None else own.safe.estimate * BPS,
        p_worse=None if own is None else own.p_worse(),
        rest_improvement_bps=None if rest is None else rest.safe.estimate * BPS,
        rest_p_value=None if rest is None else rest.p_value(),
        rest_detectable_bps=None if rest is None else rest.detectable_bps(level),
    )


def _cochran(alone: list[_Part], pooled: _Part) -> tuple[float, int]:
    """Q = Σ w (Δ − Δ̄)² with w = 1/variance, and its degrees of freedom."""
    variances = np.array([part.variance(pooled) for part in alone])
    if len(alone) < 2 or not (variances > 0).all():
        return 0.0, max(0, len(alone) - 1)
    estimates = np.array([part.safe.estimate for part in alone])
    weights = 1 / variances
    centre = float((weights * estimates).sum() / weights.sum())
    return float((weights * (estimates - centre) ** 2).sum()), len(alone) - 1


def _chi_square_tail(q: float, df: int) -> float:
    if df < 1:
        return 1.0
    from scipy.special import chdtrc  # noqa: PLC0415

    return float(chdtrc(df, q))


def _required(blocks: list[Block], n: int, effect_bps: float) -> int | None:
    """Examples, spread over the blocks as they are, at which every rest finds the effect."""
    spreads = [block.rest_detectable_bps for block in blocks]
    if len(blocks) < 2 or any(spread is None for spread in spreads):
        return None
    # `detectable` is quantiles · error here, because its null hypothesis is 0.
    return max(required_size(n, 0.0, effect_bps, spread or 0.0, 1.0) for spread in spreads)
