"""An embedded MLflow store; its migrations are paid once per module."""

import mlflow
import pytest

from hokusai_mlflow.settings import Settings
from hokusai_mlflow.tracking.store import connect


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    given = Settings(home=tmp_path_factory.mktemp("store") / "home", tracking_uri=None).prepare()
    before = mlflow.get_tracking_uri()
    yield given
    mlflow.set_tracking_uri(before)
    mlflow.set_registry_uri(None)


@pytest.fixture(scope="module")
def client(settings):
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield connect(settings)
