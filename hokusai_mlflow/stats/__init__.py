"""How sure we are: paired comparisons, cross-validation and the budget of a sealed hold-out."""

from hokusai_mlflow.stats.comparison import Comparison, compare_outputs
from hokusai_mlflow.stats.crossval import CrossValidation, corrected_t
from hokusai_mlflow.stats.moments import Moments
from hokusai_mlflow.stats.paired import paired_scores
from hokusai_mlflow.stats.sequential import level_for_look

__all__ = [
    "Comparison",
    "CrossValidation",
    "Moments",
    "compare_outputs",
    "corrected_t",
    "level_for_look",
    "paired_scores",
]
