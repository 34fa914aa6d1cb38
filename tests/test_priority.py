from dataclasses import replace

import numpy as np
import pytest
from worlds import attempt_on, board, read, registered, write_files

from hokusai_mlflow import attempt as attempts
from hokusai_mlflow.inputs import TrainingRows
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.novelty import Champion, assemble
from hokusai_mlflow.priority import SEEN, credit_order, remember
from hokusai_mlflow.settings import Settings

PEOPLE = [
    {"name": name, "address": "0x" + "0" * 38 + end, "data": f"{name}.csv"}
    for name, end in (("copier", "a3"), ("east", "a1"), ("west", "a2"))
]


@pytest.fixture
def ledger(tmp_path):
    with Ledger(Settings(home=tmp_path / "home").prepare().ledger) as opened:
        yield opened


def _inputs(folder, *, jitter=0.0, names=("copier", "east", "west")):
    """East's rows, listed first under another name, unchanged or moved a little."""
    path = write_files(folder, contributors=[p for p in PEOPLE if p["name"] in names])
    copied = board(80, "copier", 2)
    copied[["x", "y"]] += jitter
    copied.to_csv(folder / "copier.csv", index=False)
    return read(path)


def _checks(inputs, ledger):
    champion = Champion(registered(), inputs.recipe, TrainingRows(inputs.part("reference"), {}))
    seen = ledger.entries(model="board", kind=SEEN)
    order = credit_order(seen, "board", inputs.contributions)
    found = assemble(inputs, champion, (), order)
    return {check.name: check for check in found[0]}, found, champion


def _remember(ledger, inputs, attempt="a1"):
    with ledger.transaction() as writing:
        remember(writing, "board", attempt, inputs.contributions)


@pytest.mark.parametrize("jitter", [0.0, 1e-7])
def test_a_later_copy_loses_wherever_it_is_listed(tmp_path, ledger, jitter):
    _remember(ledger, _inputs(tmp_path / "before", names=("east", "west")))
    checks, found, _ = _checks(_inputs(tmp_path / "after", jitter=jitter), ledger)
    assert checks["east"].accepted.all()
    assert not checks["copier"].accepted.any()
    assert checks["copier"].counts == {"duplicate.across": 80}
    assert found[2] == ("east", "west")


def test_seen_in_the_same_run_the_order_of_the_spec_counts(tmp_path, ledger):
    checks, _, _ = _checks(_inputs(tmp_path / "now"), ledger)
    assert checks["copier"].accepted.all()
    assert not checks["east"].accepted.any()


def test_seen_once_by_content_whatever_the_ids(tmp_path, ledger):
    inputs = _inputs(tmp_path / "one")
    _remember(ledger, inputs)
    renamed = [
        replace(one, ids=np.char.add("new-", one.ids), targets=one.targets)
        for one in inputs.contributions
    ]
    with ledger.transaction() as writing:
        remember(writing, "board", "a2", renamed)
    entries = ledger.entries(kind=SEEN)
    assert [(entry.body["name"], entry.attempt) for entry in entries] == [
        ("copier", "a1"),
        ("east", "a1"),
        ("west", "a1"),
    ]
    fewer = [one.take(np.arange(10)) for one in inputs.contributions[:1]]
    with ledger.transaction() as writing:
        remember(writing, "board", "a2", fewer)
    assert len(ledger.entries(kind=SEEN)) == 4
    # Another model's ledger says nothing about this one.
    assert credit_order(entries, "ships", inputs.contributions) == [0, 1, 2]


def test_a_resumed_attempt_credits_as_it_did_at_first(tmp_path):
    settings = Settings(home=tmp_path / "home").prepare()
    inputs = _inputs(tmp_path / "now")
    with Ledger(settings.ledger) as ledger:
        _remember(ledger, _inputs(tmp_path / "before", names=("west",)), attempt="a0")
        checks, found, champion = _checks(inputs, ledger)
    begun = attempt_on(
        inputs, checks=found[0], training=found[1], players=found[2], champion=champion
    )
    attempts.enter(begun, settings)
    with Ledger(settings.ledger) as ledger:
        again, _, _ = _checks(inputs, ledger)
    assert [check.digest for check in again.values()] == [c.digest for c in checks.values()]
