from dataclasses import replace

import numpy as np
import pytest
from worlds import SPEC, attempt_on, read, registered, write_files

from hokusai_mlflow import attempt as attempts
from hokusai_mlflow.attempt import exclusive
from hokusai_mlflow.errors import ChampionMissing, InputError, ModelBusy, RecipeError
from hokusai_mlflow.inputs import TrainingRows
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.novelty import RECIPE_PLAYER, REFERENCE_PLAYER, Champion, assemble, nothing_new
from hokusai_mlflow.recipe import recipe_from_source
from hokusai_mlflow.settings import Settings


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return read(write_files(tmp_path_factory.mktemp("attempt") / "project"))


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home").prepare()


def champion_of(inputs, *, recipe=None, rows=None):
    rows = rows or TrainingRows(inputs.part("reference"), {})
    return Champion(registered(), recipe or inputs.recipe, rows)


@pytest.fixture
def attempt(inputs):
    champion = champion_of(inputs)
    found = assemble(inputs, champion, ())
    return attempt_on(
        inputs, checks=found[0], training=found[1], players=found[2], champion=champion
    )


def entries(settings):
    with Ledger(settings.ledger) as ledger:
        return [(entry.kind, entry.key) for entry in ledger.entries()]


def test_whoever_changed_something_is_a_player(inputs):
    other = recipe_from_source("def build(seed):\n    return None\n")
    east, west = inputs.contributions
    reference = inputs.part("reference")
    all_rows = TrainingRows(reference, {}).with_rows("east", east).with_rows("west", west)
    for champion, retired, players in (
        (champion_of(inputs), (), ("east", "west")),
        (champion_of(inputs, rows=all_rows), (), ()),
        (champion_of(inputs, recipe=other, rows=all_rows), (), (RECIPE_PLAYER,)),
        (champion_of(inputs, rows=all_rows), ("holdout-1",), (REFERENCE_PLAYER,)),
        (
            champion_of(inputs, rows=TrainingRows(reference, {}).with_rows("east", east)),
            (),
            ("west",),
        ),
    ):
        checks, training, found = assemble(inputs, champion, retired)
        # Rows that are nearly the same as others' may be left out; whole contributions are not.
        assert found == players
        assert len(checks) == 2
        assert training.reference.digest == inputs.part("reference", *retired).digest


def test_a_first_version_is_the_owners_own(inputs):
    checks, training, players = assemble(inputs, None, ())
    assert (checks, players, dict(training.contributed)) == ((), (), {})


def test_an_attempt_is_entered_once(attempt, settings):
    for _ in range(2):
        attempts.enter(attempt, settings)
    written = entries(settings)
    assert written[-1] == ("attempt.opened", attempt.id)
    assert [kind for kind, _ in written[:-1]] == ["contribution.seen"] * 2
    # What was written first stands, whatever a newer version of the checks would say.
    attempts.enter(replace(attempt, checks=()), settings)
    with Ledger(settings.ledger) as ledger:
        body = ledger.get("attempt.opened", attempt.id).body
    assert len(body["checks"]) == 2
    assert body["champion"] == attempt.champion.registered.remembered()


@pytest.mark.parametrize("kind", ["attempt.decided", "attempt.promoted"])
def test_an_attempt_with_a_verdict_is_never_given_up(attempt, settings, kind):
    attempts.enter(attempt, settings)
    with Ledger(settings.ledger) as ledger:
        ledger.append(kind, attempt.id, {}, model=attempt.model, attempt=attempt.id)
    before = entries(settings)
    assert not attempts.abandon(attempt, RecipeError("broken"), settings)
    assert entries(settings) == before


def _silent(monkeypatch):
    told = []
    monkeypatch.setattr(attempts, "connect", lambda settings: None)
    monkeypatch.setattr(attempts, "fail", lambda client, run, reason: told.append((run, reason)))
    return told


def test_an_attempt_without_a_verdict_is_closed_with_the_reason(attempt, settings, monkeypatch):
    told = _silent(monkeypatch)
    attempts.enter(attempt, settings)
    # An exception's text may hold anything, also what no database stores.
    assert attempts.abandon(attempt, RecipeError("broken \ud800 " + "x" * 9_000), settings)
    with Ledger(settings.ledger) as ledger:
        closed = ledger.get("attempt.closed", attempt.id).body
        assert attempts.unfinished(ledger, attempt.model) is None
    assert closed["outcome"] == "abandoned"
    assert closed["reason"].startswith("RecipeError: broken ? xxx")
    assert told == [("run", closed["reason"])]


def test_an_attempt_that_was_never_entered_leaves_no_entry(attempt, settings, monkeypatch):
    told = _silent(monkeypatch)
    assert attempts.abandon(attempt, InputError("broken"), settings)
    assert entries(settings) == []
    assert told == [("run", "InputError: broken")]


def test_inputs_that_were_given_up_are_tried_again_under_another_name(inputs, settings):
    with Ledger(settings.ledger) as ledger:
        seen = []
        for _ in range(3):
            seen.append(attempts._new_id(ledger, inputs, registered()))
            ledger.append("attempt.closed", seen[-1], {"outcome": "abandoned"}, model="board")
        judged = attempts._new_id(ledger, inputs, registered())
        ledger.append("attempt.closed", judged, {"outcome": "reject"}, model="board")
        assert attempts._new_id(ledger, inputs, registered()) == judged
        assert len({*seen, judged, attempts._new_id(ledger, inputs, None)}) == 5


def test_what_was_judged_is_not_judged_again(inputs, settings):
    with Ledger(settings.ledger) as ledger:
        ledger.append("attempt.closed", "ab" * 8, {"outcome": "reject"}, model="board")
        told = nothing_new(ledger, "ab" * 8, ("east",), champion_of(inputs))
        assert "judged before: reject" in told
        assert nothing_new(ledger, "cd" * 8, ("east",), champion_of(inputs)) == ""
        for players in ((), (REFERENCE_PLAYER,)):
            said = nothing_new(ledger, "cd" * 8, players, champion_of(inputs))
            assert "already has every acceptable contributed row" in said


def test_one_run_of_a_model_at_a_time(settings):
    with exclusive("board", settings):
        second = exclusive("board", settings)
        with pytest.raises(ModelBusy, match="another run of board is under way"), second:
            raise AssertionError("two at once")
        with exclusive("other", settings):
            pass
    with exclusive("board", settings):
        pass


def test_a_first_version_has_nothing_to_beat(attempt):
    with pytest.raises(ChampionMissing, match="no champion yet"):
        attempts.beaten(replace(attempt, champion=None))
    assert attempts.beaten(attempt) == registered()
    assert attempt.contributors == ("east", "west")
    assert SPEC["model"] == attempt.model
    assert np.all([check.accepted.any() for check in attempt.checks])
