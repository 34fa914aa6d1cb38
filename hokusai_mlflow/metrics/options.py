"""Options of metrics, checked when a metric is made."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hokusai_mlflow.errors import InputError, did_you_mean


def require_one_of(metric: str, option: str, given: object, known: Sequence[str]) -> None:
    """One of the names that exist.

    Raises
    ------
    InputError
        When it is another.
    """
    if given not in known:
        raise InputError(f"{metric}: unknown {option} {given!r}{did_you_mean(str(given), known)}")


def require_boolean(metric: str, option: str, given: object) -> None:
    """True or False.

    Raises
    ------
    InputError
        When it is anything else, 0 and 1 included.
    """
    if not isinstance(given, bool):
        raise InputError(f"{metric}: expected {option} to be true or false, found {given!r}")


def as_finite(metric: str, option: str, given: object) -> float:
    """A finite number.

    Raises
    ------
    InputError
        When it is not a number, or not a finite one.
    """
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise InputError(f"{metric}: expected {option} to be a number, found {given!r}")
    if not math.isfinite(given):
        raise InputError(f"{metric}: expected {option} to be finite, found {given!r}")
    return float(given)


def as_positive(metric: str, option: str, given: object) -> float:
    """A finite number above 0.

    Raises
    ------
    InputError
        When it is anything else.
    """
    number = as_finite(metric, option, given)
    if number <= 0:
        raise InputError(f"{metric}: expected {option} to be positive, found {given!r}")
    return number
