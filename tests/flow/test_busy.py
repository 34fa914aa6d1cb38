"""Two runs of one model at once on one home: the second is told to wait, and changes nothing."""

import time

import pytest

from hokusai_mlflow.errors import ModelBusy
from hokusai_mlflow.ledger import Ledger

pytestmark = pytest.mark.flow


def test_the_second_of_two_runs_is_refused(founded):
    here = founded.folder / "half-way"
    half = {"entry": "look", "when": "after", "pause": str(here)}
    first = founded.start(kill=half)
    until = time.monotonic() + 60
    while not here.exists():
        assert time.monotonic() < until, "the first run never got half-way"
        time.sleep(0.05)
    with Ledger(f"sqlite:///{founded.home / 'ledger.db'}") as ledger:
        before = ledger.head()
        second = founded.run(expect=ModelBusy.exit_code)
        assert second.error_type == "ModelBusy"
        assert str(founded.home) in second.error
        assert ledger.head() == before
    here.unlink()
    ended = founded.end(first)
    assert ended.code == 0, ended.trace
    assert ended.receipt["outcome"] == "promoted"
    assert not ended.receipt["resumed"]
    assert founded.run().receipt["outcome"] == "nothing_new"
