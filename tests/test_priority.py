from base64 import b64decode
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from worlds import attempt_on, board, read, registered, write_files

from hokusai_mlflow import attempt as attempts
from hokusai_mlflow.inputs import TrainingRows
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.novelty import Champion, assemble
from hokusai_mlflow.priority import SEEN, credit_turns, remember
from hokusai_mlflow.settings import Settings

PEOPLE = [
    {"name": name, "address": "0x" + "0" * 38 + end, "data": f"{name}.csv"}
    for name, end in (("copier", "a3"), ("east", "a1"), ("west", "a2"))
]


@pytest.fixture
def ledger(tmp_path):
    with Ledger(Settings(home=tmp_path / "home").prepare().ledger) as opened:
        yield opened


def _inputs(folder, *, jitter=0.0, names=("copier", "east", "west"), more=0):
    """East's rows, listed first under another name, unchanged or moved a little; east may grow."""
    path = write_files(folder, contributors=[p for p in PEOPLE if p["name"] in names])
    copied = board(80, "copier", 2)
    copied[["x", "y"]] += jitter
    copied.to_csv(folder / "copier.csv", index=False)
    if more:
        grown = pd.concat([board(80, "east", 2), board(more, "more", 9)])
        grown.sample(frac=1, random_state=1).to_csv(folder / "east.csv", index=False)
    return read(path)


def _checks(inputs, ledger):
    champion = Champion(registered(), inputs.recipe, TrainingRows(inputs.part("reference"), {}))
    seen = ledger.entries(model="board", kind=SEEN)
    turns = credit_turns(seen, "board", inputs.contributions)
    found = assemble(inputs, champion, (), turns)
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
    new, gone = (ledger.entries(kind=SEEN)[-1].body[name] for name in ("new", "gone"))
    assert (new, len(b64decode(gone)) // 8) == ("", 70)
    # Another model's ledger says nothing about this one.
    turns = credit_turns(entries, "ships", inputs.contributions)
    assert [(at, len(rows)) for at, rows in turns] == [(0, 80), (1, 80), (2, 40)]


@pytest.mark.parametrize("jitter", [0.0, 1e-7])
def test_a_file_that_grows_keeps_the_place_of_its_rows(tmp_path, ledger, jitter):
    _remember(ledger, _inputs(tmp_path / "first", names=("east", "west")), "a1")
    _remember(ledger, _inputs(tmp_path / "then", jitter=jitter), "a2")
    later = _inputs(tmp_path / "later", jitter=jitter, more=30)
    checks, _, _ = _checks(later, ledger)
    assert checks["east"].accepted.sum() == 110
    assert not checks["copier"].accepted.any()
    _remember(ledger, later, "a3")
    told = [
        (entry.body["name"], entry.body["rows"], len(b64decode(entry.body["new"])) // 8)
        for entry in ledger.entries(kind=SEEN)
    ]
    assert told == [("east", 80, 80), ("west", 40, 40), ("copier", 80, 80), ("east", 110, 30)]


def test_a_place_is_kept_while_the_row_stays(tmp_path, ledger):
    """Who claims rows once, takes them away and copies them later gains nothing."""
    claimed = _inputs(tmp_path / "first", names=("copier", "west"))
    _remember(ledger, claimed, "a1")
    (copier, west), one = claimed.contributions, np.arange(1)
    with ledger.transaction() as writing:
        remember(writing, "board", "a2", (copier.take(one), west))
    everybody = _inputs(tmp_path / "then")
    _remember(ledger, everybody, "a3")
    turns = credit_turns(ledger.entries(kind=SEEN), "board", everybody.contributions)
    # The order of the spec decides between those that came together; one row was there all along.
    assert [(at, len(rows)) for at, rows in turns] == [(0, 1), (2, 40), (0, 79), (1, 80)]


def test_only_accepted_rows_have_a_place(tmp_path, ledger):
    inputs = _inputs(tmp_path / "one")
    masks = [np.arange(len(one)) < 10 for one in inputs.contributions]
    with ledger.transaction() as writing:
        remember(writing, "board", "a1", inputs.contributions, masks)
    turns = credit_turns(ledger.entries(kind=SEEN), "board", inputs.contributions)
    assert [(at, len(rows)) for at, rows in turns] == [
        *((at, 10) for at in range(3)),
        *((0, 70), (1, 70), (2, 30)),
    ]


@pytest.mark.parametrize("changed", [lambda v: v.round(9), lambda v: v.astype("float32")])
def test_fewer_digits_keep_their_place(tmp_path, ledger, changed):
    inputs = _inputs(tmp_path / "one")
    _remember(ledger, inputs, "a1")
    path = tmp_path / "one" / "east.csv"
    table = pd.read_csv(path)
    table[["x", "y"]] = changed(table[["x", "y"]])
    table.to_csv(path, index=False)
    again = read(tmp_path / "one" / "pipeline.yaml")
    turns = credit_turns(ledger.entries(kind=SEEN), "board", again.contributions)
    assert {at: len(rows) for at, rows in turns[:3]}[1] >= 78


def test_marks_do_not_depend_on_how_a_number_is_kept(tmp_path, ledger):
    inputs = _inputs(tmp_path / "one")
    _remember(ledger, inputs, "a1")
    with ledger.transaction() as writing:
        floats = [replace(one, targets=one.targets.astype(float)) for one in inputs.contributions]
        remember(writing, "board", "a2", floats)
    assert len(ledger.entries(kind=SEEN)) == 3


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
