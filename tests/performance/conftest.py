"""Homes with ledgers; entries are written as `tests/dashboard/ledger_world.py` writes them."""

import sys
from pathlib import Path

import pytest

from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.settings import Settings

sys.path.append(str(Path(__file__).parents[1] / "dashboard"))


@pytest.fixture
def home(tmp_path):
    """An empty Hokusai home."""
    return Settings(home=tmp_path / "home").prepare()


@pytest.fixture
def tried(home):
    """A home whose model was tried six times."""
    from ledger_world import Scribe, address

    with Ledger(home.ledger) as ledger:
        scribe = Scribe(ledger)
        people = (("east", address(1)), ("west", address(2)))
        scribe.attempt("digits", "baseline", contributors=())
        scribe.attempt("digits", "promoted", improvement_bps=210, contributors=people)
        scribe.attempt("digits", "reject", improvement_bps=-40, contributors=people)
        scribe.attempt("digits", "hold", improvement_bps=30, contributors=people)
        scribe.attempt("digits", "promoted", improvement_bps=190, settlement="failed")
        scribe.attempt("digits", "promoted", improvement_bps=180, settlement="mined", paid_bps=120)
        scribe.attempt("other", "baseline", contributors=())
    return home
