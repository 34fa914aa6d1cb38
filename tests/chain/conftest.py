"""A deployed contract on a local chain of its own for every test."""

from shutil import copytree

import pytest
from chain_world import open_world
from outbox_world import keep_ledger_at
from stages import Anvil, anvil, anvil_binary
from twin import Twin

from hokusai_mlflow.chain.connect import open_local_chain
from hokusai_mlflow.chain.local.reader import PRIORITY_FEE


@pytest.fixture(scope="session")
def _prepared_home(tmp_path_factory):
    world = open_world(tmp_path_factory.mktemp("chain") / "home")
    world.configure()
    world.web3.provider.chain.close()
    return world.home


ANVIL_OPTIONS = ("--accounts", "1", "--slots-in-an-epoch", "2", "--base-fee", "875000000")
"""Tags that lag by a few blocks; the base fee that follows from an empty first block of 1 gwei."""

TWINS = {"test_administration", "test_claims", "test_payment", "test_refusals"}
"""Modules whose tests are also played on the embedded chain and anvil at once."""


def pytest_generate_tests(metafunc):
    if metafunc.module.__name__ in TWINS and "world" in metafunc.fixturenames:
        beside_anvil = pytest.param("beside anvil", marks=pytest.mark.exhaustive)
        metafunc.parametrize("world", ["embedded", beside_anvil], indirect=True)


@pytest.fixture(scope="session")
def key_store(tmp_path_factory):
    """Keys of circuits, each made once: seconds."""
    from hokusai_mlflow.verification.zk.keys import KeyStore

    return KeyStore(tmp_path_factory.mktemp("keys") / "zk")


@pytest.fixture
def world(request, tmp_path):
    """A contract with one configured model, an own copy for the test."""
    if getattr(request, "param", "embedded") == "beside anvil":
        yield request.getfixturevalue("twins")
        return
    prepared = request.getfixturevalue("_prepared_home")
    opened = open_world(copytree(prepared, tmp_path / "home"))
    yield opened
    opened.web3.provider.chain.close()


@pytest.fixture(scope="session")
def anvil_url():
    """An anvil whose tags lag behind by a few blocks, without accounts of its own."""
    binary = anvil_binary()
    if not binary:
        pytest.skip("anvil is not installed: make contracts-tools")
    with anvil(binary, *ANVIL_OPTIONS) as url:
        yield url


@pytest.fixture(scope="session")
def _prepared_twins(tmp_path_factory, anvil_url):
    home = tmp_path_factory.mktemp("twins") / "home"
    Anvil(anvil_url).endow(home)
    twin = Twin(open_local_chain(home), anvil_url)
    open_world(home, provider=twin).configure()
    twin.chain.close()
    return home, twin


@pytest.fixture
def twins(_prepared_twins, tmp_path):
    """The world on the embedded chain and on anvil at once; what they answer must agree."""
    prepared, twin = _prepared_twins
    before = twin.ask("evm_snapshot")
    home = copytree(prepared, tmp_path / "home")
    twin.chain = open_local_chain(home)
    # Which anvil does not take back with the blocks.
    due = int(twin.chain.answer("eth_gasPrice", []), 16) - PRIORITY_FEE
    twin.ask("anvil_setNextBlockBaseFeePerGas", hex(due))
    yield open_world(home, provider=twin)
    twin.chain.close()
    twin.ask("evm_revert", before)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.exhaustive)])
def home(request, world):
    """The world's home folder, its ledger in a SQLite file or on a PostgreSQL server."""
    if request.param == "postgresql":
        keep_ledger_at(world.home, request.getfixturevalue("postgresql"))
    return world.home
