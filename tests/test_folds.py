import sys
import types

import numpy as np
import pandas as pd
import pytest
from sklearn import model_selection

from hokusai_mlflow.contributions.dataset import Dataset, read_dataset
from hokusai_mlflow.errors import InputError, SpecError
from hokusai_mlflow.folds import SPLITTERS, Splitter, require_splitter

N, K = 240, 4


def _rows(seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "id": [f"row-{i:03d}" for i in range(N)],
            "x": rng.normal(size=N),
            "y": np.repeat([0, 1, 2], [40, 80, 120]),
            "patient": rng.integers(0, 60, N),
            "day": rng.integers(0, 90, N),
        }
    )
    return read_dataset(frame, name="rows", target="y", id="id", metadata=["patient"], time="day")


ROWS = _rows()


def _splitter(name, folds=K):
    return Splitter(
        name,
        folds,
        "patient" if "grouped" in name else None,
        "day" if name == "time" else None,
    )


@pytest.mark.parametrize("name", SPLITTERS)
def test_no_row_is_on_both_sides_or_tested_twice(name):
    folds = _splitter(name).cut(ROWS, seed=3)
    assert len(folds) == K
    tested = np.concatenate([test for _, test in folds])
    assert len(np.unique(tested)) == len(tested)
    assert (len(tested) == N) == (name != "time")
    for train, test in folds:
        assert not set(train) & set(test)
        assert name == "time" or len(train) + len(test) == N


@pytest.mark.parametrize("name", SPLITTERS)
def test_the_order_of_the_file_does_not_move_folds(name):
    shuffled = ROWS.take(np.random.default_rng(1).permutation(N))

    def named(rows):
        folds = _splitter(name).cut(rows, seed=2)
        return [tuple(frozenset(rows.ids[side]) for side in fold) for fold in folds]

    assert named(ROWS) == named(shuffled)


@pytest.mark.parametrize("name", [name for name in SPLITTERS if name != "time"])
def test_every_repeat_cuts_anew_and_every_seed_the_same(name):
    cuts = [_splitter(name).cut(ROWS, seed=seed) for seed in (1, 1, 2)]
    tests = [[test.tolist() for _, test in folds] for folds in cuts]
    assert tests[0] == tests[1] != tests[2]


@pytest.mark.parametrize(
    ("name", "peer"),
    [
        ("stratified", model_selection.StratifiedKFold(K, shuffle=True, random_state=5)),
        ("shuffled", model_selection.KFold(K, shuffle=True, random_state=5)),
        (
            "stratified_grouped",
            model_selection.StratifiedGroupKFold(K, shuffle=True, random_state=5),
        ),
    ],
)
def test_folds_are_those_of_scikit_learn(name, peer):
    # The rows are in the order of their ids already.
    groups = ROWS.told_by("patient") if "grouped" in name else None
    expected = peer.split(ROWS.features, ROWS.targets, groups)
    for (train, test), (peer_train, peer_test) in zip(
        _splitter(name).cut(ROWS, seed=5), expected, strict=True
    ):
        assert train.tolist() == peer_train.tolist()
        assert test.tolist() == peer_test.tolist()


@pytest.mark.parametrize("name", ["grouped", "stratified_grouped"])
def test_no_group_is_on_both_sides(name):
    groups = ROWS.told_by("patient")
    for train, test in _splitter(name).cut(ROWS, seed=5):
        assert not set(groups[train]) & set(groups[test])


def test_in_time_everything_trained_on_is_earlier_than_everything_tested():
    days = ROWS.metadata["day"].to_numpy()
    folds = _splitter("time").cut(ROWS, seed=0)
    ends = [days[test].max() for _, test in folds]
    assert ends == sorted(ends)
    for train, test in folds:
        assert days[train].max() < days[test].min()


def test_in_time_a_tested_group_is_not_trained_on():
    groups = ROWS.told_by("patient")
    for train, test in Splitter("time", K, "patient", "day").cut(ROWS, seed=0):
        assert not set(groups[train]) & set(groups[test])


def test_dates_order_as_they_fall_not_as_they_are_spelt():
    frame = pd.DataFrame(
        {"id": ["a", "b", "c"], "x": [1, 2, 3], "y": [0, 1, 0]}
        | {"at": ["2026-03-01", "2025-12-31T23:00:00Z", "2026-03-01T00:00:00+02:00"]}
    )
    rows = read_dataset(frame, name="rows", target="y", id="id", time="at")
    assert np.argsort(rows.metadata["at"]).tolist() == [1, 2, 0]
    assert list(rows.features.columns) == ["x"]


class _Cut:
    """What a project may bring: scikit-learn's interface, whatever it does."""

    def __init__(self, n_splits, random_state):
        self._k, self._seed = n_splits, random_state

    def split(self, features, targets, groups):
        yield from model_selection.KFold(self._k, shuffle=True, random_state=self._seed).split(
            features
        )


def _own(monkeypatch, cut):
    module = types.ModuleType("own_splitters")
    module.Cut = cut
    monkeypatch.setitem(sys.modules, "own_splitters", module)
    return Splitter("own_splitters:Cut", K)


def test_a_splitter_of_ones_own_by_import_path(monkeypatch):
    folds = _own(monkeypatch, _Cut).cut(ROWS, seed=5)
    peer = _splitter("shuffled").cut(ROWS, seed=5)
    assert [test.tolist() for _, test in folds] == [test.tolist() for _, test in peer]


def _says(*folds):
    def make(n_splits, random_state):
        return types.SimpleNamespace(split=lambda features, targets, groups: iter(folds))

    return make


ALL = np.arange(N)
PARTS = [ALL[k::K] for k in range(K)]
REST = [np.setdiff1d(ALL, part) for part in PARTS]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_says(*[(ALL, part) for part in PARTS]), "tests a row that it trains on"),
        (_says(*[(REST[0], PARTS[0])] * K), "rows in more than one fold"),
        (_says(*zip(REST[:3], PARTS[:3], strict=True)), "made 3 folds, expected 4"),
        (_says(*zip(REST, [*PARTS[:3], np.array([], dtype=int)], strict=True)), "0 to test on"),
        (_says(*zip([*REST[:3], np.array([], dtype=int)], PARTS, strict=True)), "0 rows to train"),
        (_says(*zip(REST, [*PARTS[:3], np.array([0.5])], strict=True)), "could not cut"),
        (_says(*zip(REST, [*PARTS[:3], np.array([N])], strict=True)), "could not cut"),
        (_says(*zip(REST, [*PARTS[:3], PARTS[3][[0, 0]]], strict=True)), "one row twice"),
        (lambda n_splits: None, "could not cut"),
        (lambda n_splits, random_state: object(), "could not cut"),
    ],
)
def test_folds_that_would_deceive_are_refused(monkeypatch, make, said):
    with pytest.raises(InputError, match=said):
        _own(monkeypatch, make).cut(ROWS, seed=0)


def test_a_splitter_of_ones_own_may_not_divide_groups(monkeypatch):
    _own(monkeypatch, _Cut)
    with pytest.raises(InputError, match="the same patient on both sides"):
        Splitter("own_splitters:Cut", K, "patient").cut(ROWS, seed=0)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("stratifed", "did you mean 'stratified'"),
        ("no_such_package:Cut", "cannot be imported"),
        ("sklearn.model_selection:NoSuchFold", "cannot be imported"),
        ("math:pi", "expected a class"),
    ],
)
def test_a_splitter_that_is_none_is_refused(name, said):
    with pytest.raises(SpecError, match=said):
        require_splitter(name)


def test_too_few_groups_are_told():
    few = ROWS.take(np.isin(ROWS.told_by("patient"), ["1", "2", "3"]))
    with pytest.raises(InputError, match="3 values of patient"):
        _splitter("grouped").cut(few, seed=0)


def test_metadata_survives_a_snapshot_and_changes_the_digest_of_its_own():
    back = Dataset.from_frame(ROWS.to_frame(), name="rows")
    assert back.digest == ROWS.digest
    assert back.metadata_digest == ROWS.metadata_digest != ""
    assert back.told_by("patient").tolist() == ROWS.told_by("patient").tolist()
    assert list(back.features.columns) == ["x"]
    other = _rows(seed=1)
    assert other.metadata_digest != ROWS.metadata_digest
