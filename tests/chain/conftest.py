"""A deployed contract on a local chain of its own for every test."""

from shutil import copytree

import pytest
from chain_world import open_world
from outbox_world import keep_ledger_at


@pytest.fixture(scope="session")
def _prepared_home(tmp_path_factory):
    world = open_world(tmp_path_factory.mktemp("chain") / "home")
    world.configure()
    world.web3.provider.chain.close()
    return world.home


@pytest.fixture
def world(_prepared_home, tmp_path):
    """A contract with one configured model, an own copy for the test."""
    opened = open_world(copytree(_prepared_home, tmp_path / "home"))
    yield opened
    opened.web3.provider.chain.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.exhaustive)])
def home(request, world):
    """The world's home folder, its ledger in a SQLite file or on a PostgreSQL server."""
    if request.param == "postgresql":
        keep_ledger_at(world.home, request.getfixturevalue("postgresql"))
    return world.home
