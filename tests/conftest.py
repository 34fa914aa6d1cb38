"""Settings that hold for every test."""

import os

import pytest
from hypothesis import settings

# How long an example takes says more about the machine than about the code; timings are for
# benchmarks.
settings.register_profile("hokusai", deadline=None, print_blob=True)
settings.load_profile("hokusai")


@pytest.fixture(scope="module", autouse=True)
def _no_store_is_left_current():
    """MLflow keeps its current store in the environment; a module must not inherit another's."""
    before = os.environ.get("MLFLOW_TRACKING_URI")
    yield
    if before is None:
        os.environ.pop("MLFLOW_TRACKING_URI", None)
    else:
        os.environ["MLFLOW_TRACKING_URI"] = before
