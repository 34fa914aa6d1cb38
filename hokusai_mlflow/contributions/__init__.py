"""Who caused an improvement: contributed data, whether it may be used, and what it was worth."""

from hokusai_mlflow.contributions.checks import ContributionCheck, check_contributions
from hokusai_mlflow.contributions.dataset import Dataset, check_schema, concatenate, read_dataset
from hokusai_mlflow.contributions.digests import content_digest, evaluation_digest, row_digests
from hokusai_mlflow.contributions.partition import partition
from hokusai_mlflow.contributions.shapley import Shapley, coalitions, exact_shapley, shares

__all__ = [
    "ContributionCheck",
    "Dataset",
    "Shapley",
    "check_contributions",
    "check_schema",
    "coalitions",
    "concatenate",
    "content_digest",
    "evaluation_digest",
    "exact_shapley",
    "partition",
    "read_dataset",
    "row_digests",
    "shares",
]
