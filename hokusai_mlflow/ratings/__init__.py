"""Tables of human ratings and preferences, turned into paired arrays of two systems."""

from hokusai_mlflow.ratings.paired import PairedRatings
from hokusai_mlflow.ratings.preferences import Preferences
from hokusai_mlflow.ratings.table import Ratings

__all__ = ["PairedRatings", "Preferences", "Ratings"]
