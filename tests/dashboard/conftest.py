"""Stores for the dashboard's tests: small ones written to a ledger, one made by the pipeline."""

import os
from pathlib import Path

import pytest
from ledger_world import NASTY, Scribe, address, fill

from hokusai_mlflow.history import History
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.settings import Settings


@pytest.fixture
def home(tmp_path):
    """An empty Hokusai home."""
    return Settings(home=tmp_path / "home").prepare()


@pytest.fixture
def scribe(home):
    """Writes attempts to the ledger of the home."""
    with Ledger(home.ledger) as ledger:
        yield Scribe(ledger)


@pytest.fixture
def history(home):
    """The read model of the home's ledger; `refresh` it after writing."""
    with History.of(home) as opened:
        yield opened


@pytest.fixture(scope="session")
def hostile_home(tmp_path_factory):
    """A home whose models, contributors and reasons are all meant to break a page."""
    settings = Settings(home=tmp_path_factory.mktemp("hostile")).prepare()
    with Ledger(settings.ledger) as ledger:
        scribe = Scribe(ledger)
        for number, text in enumerate(NASTY.values()):
            who = ((text, address(number)),)
            scribe.attempt(text, "baseline", contributors=())
            scribe.attempt(text, "promoted", contributors=who, reason=text)
            scribe.attempt(text, "reject", contributors=who, reason=text)
            if number < 2:
                scribe.attempt(text, "abandoned", contributors=who, reason=text)
                scribe.attempt(text, "promoted", contributors=who, settlement="failed")
    return settings


@pytest.fixture(scope="session")
def pipeline_home(tmp_path_factory):
    """The store that the pipeline makes, once per session; minutes.

    `HOKUSAI_DASHBOARD_STORE` names a folder where it is kept from one session to the next.
    """
    from dashboard_store import make_store

    kept = os.environ.get("HOKUSAI_DASHBOARD_STORE")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("pipeline")
    made = folder / "made"
    if not made.exists():
        make_store(folder)
        made.touch()
    return Settings(home=folder / ".hokusai")


@pytest.fixture(scope="session")
def large_home(tmp_path_factory):
    """A home with 10 000 attempts over 50 models, written through the ledger's own API."""
    settings = Settings(home=tmp_path_factory.mktemp("large")).prepare()
    with Ledger(settings.ledger) as ledger:
        fill(ledger, 10_000, 50)
    return settings
