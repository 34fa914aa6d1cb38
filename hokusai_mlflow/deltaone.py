"""What an improvement is worth, in integers identical to the contract's.

Two models' scores on the same examples are kept as six exact sums, the `PairedSums`. From these
follow the improvement, its significance and its reward, with no number in between that the
contract (`contracts/PairedImprovement.sol`) would compute otherwise. Improvements are fractions
scaled by 1e18 ("wad"); 1 basis point is 1e14 of these; 100 basis points are one DeltaOne.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.exact_sums import CHUNK, exact_sums
from hokusai_mlflow.fixed_point import brief, ln_wad, round_up, toward_zero

PairedKind = Literal["linear", "log_ratio", "half_log_ratio"]

SCORE_UNIT = 10**9
"""One score unit in the fixed point of the paired sums."""

WAD = 10**18
"""One, in the fixed point of improvements."""

BASIS_POINT = 10**14
"""One basis point, in the fixed point of improvements."""

BPS_PER_DELTA_ONE = 100
CONTRIBUTORS_PERCENT = 70
WEIGHT_TOTAL = 10_000
"""Units that the contract divides among a list of contributors."""

FINE_TOTAL = 10**12
"""Units among more people than a list holds, exact in JSON; the contract reads them off a tree."""

MOST_LISTED = 200
"""Addresses that one contract call pays; more of them claim their shares."""

# Beyond these the contract's 256-bit intermediates could overflow; it refuses them as we do.
_MAX_N = 2**40 - 1
_MAX_SUM = 2**96 - 1
_MAX_SQUARES = 2**152 - 1

_LARGEST_QUANTISED = 2**53


@dataclass(frozen=True, slots=True)
class PairedSums:
    """Exact sums of two models' scores on the same examples.

    With b_i the baseline's and c_i the candidate's score on example i, each rounded to a whole
    number of 1e-9: `n` examples, `b` = Σb, `c` = Σc, `bb` = Σb², `cc` = Σc², `bc` = Σbc. Sums of
    disjoint examples add up with ``+``.
    """

    n: int
    b: int
    c: int
    bb: int
    cc: int
    bc: int

    @classmethod
    def of(cls, b: npt.ArrayLike, c: npt.ArrayLike) -> PairedSums:
        """Sums of two arrays of scores.

        Parameters
        ----------
        b, c : array_like, shape (n,)
            Scores of the baseline and of the candidate on the same examples, in metric units
            (losses already divided by their cap); finite and below 9e6 in magnitude.

        Returns
        -------
        PairedSums

        Examples
        --------
        >>> PairedSums.of([1, 0], [1, 1])
        PairedSums(n=2, b=1000000000, c=2000000000, bb=10**18, cc=2*10**18, bc=10**18)
        """
        first, second = _quantised("baseline", b), _quantised("candidate", c)
        if len(first) != len(second):
            raise InputError(
                f"paired scores must have equal lengths, found {len(first)} for the baseline and "
                f"{len(second)} for the candidate; score both models on the same examples"
            )
        total = cls(len(first), 0, 0, 0, 0, 0)
        for start in range(0, len(first), CHUNK):
            chunk = slice(start, start + CHUNK)
            total += cls(0, *exact_sums(first[chunk], second[chunk]))
        return total

    def __add__(self, other: PairedSums) -> PairedSums:
        if not isinstance(other, PairedSums):
            return NotImplemented
        return PairedSums(
            self.n + other.n,
            self.b + other.b,
            self.c + other.c,
            self.bb + other.bb,
            self.cc + other.cc,
            self.bc + other.bc,
        )

    def swapped(self) -> PairedSums:
        """The same examples with the two models exchanged."""
        return PairedSums(self.n, self.c, self.b, self.cc, self.bb, self.bc)

    def to_dict(self) -> dict[str, int | str]:
        """JSON form; the sums are decimal strings, for they exceed what JSON numbers carry."""
        return {"n": self.n} | {name: str(getattr(self, name)) for name in _SUM_NAMES}

    @classmethod
    def from_dict(cls, given: Mapping[str, int | str]) -> PairedSums:
        """Inverse of `to_dict`; whole numbers are accepted for strings."""
        if set(given) != {"n", *_SUM_NAMES}:
            raise InputError(
                f"paired sums have the fields n, {', '.join(_SUM_NAMES)}; "
                f"found {', '.join(sorted(given)) or 'none'}"
            )
        try:
            return cls(n=int(given["n"]), **{name: int(given[name]) for name in _SUM_NAMES})
        except (TypeError, ValueError) as error:
            raise InputError(f"paired sums must be whole numbers: {error}") from None

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={brief(getattr(self, name))}" for name in ("n", *_SUM_NAMES))
        return f"PairedSums({inside})"


_SUM_NAMES = ("b", "c", "bb", "cc", "bc")


@dataclass(frozen=True, slots=True)
class Payout:
    """A reward split between contributors and the model's owner, in wei.

    `contributors` is ordered by address, ascending; the parts and `owner` sum to the reward.
    """

    contributors: dict[str, int]
    owner: int

    @property
    def total(self) -> int:
        """The whole reward in wei."""
        return self.owner + sum(self.contributors.values())

    def to_dict(self) -> dict[str, object]:
        """JSON form; wei are decimal strings."""
        return {
            "contributors": {address: str(wei) for address, wei in self.contributors.items()},
            "owner": str(self.owner),
            "total": str(self.total),
        }

    def __repr__(self) -> str:
        return (
            f"Payout({self.total / WAD:g} DeltaOnes: {self.owner / WAD:g} to the owner, "
            f"the rest to {len(self.contributors)} contributors)"
        )


def paired_kind(metric_name: str) -> PairedKind:
    """How the improvement follows from the paired sums of a metric.

    Parameters
    ----------
    metric_name : str
        Name in the metric registry.

    Returns
    -------
    "linear", "log_ratio" or "half_log_ratio"
        Linear sums hold scores (higher is better), the two others losses (lower is better).
    """
    if metric_name in {"mse", "mae"}:
        return "log_ratio"
    if metric_name == "rmse":
        return "half_log_ratio"
    return "linear"


def improvement_wad(kind: PairedKind, sums: PairedSums) -> int:
    """Improvement of the candidate over the baseline; positive is better.

    Parameters
    ----------
    kind : PairedKind
        ``linear``: (Σc − Σb)/n; ``log_ratio``: ln(Σb/Σc); ``half_log_ratio``: half of that.
    sums : PairedSums
        Checked as the contract checks them; see `require_valid`.

    Returns
    -------
    int
        Improvement × 1e18, rounded toward zero, so that swapping the models flips the sign.
    """
    require_valid(kind, sums)
    if kind == "linear":
        return toward_zero((sums.c - sums.b) * SCORE_UNIT, sums.n)
    logarithm = ln_wad(sums.b) - ln_wad(sums.c)
    return toward_zero(logarithm, 2) if kind == "half_log_ratio" else logarithm


def improvement_bps(kind: PairedKind, sums: PairedSums) -> int:
    """Improvement in whole basis points, rounded toward zero.

    Parameters
    ----------
    kind : PairedKind
    sums : PairedSums

    Returns
    -------
    int
    """
    return toward_zero(improvement_wad(kind, sums), BASIS_POINT)


def significant(
    kind: PairedKind, sums: PairedSums, *, min_effect_bps: int, z2_floor_e6: int
) -> bool:
    """Whether the improvement exceeds the minimum by z standard errors: the contract's floor.

    H0: Δ ≤ δ₀. True when Δ > δ₀ and (Δ − δ₀)² ≥ z²·se², where se² is the large-sample variance
    of Δ from the same sums: Σ(d_i − d̄)²/n² for scores, and by the delta method
    Σ(b_i/Σb − c_i/Σc)² for losses.

    Parameters
    ----------
    kind : PairedKind
    sums : PairedSums
    min_effect_bps : int
        δ₀ in basis points.
    z2_floor_e6 : int
        z² × 1e6; 2_705_543 is one-sided 5 %.

    Returns
    -------
    bool
    """
    require_valid(kind, sums)
    if kind == "linear":
        difference = sums.c - sums.b
        excess = difference - min_effect_bps * (SCORE_UNIT // 10_000) * sums.n
        scatter = sums.n * (sums.bb + sums.cc - 2 * sums.bc) - difference**2
        return excess > 0 and sums.n * excess**2 * 10**6 >= z2_floor_e6 * scatter
    # Of a halved logarithm the standard error is halved too: compare the doubles, exactly.
    scale = 2 if kind == "half_log_ratio" else 1
    excess = ln_wad(sums.b) - ln_wad(sums.c) - scale * min_effect_bps * BASIS_POINT
    scatter = sums.bb * sums.c**2 + sums.cc * sums.b**2 - 2 * sums.bc * sums.b * sums.c
    variance = round_up(round_up(scatter * WAD, sums.b**2) * WAD, sums.c**2)
    return excess > 0 and excess**2 * 10**6 >= z2_floor_e6 * variance


def z2_floor_e6(level: float) -> int:
    """z² × 1e6 of a one-sided level, rounded down: what the contract is configured with.

    Parameters
    ----------
    level : float
        Between 0 and 0.1, the contract's most.

    Returns
    -------
    int
        For example 2_705_543 for 0.05.
    """
    if not 0 < level <= 0.1:
        raise InputError(f"a one-sided level must be above 0 and at most 0.1, found {level}")
    return int(NormalDist().inv_cdf(1 - level) ** 2 * 1e6)


def require_valid(kind: PairedKind, sums: PairedSums) -> None:
    """Refuse sums that no scores can have, exactly as the contract does.

    Parameters
    ----------
    kind : PairedKind
    sums : PairedSums

    Raises
    ------
    InputError
        No examples, magnitudes beyond the contract's range, second moments that contradict the
        first (Cauchy–Schwarz), or losses outside 0 to 1 cap or summing to zero.
    """
    if kind not in get_args(PairedKind):
        raise InputError(f"kind must be one of {get_args(PairedKind)}, found {kind!r}")
    n, b, c = sums.n, sums.b, sums.c
    if n < 1:
        raise InputError(f"paired sums need at least one example, found n={n}")
    if (
        n > _MAX_N
        or max(abs(b), abs(c)) > _MAX_SUM
        or max(sums.bb, sums.cc, abs(sums.bc)) > _MAX_SQUARES
    ):
        raise InputError(f"paired sums exceed the range of the contract: {sums!r}")
    spread_b, spread_c = n * sums.bb - b * b, n * sums.cc - c * c
    together = n * sums.bc - b * c
    if spread_b < 0 or spread_c < 0 or together * together > spread_b * spread_c:
        raise InputError(f"paired sums contradict each other, no scores have them: {sums!r}")
    if kind != "linear":
        for name, total, squares in (("baseline", b, sums.bb), ("candidate", c, sums.cc)):
            if total <= 0:
                raise InputError(
                    f"the {name}'s losses sum to {total}; a log ratio needs positive losses"
                )
            if total > n * SCORE_UNIT or squares > total * min(SCORE_UNIT, total):
                raise InputError(f"the {name}'s losses must lie between 0 and 1 (their cap)")


def delta_ones(bps: int) -> Decimal:
    """DeltaOnes for an improvement: 100 basis points are one.

    Parameters
    ----------
    bps : int
        Whole basis points.

    Returns
    -------
    Decimal
    """
    return Decimal(bps) / BPS_PER_DELTA_ONE


def reward_wei(bps: int, tokens_per_delta_one_wei: int) -> int:
    """Reward in wei of the token, rounded down.

    Parameters
    ----------
    bps : int
        Paid basis points, not negative.
    tokens_per_delta_one_wei : int
        The model's rate: wei of the token for 100 basis points.

    Returns
    -------
    int
    """
    if bps < 0 or tokens_per_delta_one_wei < 0:
        raise InputError(
            "a reward needs non-negative basis points and rate, "
            f"found {bps} and {tokens_per_delta_one_wei}"
        )
    return bps * tokens_per_delta_one_wei // BPS_PER_DELTA_ONE


def split(total_wei: int, weights: Mapping[str, int]) -> Payout:
    """Divide a reward 70/30 between contributors and owner, conserving it to the wei.

    Parameters
    ----------
    total_wei : int
        The whole reward.
    weights : mapping of address to int
        Contributors' weights in 1e-4; they sum to 10 000.

    Returns
    -------
    Payout
        Each contributor's part is rounded down; the owner gets what is left.
    """
    if sum(weights.values()) != WEIGHT_TOTAL or min(weights.values(), default=0) < 1:
        raise InputError(
            f"contributors' weights must be positive and sum to {WEIGHT_TOTAL}, found "
            f"{dict(weights)}"
        )
    if total_wei < 0:
        raise InputError(f"a reward cannot be negative, found {total_wei} wei")
    parts = {
        address: total_wei * CONTRIBUTORS_PERCENT * weights[address] // (100 * WEIGHT_TOTAL)
        for address in sorted(weights, key=lambda address: int(address, 16))
    }
    return Payout(parts, total_wei - sum(parts.values()))


def _quantised(whose: str, scores: npt.ArrayLike) -> npt.NDArray[np.int64]:
    array = np.asarray(scores, dtype=np.float64)
    if array.ndim != 1:
        raise InputError(f"the {whose}'s scores must have shape (n,), found {array.shape}")
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.rint(array * SCORE_UNIT)
    if not np.all(np.abs(scaled) < _LARGEST_QUANTISED):
        raise InputError(
            f"the {whose}'s scores must be finite and below 9e6 in magnitude; "
            "clip losses at a cap and divide by it"
        )
    return scaled.astype(np.int64)
