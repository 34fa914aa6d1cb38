"""What is trained: smooth curves for age and health, plan and place, added up."""

from sklearn.base import RegressorMixin
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer, StandardScaler

CURVES = ["age", "chronic_diseases", "general_health", "mental_health"]
CHOICES = ["site", "coinsurance"]


def build(seed: int) -> RegressorMixin:
    """An unfitted model.

    Parameters
    ----------
    seed : int
        Given by the pipeline. This model draws nothing at random, so it is not needed here.
    """
    del seed
    curves = SplineTransformer(n_knots=6, knots="quantile", extrapolation="constant")
    columns = make_column_transformer(
        (curves, CURVES),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), CHOICES),
        remainder=make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
    )
    return make_pipeline(columns, Ridge(alpha=0.3))
