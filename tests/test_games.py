import pickle

import numpy as np
import pytest
from worlds import attempt_on, changed_attempt, read, write_files

from hokusai_mlflow.cache import Cache
from hokusai_mlflow.contributions.shapley import coalitions
from hokusai_mlflow.games import Game, read_game
from hokusai_mlflow.novelty import REFERENCE_PLAYER
from hokusai_mlflow.recipe import Recipe
from hokusai_mlflow.refits import candidate_arm, champion_arm, score_folds


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return read(write_files(tmp_path_factory.mktemp("games") / "project"))


@pytest.fixture(scope="module")
def attempt(inputs):
    return changed_attempt(inputs)


@pytest.fixture
def game(attempt):
    return Game.of_attempt(attempt)


def _worth(game, tmp_path, replicate=1):
    worth = game.worth(replicate, Cache(tmp_path / "cache"))
    return {one: worth(game.members(one)) for one in coalitions(game.players)}


def test_nobody_is_the_champion_and_everybody_the_candidate(attempt, game, tmp_path):
    found = _worth(game, tmp_path)
    reference = attempt.training.reference
    folds = game.splitter.cut(reference, seed=game.seed)
    for coalition, arm in ((set(), champion_arm(attempt)), (game.players, candidate_arm(attempt))):
        expected = score_folds(game.of, arm, reference, folds, seed=game.seed)[1]
        assert found[frozenset(coalition)] == expected


class _Spy:
    def __init__(self, log):
        self._log = log

    def fit(self, features, targets):
        assert len(features) == len(targets)
        self._log.append(set(features.x.tolist()))
        return self

    def predict(self, features):
        assert not self._log[-1] & set(features.x.tolist())
        return np.zeros(len(features), dtype=int)


@pytest.mark.parametrize("coalition", [(), ("west",), ("east", REFERENCE_PLAYER)])
def test_exactly_the_members_rows_train(attempt, game, tmp_path, coalition):
    log = []
    spy = Recipe("spy", lambda seed: _Spy(log))
    object.__setattr__(game, "recipes", (spy, spy))
    game.worth(0, Cache(tmp_path))(game.members(coalition))
    train, _ = game.splitter.cut(attempt.training.reference, seed=game.seed)[0]
    expected = set(attempt.training.reference.features.x.iloc[train])
    if REFERENCE_PLAYER not in coalition:
        expected &= set(attempt.champion.training.reference.features.x)
    expected |= set(attempt.champion.training.contributed["east"].features.x)
    for given, check in zip(attempt.inputs.contributions, attempt.checks, strict=True):
        if check.name in coalition:
            expected |= set(given.take(check.accepted).features.x)
    assert log == [expected]


def test_value_never_sees_what_is_held_out(attempt, game, inputs, tmp_path):
    # Neither looked at nor spent: the sealed hold-out and the payment set are no part of a game.
    held = {*inputs.part("holdout-1", "payment").ids}
    for rows in (game.before.everything, game.after.everything, game.brought):
        assert not held & {*rows.ids.tolist()}
    log = []
    spy = Recipe("spy", lambda seed: _Spy(log))
    object.__setattr__(game, "recipes", (spy, spy))
    game.worth(0, Cache(tmp_path))(game.members(game.players))
    assert not log[0] & {*inputs.part("holdout-1", "payment").features.x}


def test_a_value_is_kept_by_content_whoever_brings_it(attempt, game, tmp_path, monkeypatch):
    first = _worth(game, tmp_path)
    kept = {*(tmp_path / "cache").iterdir()}
    assert len(kept) == 16

    def never(*given, **options):
        raise AssertionError("refitted")

    monkeypatch.setattr(Recipe, "fit", never)
    # The same rows by one contributor instead of two.
    again = Game.of_attempt(attempt)
    object.__setattr__(again, "owner", np.where(again.owner == 1, 0, again.owner))
    worth = again.worth(1, Cache(tmp_path / "cache"))
    assert worth(again.members({"east"})) == first[frozenset({"east", "west"})]
    assert {*(tmp_path / "cache").iterdir()} == kept
    with pytest.raises(AssertionError, match="refitted"):
        again.worth(2, Cache(tmp_path / "cache"))(again.members({"east"}))


def test_rows_are_in_the_order_of_their_content(game):
    assert game.brought.rows.tolist() == sorted(game.brought.rows.tolist())
    assert game.sizes == tuple((game.owner == at).sum() for at in (0, 1))
    assert game.owner[-2:].tolist() == [2, 3]
    assert game.whole == (2, 3)


def test_a_game_travels_by_name(game, tmp_path):
    with pytest.raises(pickle.PicklingError, match="kept"):
        pickle.dumps(game)
    packed = pickle.dumps(game.kept(Cache(tmp_path / "cache")))
    assert len(packed) < 300
    read_game.cache_clear()
    there = pickle.loads(packed)
    assert pickle.loads(packed) is there
    assert there.base == game.base
    assert there.keys.tobytes() == game.keys.tobytes()
    assert (there.owner == game.owner).all()
    assert _worth(there, tmp_path / "there") == _worth(game, tmp_path / "here")


def test_the_order_key_tells_where_the_pool_fell(attempt, inputs):
    game = Game.of_attempt(attempt)
    other = inputs.parts.copy()
    other[0] = "payment" if other[0] == "reference" else "reference"
    moved = attempt_on(
        type(inputs)(inputs.spec, inputs.recipe, inputs.pool, other, inputs.contributions),
        checks=attempt.checks,
        training=attempt.training,
        players=attempt.players,
        champion=attempt.champion,
    )
    assert Game.of_attempt(moved).key != game.key
