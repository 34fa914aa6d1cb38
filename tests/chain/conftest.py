"""A deployed contract on a local chain of its own for every test."""

from shutil import copytree

import pytest
from chain_world import open_world


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
