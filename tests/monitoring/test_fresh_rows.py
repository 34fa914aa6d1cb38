"""Fresh files: what counts, what does not, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from worlds import board, read, write_files

from hokusai_mlflow.errors import InputError, MissingInput, UnknownName
from hokusai_mlflow.inputs import REFERENCE, TrainingRows
from hokusai_mlflow.monitoring.fresh import find_files, leave_out_known, pooled, read_batch


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return read(write_files(tmp_path_factory.mktemp("project")))


@pytest.fixture
def fresh():
    return board(60, "fresh", 9)


@pytest.fixture
def read_frame(inputs, tmp_path):
    def batch(frame, name="fresh.csv"):
        path = tmp_path / name
        frame.to_parquet(path) if name.endswith(".parquet") else frame.to_csv(path, index=False)
        return read_batch(path, inputs)

    return batch


def training(inputs):
    return TrainingRows(inputs.part(REFERENCE), {"east": inputs.contributions[0]})


@pytest.mark.parametrize("name", ["fresh.csv", "fresh.parquet"])
def test_a_batch_as_it_should_be(fresh, read_frame, name):
    batch = read_frame(fresh.assign(comment="not looked at"), name)
    assert len(batch.rows) == batch.given == 60
    assert batch.rows.targets.dtype.kind == "i"
    assert list(batch.rows.features.columns) == ["x", "y"]
    assert sum(batch.dropped.values()) == 0


def test_rows_without_a_label_count_for_the_inputs_only(fresh, read_frame):
    batch = read_frame(fresh.assign(colour=fresh["colour"].where(fresh.index >= 20)))
    assert (len(batch.rows), len(batch.unlabelled), len(batch.features)) == (40, 20, 60)
    # One missing label makes pandas read fractions.
    assert batch.rows.targets.dtype.kind == "i"
    none = read_frame(fresh.assign(colour=np.nan))
    assert (len(none.rows), len(none.features)) == (0, 60)


def test_missing_features_stay_and_infinite_ones_are_refused(fresh, read_frame):
    batch = read_frame(fresh.assign(x=fresh["x"].where(fresh.index > 4)))
    assert batch.rows.features["x"].isna().sum() == 5
    with pytest.raises(InputError, match="'x' is infinite in 1 row"):
        read_frame(fresh.assign(x=fresh["x"].where(fresh.index > 0, np.inf)))
    with pytest.raises(InputError, match="'x' is infinite"):
        read_frame(fresh.assign(colour=np.nan, x=np.inf))


def test_repeated_and_contradictory_rows(fresh, read_frame):
    other = fresh.iloc[:3].assign(colour=1 - fresh["colour"])
    batch = read_frame(pd.concat([fresh, fresh.iloc[10:20], other]))
    assert batch.dropped == {"known": 0, "seen": 0, "repeated": 10, "contradictory": 6}
    assert len(batch.rows) == len(set(batch.rows.ids)) == 57


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        (lambda f: f.drop(columns="y"), UnknownName, "no column 'y'"),
        (lambda f: f.drop(columns="colour"), UnknownName, "no column 'colour'"),
        (lambda f: f.drop(columns="square"), UnknownName, "no column 'square'"),
        (lambda f: f.iloc[:0], InputError, "no rows"),
        (lambda f: f.assign(y="high"), InputError, "expected numbers"),
        (lambda f: f.assign(y="1,5", colour=np.nan), InputError, "expected numbers"),
        (lambda f: f.assign(colour="red"), InputError, "targets are text"),
        (lambda f: f.assign(square=f["square"].where(f.index > 0)), InputError, "missing in row 1"),
    ],
)
def test_files_that_are_refused(fresh, read_frame, change, error, told):
    with pytest.raises(error, match=told):
        read_frame(change(fresh))


def test_what_the_model_was_made_and_judged_with_is_left_out(inputs, fresh, read_frame):
    frame = inputs.pool.features.assign(square=inputs.pool.ids, colour=inputs.pool.targets)
    renamed = frame.iloc[:30].assign(square=[f"new-{i}" for i in range(30)])
    changed = frame.iloc[30:50].assign(x=frame["x"] + 0.37)  # same ids, other rows
    east = inputs.contributions[0]
    brought = east.features.assign(square=[f"e-{i}" for i in range(len(east))], colour=east.targets)
    batch = read_frame(pd.concat([fresh, frame.iloc[50:100], renamed, changed, brought]))
    (left,) = leave_out_known([batch], inputs, training(inputs), ())
    assert left.dropped["known"] >= 50 + 30 + 20 + len(east)
    assert set(left.rows.ids) <= set(fresh["square"])
    assert len(left.rows) >= 55


def test_rows_that_repeat_by_nature_are_no_copies(tmp_path):
    """Three questions with three answers: any fresh row was there before, with any target."""
    rng = np.random.default_rng(4)

    def asked(n, name):
        answers = {f"q{k}": rng.choice(3, n, p=[0.6, 0.3, 0.1]) for k in range(3)}
        ids = [f"{name}-{at}" for at in range(n)]
        return pd.DataFrame({"square": ids, **answers, "colour": rng.integers(0, 2, n)})

    path = write_files(tmp_path, contributors=[])
    asked(300, "pool").to_csv(tmp_path / "pool.csv", index=False)
    inputs = read(path)
    asked(200, "fresh").to_csv(tmp_path / "fresh.csv", index=False)
    batch = read_batch(tmp_path / "fresh.csv", inputs)
    (left,) = leave_out_known([batch], inputs, TrainingRows(inputs.part(REFERENCE), {}), ())
    assert left.dropped == {"known": 0, "seen": 0, "repeated": 0, "contradictory": 0}
    pool = inputs.pool.features.assign(square=inputs.pool.ids, colour=inputs.pool.targets)
    pd.concat([asked(20, "more"), pool]).to_csv(tmp_path / "pool-again.csv", index=False)
    batch = read_batch(tmp_path / "pool-again.csv", inputs)
    (left,) = leave_out_known([batch], inputs, TrainingRows(inputs.part(REFERENCE), {}), ())
    assert left.dropped["known"] == 300


def test_an_example_counts_for_the_first_batch_that_has_it(inputs, fresh, read_frame):
    first, second = read_frame(fresh, "a.csv"), read_frame(fresh.iloc[20:], "b.csv")
    left = leave_out_known([first, second], inputs, training(inputs), {fresh["square"][0]})
    assert left[0].dropped["seen"] == 1
    assert len(left[1].rows) == 0
    assert len(left[0].rows) >= 55


def test_small_batches_wait_for_the_next(fresh, read_frame):
    parts = [read_frame(fresh.iloc[at : at + 20], f"{at}.csv") for at in (0, 20, 40)]
    whole, waiting = pooled(parts, 30)
    assert [len(one.rows) for one in whole] == [40]
    assert [name for name, _ in whole[0].files] == ["0.csv", "20.csv"]
    assert waiting is not None
    assert len(waiting.rows) == 20


def test_where_files_are_looked_for(tmp_path, fresh):
    for name in ("b.csv", "a.parquet", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in find_files(tmp_path)] == ["a.parquet", "b.csv"]
    with pytest.raises(MissingInput, match="no fresh data at"):
        find_files(tmp_path / "nowhere")
