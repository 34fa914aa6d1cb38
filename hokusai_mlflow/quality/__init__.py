"""Whether contributed data are fit to be trained on, checked before anybody trains on them."""

from hokusai_mlflow.quality.check import Case, Check, Found
from hokusai_mlflow.quality.policy import QUICK, QualityPolicy
from hokusai_mlflow.quality.profile import Pack, Profile
from hokusai_mlflow.quality.registry import checks
from hokusai_mlflow.quality.report import QualityReport
from hokusai_mlflow.quality.screening import Owned, ScreenedCheck, examine, screen

__all__ = [
    "QUICK",
    "Case",
    "Check",
    "Found",
    "Owned",
    "Pack",
    "Profile",
    "QualityPolicy",
    "QualityReport",
    "ScreenedCheck",
    "checks",
    "examine",
    "screen",
]
