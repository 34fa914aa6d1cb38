"""Settings that hold for every test."""

import os
import sys

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

# How long an example takes says more about the machine than about the code; timings are for
# benchmarks.
settings.register_profile("hokusai", deadline=None, print_blob=True)
settings.load_profile("hokusai")

TOGETHER = (
    "tests/flow/test_deployments.py",
    "tests/flow/",
    "tests/streaming/test_tasks.py",
    "tests/chain/test_proofs.py",
)
"""Tests that share what takes long to make, a server or a proof: one worker runs them all."""


class Scheduling(LoadScopeScheduling):
    """One test after the other to whoever is free, those that belong together first."""

    def _split_scope(self, nodeid):
        return next((place for place in TOGETHER if nodeid.startswith(place)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Not `--dist loadgroup`: pytest 9.2 has test ids that it cannot change."""
    return Scheduling(config, log)


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
