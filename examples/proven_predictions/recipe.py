"""A logistic model of pixels: small enough for its predictions to be proven."""

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def build(seed: int):
    """An unfitted estimator."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.02, max_iter=1_000))
