"""Who caused an improvement: contributed data, whether it may be used, and what it was worth."""

from hokusai_mlflow.contributions.checks import ContributionCheck, check_contributions
from hokusai_mlflow.contributions.dataset import Dataset, check_schema, concatenate, read_dataset
from hokusai_mlflow.contributions.digests import content_digest, evaluation_digest, row_digests
from hokusai_mlflow.contributions.partition import partition
from hokusai_mlflow.contributions.shapley import (
    Shapley,
    all_but_one,
    coalitions,
    exact_shapley,
    leave_one_out,
)
from hokusai_mlflow.contributions.shares import share_errors, shares

__all__ = [
    "ContributionCheck",
    "Dataset",
    "Shapley",
    "all_but_one",
    "check_contributions",
    "check_schema",
    "coalitions",
    "concatenate",
    "content_digest",
    "evaluation_digest",
    "exact_shapley",
    "leave_one_out",
    "partition",
    "read_dataset",
    "row_digests",
    "share_errors",
    "shares",
]
