"""Settings that hold for every test."""

import os
import sys

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
    if "mlflow" in sys.modules:
        sys.modules["mlflow"].set_registry_uri(None)


@pytest.fixture
def postgresql():
    """URL of an empty database on the PostgreSQL server that the environment names."""
    server = os.environ.get("HOKUSAI_TEST_POSTGRESQL")
    if not server:
        pytest.skip("no PostgreSQL server: .ci/with-postgresql sets HOKUSAI_TEST_POSTGRESQL")
    from sqlalchemy import create_engine, make_url

    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    name = f"test_{os.urandom(6).hex()}"
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()
