"""Krippendorff's α: how far raters agree beyond chance."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError, MetricUndefined, did_you_mean
from hokusai_mlflow.metrics.inputs import Floats, Vector, as_ids, as_numbers

Measurement = Literal["nominal", "ordinal", "interval"]
Codes = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Agreement:
    """Agreement of raters.

    Attributes
    ----------
    alpha : float
        1: perfect; 0: as by chance; below 0: worse than chance.
    measurement : {"nominal", "ordinal", "interval"}
        What two ratings' disagreement is measured by.
    raters, units : int
        Raters and units among the pairable ratings.
    pairable : int
        Ratings of units that two or more raters rated; the others say nothing of agreement.
    """

    alpha: float
    measurement: Measurement
    raters: int
    units: int
    pairable: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form, all fields."""
        return asdict(self)

    def __repr__(self) -> str:
        return (
            f"<Agreement α={self.alpha:.3f} ({self.measurement}): {self.pairable:,} ratings "
            f"of {self.units:,} units by {self.raters:,} raters>"
        )


def krippendorff(
    units: npt.ArrayLike,
    raters: npt.ArrayLike,
    ratings: npt.ArrayLike,
    *,
    measurement: Measurement = "ordinal",
) -> Agreement:
    """Krippendorff's α of ratings, any of which may be missing.

    α = 1 − D_o / D_e, observed over expected disagreement: the mean of δ² over pairs of ratings of
    one unit (each unit weighted by its ratings), and over all pairs of pairable ratings. δ² is 1
    for different names (nominal), the squared difference (interval), or that of mid-ranks among
    the pairable ratings (ordinal), which is Krippendorff's sum of frequencies in between.
    Hayes & Krippendorff (2007), DOI 10.1080/19312450709336664.

    Parameters
    ----------
    units, raters, ratings : array-like, shape (n,)
        One rating per entry: what was rated, by whom, and how. Leave missing ratings out.
    measurement : {"nominal", "ordinal", "interval"}
        Level of measurement; ratings may be strings when it is nominal.

    Raises
    ------
    InputError
        When an input is malformed, a rater rated a unit twice, or there is one rater only.
    MetricUndefined
        When no unit was rated twice, or all pairable ratings are equal.
    """
    if measurement not in get_args(Measurement):
        known = get_args(Measurement)
        raise InputError(
            f"unknown level of measurement {measurement!r}{did_you_mean(str(measurement), known)}"
        )
    unit, rater = as_ids("units", units), as_ids("raters", raters)
    nominal = measurement == "nominal"
    rated = as_ids("ratings", ratings) if nominal else as_numbers("ratings", ratings)
    if not len(unit) == len(rater) == len(rated):
        raise InputError(
            "expected a unit and a rater for every rating, found "
            f"{len(unit)}, {len(rater)} and {len(rated)}"
        )
    codes, value, kept = pairable_values(unit, rater, rated, measurement)
    observed, expected = (_by_name if nominal else _by_distance)(codes, value)
    return Agreement(
        alpha=1 - observed / expected,
        measurement=measurement,
        raters=len(np.unique(rater[kept])),
        units=int(codes.max()) + 1,
        pairable=len(codes),
    )


def pairable_values(
    unit: Vector, rater: Vector, rated: Vector, measurement: Measurement
) -> tuple[Codes, Any, npt.NDArray[np.bool_]]:
    """Ratings of units that two or more raters rated, as what disagreement is measured on.

    Returns
    -------
    codes : array of int, shape (m,)
        Position of each pairable rating's unit.
    value : array, shape (m,)
        Codes of names, mid-ranks, or the ratings themselves, by level of measurement.
    kept : array of bool, shape (n,)
        Which ratings are pairable.

    Raises
    ------
    InputError, MetricUndefined
        As `krippendorff`.
    """
    unit_codes, rater_codes = _codes(unit), _codes(rater)
    _require_once(unit, rater, unit_codes, rater_codes)
    if rater_codes.max() == 0:
        raise InputError(
            f"expected ratings from two or more raters, found {rater[0].item()!r} only; "
            "one rater's agreement with others cannot be known"
        )
    pairable = np.bincount(unit_codes)[unit_codes] > 1
    if not pairable.any():
        raise MetricUndefined(
            "Krippendorff's α is undefined: no unit was rated by two raters; let raters overlap"
        )
    codes, value_codes = _codes(unit_codes[pairable]), _codes(rated[pairable])
    if value_codes.max() == 0:
        raise MetricUndefined(
            f"Krippendorff's α is undefined: every rating is {rated[pairable][0].item()!r}; "
            "raters who never vary show neither agreement nor disagreement"
        )
    value: Any = value_codes
    if measurement != "nominal":
        value = rated[pairable]
        if measurement == "ordinal":
            count = np.bincount(value_codes)
            value = (np.cumsum(count) - count / 2)[value_codes]
        value = value / np.abs(value).max()
    return codes, value, pairable


def _by_name(unit: Codes, value: Codes) -> tuple[float, float]:
    """Observed and expected disagreement of names, both times the number of ratings."""
    rated = np.bincount(unit)
    cells, count = np.unique(unit * (value.max() + 1) + value, return_counts=True)
    same = np.bincount(cells // (value.max() + 1), weights=count.astype(np.float64) ** 2)
    observed = ((rated.astype(np.float64) ** 2 - same) / (rated - 1)).sum()
    n, each = len(value), np.bincount(value).astype(np.float64)
    return float(observed), float((n**2 - (each**2).sum()) / (n - 1))


def _by_distance(unit: Codes, value: Floats) -> tuple[float, float]:
    """The same of numbers: sums of squares around the units' means, and around the mean of all."""
    observed, _ = unit_parts(unit, value)
    n = len(value)
    expected = 2 * n * ((value - value.mean()) ** 2).sum() / (n - 1)
    return float(observed.sum()), float(expected)


def unit_parts(unit: Codes, value: Floats) -> tuple[Floats, Codes]:
    """Every unit's part of the observed disagreement of numbers, and where it is first rated."""
    _, first, rated = np.unique(unit, return_index=True, return_counts=True)
    centred = value - (np.bincount(unit, weights=value) / rated)[unit]
    within = np.bincount(unit, weights=centred**2)
    parts: Floats = 2 * within * rated / (rated - 1)
    return parts, first


def _codes(values: Vector) -> Codes:
    return np.unique(values, return_inverse=True)[1].reshape(-1)


def _require_once(unit: Vector, rater: Vector, unit_codes: Codes, rater_codes: Codes) -> None:
    cells = unit_codes * (rater_codes.max() + 1) + rater_codes
    _, first, count = np.unique(cells, return_index=True, return_counts=True)
    if (count > 1).any():
        at = first[np.flatnonzero(count > 1)[0]]
        raise InputError(
            f"expected one rating per unit and rater, found several of {unit[at].item()!r} by "
            f"{rater[at].item()!r} ({int((count > 1).sum())} such pairs)"
        )
