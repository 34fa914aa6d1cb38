"""Intervals of any level from what a comparison holds."""

from __future__ import annotations

from hokusai_mlflow.stats.comparison import Comparison
from hokusai_mlflow.stats.delong import DeLong
from hokusai_mlflow.stats.inference import Inference
from hokusai_mlflow.stats.skew import SafeT
from hokusai_mlflow.stats.tango import Tango

BPS = 10_000


def interval_bps(comparison: Comparison, level: float) -> tuple[float, float]:
    """Two-sided interval of the improvement that misses it with probability `level`, in bps.

    Parameters
    ----------
    comparison : Comparison
        Its own interval is the one at level 0.05.
    level : float
        `level` / 2 on each side; 0.05 / m for m comparisons that all hold together (Bonferroni).
    """
    inference: Inference
    if comparison.test == "tango" and comparison.discordant is not None:
        inference = Tango(*comparison.discordant, comparison.n)
    elif comparison.test == "delong":
        error = comparison.std_error_bps / BPS
        inference = DeLong(comparison.improvement, error, comparison.tail)
    else:
        inference = SafeT(
            comparison.improvement,
            comparison.std_error_bps / BPS,
            comparison.skew,
            comparison.units,
        )
    low, high = inference.interval(level)
    return low * BPS, high * BPS
