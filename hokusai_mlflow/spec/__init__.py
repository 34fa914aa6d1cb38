"""The pipeline spec: everything that a user writes besides the recipe."""

from hokusai_mlflow.chain.spec import ChainSpec
from hokusai_mlflow.spec.data import Contributor, DataSpec, Split
from hokusai_mlflow.spec.loading import load_spec
from hokusai_mlflow.spec.plans import ApprovalPlan, CrossValidationPlan, HumanPlan, ValuationPlan
from hokusai_mlflow.spec.spec import Spec, logged_options

__all__ = [
    "ApprovalPlan",
    "ChainSpec",
    "Contributor",
    "CrossValidationPlan",
    "DataSpec",
    "HumanPlan",
    "Spec",
    "Split",
    "ValuationPlan",
    "load_spec",
    "logged_options",
]
