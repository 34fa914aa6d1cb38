import shutil
from itertools import count
from pathlib import Path

import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from hokusai_mlflow.errors import ChampionMissing
from hokusai_mlflow.tracking import models, registry, runs

_names = (f"model-{number}" for number in count())


@pytest.fixture
def name():
    return next(_names)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    from sklearn.dummy import DummyClassifier

    folder = tmp_path_factory.mktemp("saved") / "model"
    fitted = DummyClassifier().fit(pd.DataFrame({"x": [0, 1]}), [0, 1])
    return folder, models.save(fitted, folder, serialization="cloudpickle")


def _register(client, settings, name, attempt, saved):
    run_id = runs.attempt_run(client, settings, model=name, attempt=attempt, metric="accuracy")
    return registry.register(client, name, attempt, run_id, folder=saved[0], digest=saved[1])


def test_a_model_without_versions_has_no_champion(client, name):
    assert registry.champion(client, name) is None
    client.create_registered_model(name)
    assert registry.champion(client, name) is None


def test_an_attempt_registers_once(client, settings, name, saved):
    first = _register(client, settings, name, "a" * 16, saved)
    assert (first.version, first.digest, first.attempt) == (1, saved[1], "a" * 16)
    assert _register(client, settings, name, "a" * 16, saved) == first
    assert registry.registered_by(client, name, "a" * 16) == first
    assert registry.registered_by(client, name, "b" * 16) is None
    assert len(client.search_model_versions(f"name = '{name}'")) == 1
    assert _register(client, settings, name, "b" * 16, saved).version == 2


def test_what_is_remembered_gives_the_version_back(client, settings, name, saved):
    known = _register(client, settings, name, "a" * 16, saved)
    assert registry.Registered(**known.remembered()) == known
    assert known.to_dict() == {"version": 1, "digest": saved[1]}


def test_promoting_moves_the_alias_and_again_changes_nothing(client, settings, name, saved):
    first = _register(client, settings, name, "a" * 16, saved)
    second = _register(client, settings, name, "b" * 16, saved)
    registry.promote(client, first, beaten=None)
    assert registry.champion(client, name) == first
    for _ in range(2):
        registry.promote(client, second, beaten=first)
        assert registry.champion(client, name) == second
    registry.challenge(client, first)
    assert registry.champion(client, name) == second
    assert int(client.get_model_version_by_alias(name, "challenger").version) == 1


def test_an_alias_that_somebody_moved_meanwhile_stays(client, settings, name, saved):
    first, second, third = (
        _register(client, settings, name, letter * 16, saved) for letter in "abc"
    )
    registry.promote(client, first, beaten=None)
    client.set_registered_model_alias(name, "champion", "2")
    with pytest.raises(ChampionMissing, match="beat another champion"):
        registry.promote(client, third, beaten=first)
    assert registry.champion(client, name) == second


def test_a_champion_that_somebody_else_registered_is_not_trusted(client, settings, name, saved):
    run_id = runs.attempt_run(client, settings, model=name, attempt="c" * 16, metric="accuracy")
    client.create_registered_model(name)
    client.create_model_version(name, source=str(saved[0]), run_id=run_id)
    client.set_registered_model_alias(name, "champion", "1")
    with pytest.raises(ChampionMissing, match="not registered by hokusai"):
        registry.champion(client, name)


def test_a_deleted_version_is_missing_and_its_alias_gone(client, settings, name, saved):
    known = _register(client, settings, name, "a" * 16, saved)
    registry.promote(client, known, beaten=None)
    client.delete_model_version(name, "1")
    assert registry.champion(client, name) is None
    with pytest.raises(ChampionMissing, match=f"version 1 of {name} is not in the registry"):
        registry.version(client, name, 1)


def test_a_store_that_fails_is_not_a_model_without_champion(name):
    class Failing:
        def get_model_version_by_alias(self, model, alias):
            raise MlflowException("the database is locked")

    with pytest.raises(MlflowException, match="locked"):
        registry.champion(Failing(), name)


def test_files_are_loaded_only_when_they_are_those_registered(client, settings, name, saved):
    known = _register(client, settings, name, "a" * 16, saved)
    stored = registry.version(client, name, known.version)
    assert models.load(client, stored, expected_digest=saved[1]).predict([[0]]).tolist() == [0]
    with pytest.raises(ChampionMissing, match="registered was 0000"):
        models.load(client, stored, expected_digest="0" * 64)
    logged = client.get_model_version_download_uri(name, "1").removeprefix("file://")
    pickled = next(Path(logged).rglob("model.pkl"))
    pickled.write_bytes(pickled.read_bytes()[:-1] + b"!")
    with pytest.raises(ChampionMissing, match="restore the registered files"):
        models.load(client, stored, expected_digest=saved[1])
    shutil.rmtree(logged)
    with pytest.raises(ChampionMissing, match="restore"):
        models.load(client, stored, expected_digest=saved[1])


def test_an_attempt_has_one_run(client, settings, name):
    given = {"model": name, "metric": "accuracy"}
    one = runs.attempt_run(client, settings, attempt="a" * 16, **given)
    assert runs.attempt_run(client, settings, attempt="a" * 16, **given) == one
    assert runs.attempt_run(client, settings, attempt="b" * 16, **given) != one


def test_a_run_that_failed_says_why_and_may_go_on(client, settings, name):
    given = {"model": name, "metric": "accuracy", "attempt": "a" * 16}
    run_id = runs.attempt_run(client, settings, **given)
    runs.fail(client, run_id, "RecipeError: " + "x" * 20_000)
    failed = client.get_run(run_id)
    assert failed.info.status == "FAILED"
    assert failed.data.tags["hokusai.error"].startswith("RecipeError: xxx")
    assert runs.attempt_run(client, settings, **given) == run_id
    assert client.get_run(run_id).info.status == "RUNNING"


def test_numbers_that_are_not_finite_are_left_out(client, settings, name):
    given = {"model": name, "metric": "accuracy", "attempt": "a" * 16}
    run_id = runs.attempt_run(client, settings, **given)
    figures = {"a": 1.5, "b": float("nan"), "c": float("inf")}
    for _ in range(2):
        runs.log(client, run_id, metrics=figures, params={"p": "x"}, tags={"t": "y"})
    data = client.get_run(run_id).data
    assert data.metrics == {"a": 1.5}
    assert data.params == {"p": "x"}
    assert len(client.get_metric_history(run_id, "a")) == 1


def test_an_artifact_that_is_gone_is_told(client, settings, name, tmp_path):
    given = {"model": name, "metric": "accuracy", "attempt": "a" * 16}
    run_id = runs.attempt_run(client, settings, **given)
    with pytest.raises(ChampionMissing, match="no readable artifact 'inputs'"):
        runs.download(run_id, "inputs", tmp_path)
