"""Sample sizes and detectable effects, from the variance alone."""

from __future__ import annotations

import math

from hokusai_mlflow.errors import InputError

POWER = 0.80
"""Power at which a comparison is said to detect an effect."""


def detectable(null: float, spread: float, quantiles: float) -> float:
    """Smallest true improvement that is found: null + (z_level + z_power) · standard error.

    Parameters
    ----------
    null : float
        δ₀ of H0: Δ ≤ δ₀.
    spread : float
        Standard error of the improvement, obtained without looking at Δ.
    quantiles : float
        z_level + z_power.
    """
    return null + quantiles * spread


def required_size(n: int, null: float, effect: float, spread: float, quantiles: float) -> int:
    """Examples that find `effect` (same units as `null`), when `n` examples have error `spread`.

    Raises
    ------
    InputError
        When the effect is not above the null hypothesis: no number of examples suffices.
    """
    if effect <= null:
        raise InputError(
            f"expected an effect above the minimum effect of {null:g} bps, found {effect:g} bps; "
            "no number of examples tells them apart"
        )
    return max(2, math.ceil(n * (quantiles * spread / (effect - null)) ** 2))
