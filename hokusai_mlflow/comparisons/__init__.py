"""Several comparisons at once: metrics and slices in one result, told in every form."""

from hokusai_mlflow.comparisons.arrays import compare_all
from hokusai_mlflow.comparisons.collection import Comparisons, Row

__all__ = ["Comparisons", "Row", "compare_all"]
