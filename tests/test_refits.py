from dataclasses import replace

import numpy as np
import pytest
from worlds import OTHER, changed_attempt, read, write_files

from hokusai_mlflow.cache import Cache
from hokusai_mlflow.folds import Splitter
from hokusai_mlflow.inputs import TrainingRows
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.recipe import Recipe, recipe_from_source
from hokusai_mlflow.refits import (
    candidate_arm,
    champion_arm,
    mean_sizes,
    score_folds,
    score_on_holdout,
    score_repeat,
    validation_seeds,
)

THREE = Splitter("stratified", 3)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return read(write_files(tmp_path_factory.mktemp("refits") / "project"))


@pytest.fixture
def attempt(inputs):
    return changed_attempt(inputs)


def _folds(reference, k=3, seed=1):
    return Splitter("stratified", k).cut(reference, seed=seed)


class _Spy:
    """A model that remembers which rows it was fitted on and asked about."""

    def __init__(self, log):
        self._log = log

    def fit(self, features, targets):
        self._log.append({"fitted": set(features.x.tolist()), "n": len(features)})
        assert len(features) == len(targets)
        return self

    def predict(self, features):
        self._log[-1]["asked"] = set(features.x.tolist())
        return np.zeros(len(features), dtype=int)


def test_no_row_is_scored_by_a_model_that_was_fitted_on_it(attempt):
    log = []
    spy = Recipe("spy", lambda seed: _Spy(log))
    reference = attempt.training.reference
    folds = _folds(reference)
    score_folds(metric("accuracy"), (spy, attempt.training), reference, folds, seed=1)
    contributed = {x for d in attempt.training.contributed.values() for x in d.features.x}
    assert len(log) == 3
    assert sum(len(entry["asked"]) for entry in log) == len(reference)
    for entry in log:
        assert not entry["fitted"] & entry["asked"]
        assert contributed <= entry["fitted"]
        assert not contributed & entry["asked"]
        assert entry["n"] == len(reference) - len(entry["asked"]) + len(contributed)


def test_an_arm_with_older_reference_rows_leaves_out_the_same_examples(attempt):
    log = []
    spy = Recipe("spy", lambda seed: _Spy(log))
    reference = attempt.training.reference
    older = champion_arm(attempt)[1]
    assert len(older.reference) < len(reference)
    folds = _folds(reference)
    score_folds(metric("accuracy"), (spy, older), reference, folds, seed=1)
    newer = set(reference.features.x) - set(older.reference.features.x)
    for entry in log:
        assert not entry["fitted"] & (entry["asked"] | newer)


def test_scores_are_the_metric_in_units_of_improvement(inputs):
    reference = inputs.part("reference")
    folds = _folds(reference)
    arm = (recipe_from_source(OTHER), TrainingRows(reference, {}))
    scores = score_folds(metric("accuracy"), arm, reference, folds, seed=1)
    majority = np.bincount(reference.targets).argmax()
    shares = [(reference.targets[test] == majority).mean() for _, test in folds]
    np.testing.assert_allclose(scores[:3], shares)
    assert scores[3] == pytest.approx((reference.targets == majority).mean())


def test_a_repeat_is_computed_once_and_by_content(attempt, tmp_path, monkeypatch):
    cache = Cache(tmp_path)
    first = score_repeat(attempt, champion_arm(attempt), 0, THREE, cache)
    another = score_repeat(attempt, champion_arm(attempt), 1, THREE, cache)
    assert len(list(tmp_path.iterdir())) == 2
    assert len(first) == len(another) == 4

    def never(*given, **options):
        raise AssertionError("refitted")

    monkeypatch.setattr("hokusai_mlflow.refits.score_folds", never)
    assert score_repeat(attempt, champion_arm(attempt), 0, THREE, cache).tolist() == first.tolist()
    for changed in (
        (candidate_arm(attempt), 0, THREE),
        (champion_arm(attempt), 2, THREE),
        (champion_arm(attempt), 0, Splitter("stratified", 4)),
    ):
        with pytest.raises(AssertionError, match="refitted"):
            score_repeat(attempt, *changed, cache)
    reseeded = attempt.inputs.spec.model_copy(update={"seed": 99})
    other = replace(attempt, inputs=replace(attempt.inputs, spec=reseeded))
    with pytest.raises(AssertionError, match="refitted"):
        score_repeat(other, champion_arm(attempt), 0, THREE, cache)


def test_useful_rows_are_worth_something(inputs):
    reference = inputs.part("reference")
    folds = _folds(reference)
    alone = TrainingRows(reference, {})
    helped = alone.with_rows("east", inputs.contributions[0])
    before, after = (
        score_folds(metric("accuracy"), (inputs.recipe, rows), reference, folds, seed=1)[-1]
        for rows in (alone, helped)
    )
    assert after > before


def test_validation_seeds_follow_from_the_pipelines_and_differ():
    seeds = validation_seeds(7, 5)
    assert validation_seeds(7, 3) == seeds[:3]
    assert len({*seeds, *validation_seeds(8, 5), 7, 8}) == 12
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_a_validation_run_is_the_utility_on_the_holdout_and_is_kept(attempt, tmp_path):
    cache = Cache(tmp_path)
    arm = candidate_arm(attempt)
    found = score_on_holdout(attempt, arm, 5, cache)
    rows, everything = attempt.inputs.part("holdout-1"), arm[1].everything
    model = arm[0].fit(everything.features, everything.targets, seed=5, on="all")
    assert found.tolist() == [np.mean(model.predict(rows.features) == rows.targets)]
    assert score_on_holdout(attempt, arm, 5, cache).tolist() == found.tolist()
    score_on_holdout(attempt, arm, 6, cache)
    score_on_holdout(attempt, champion_arm(attempt), 5, cache)
    assert len(list(tmp_path.iterdir())) == 3


def test_rows_without_a_place_in_structured_folds_are_not_trained_on(attempt):
    log = []
    spy = Recipe("spy", lambda seed: _Spy(log))
    reference = attempt.training.reference
    fewer = reference.take(np.arange(len(reference)) >= 10)
    folds = _folds(fewer)
    gone = set(reference.features.x[:10])
    for keep in (True, False):
        log.clear()
        score_folds(
            metric("accuracy"), (spy, attempt.training), fewer, folds, seed=1, keep_unknown=keep
        )
        assert all((gone <= entry["fitted"]) == keep for entry in log)
        assert all(bool(gone & entry["fitted"]) == keep for entry in log)


def test_sizes_are_those_of_the_reference_rows(attempt):
    rows = len(attempt.training.reference)
    assert mean_sizes(attempt) == (pytest.approx(rows / 3), pytest.approx(rows * 2 / 3))
