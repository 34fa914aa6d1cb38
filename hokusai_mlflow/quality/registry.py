"""All checks: those that are built in, and those that third parties register."""

from __future__ import annotations

from importlib.metadata import entry_points

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.quality.check import Check
from hokusai_mlflow.quality.label_noise import LabelNoise
from hokusai_mlflow.quality.personal_data import PersonalData
from hokusai_mlflow.quality.repeats import TITLES
from hokusai_mlflow.quality.values import MissingValues, Outliers, Schema, Targets

GROUP = "hokusai.quality"
CHECKS: tuple[Check, ...] = (
    Schema(),
    Targets(),
    MissingValues(),
    Outliers(),
    PersonalData(),
    LabelNoise(),
)


def checks() -> tuple[Check, ...]:
    """The built-in checks and those registered under the entry-point group `hokusai.quality`.

    Raises
    ------
    InputError
        When two checks share a code, or one has that of a check that is always made.
    """
    loaded = [point.load()() for point in sorted(entry_points(group=GROUP), key=str)]
    every = (*CHECKS, *loaded)
    codes = [*(check.code for check in every), *TITLES]
    twice = sorted({code for code in codes if codes.count(code) > 1})
    if twice:
        raise InputError(f"codes of checks must be unique; given twice: {', '.join(twice)}")
    return every
