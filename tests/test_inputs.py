import json

import numpy as np
import pandas as pd
import pytest
from worlds import RECIPE, SPEC, board, read, write_files

from hokusai_mlflow.contributions.dataset import Dataset, read_dataset
from hokusai_mlflow.errors import InputError, MissingInput
from hokusai_mlflow.inputs import Inputs, TrainingRows, read_snapshot, write_snapshot
from hokusai_mlflow.inputs.inputs import _written


@pytest.fixture
def spec_path(tmp_path):
    return write_files(tmp_path / "project")


def _round_trip(inputs, tmp_path):
    folder = tmp_path / "snapshot"
    folder.mkdir()
    write_snapshot(inputs, folder)
    return read_snapshot(folder), folder


def _change(spec_path, name, frame):
    frame.to_csv(spec_path.parent / f"{name}.csv", index=False)
    return read(spec_path)


def test_every_example_is_in_one_part(spec_path):
    inputs = read(spec_path)
    sizes = [len(inputs.part(name)) for name in sorted(set(inputs.parts.tolist()))]
    assert len(sizes) == 4
    assert sum(sizes) == len(inputs.pool) == 300
    both = inputs.part("reference", "holdout-1")
    assert len(both) == len(inputs.part("reference")) + len(inputs.part("holdout-1"))


def test_a_snapshot_gives_the_same_inputs(spec_path, tmp_path):
    inputs = read(spec_path)
    kept, _ = _round_trip(inputs, tmp_path)
    assert kept.digest == inputs.digest
    assert kept.recipe == inputs.recipe
    assert kept.spec.to_dict() == inputs.spec.to_dict()
    assert kept.parts.tolist() == inputs.parts.tolist()
    assert kept.pool.ids.tolist() == inputs.pool.ids.tolist()
    pd.testing.assert_frame_equal(kept.pool.features, inputs.pool.features)


def test_a_snapshot_has_no_secret_in_it(tmp_path):
    secret = "a-very-secret-split-key"
    data = SPEC["data"] | {"split": SPEC["data"]["split"] | {"key": secret}}
    inputs = read(write_files(tmp_path / "project", data=data))
    _, folder = _round_trip(inputs, tmp_path)
    assert secret not in repr(inputs)
    files = list(folder.iterdir())
    assert len(files) == 5
    assert all(secret.encode() not in file.read_bytes() for file in files)


def _odd(rows, name, seed):
    """Text, missing values, whole numbers, booleans, accents, and numbers beyond 2**53."""
    frame = board(rows, name, seed)
    text = pd.Series(["Zürich", "a,b", 'q"q', "", "nan"] * (rows // 5 + 1))[:rows]
    return frame.assign(
        city=text.where(frame.index % 7 != 0),
        gap=frame.x.where(frame.index % 3 != 0),
        empty=np.nan,
        count=frame.index,
        big=2**60 + frame.index,
        tiny=frame.x * 1e-300,
        sure=frame.index % 2 == 0,
    )


def test_text_and_missing_values_survive_a_snapshot(spec_path, tmp_path):
    for name, rows, seed in (("pool", 300, 1), ("east", 80, 2), ("west", 40, 3)):
        inputs_frame = _odd(rows, name, seed)
        inputs_frame.to_csv(spec_path.parent / f"{name}.csv", index=False)
    inputs = read(spec_path)
    kept, _ = _round_trip(inputs, tmp_path)
    assert kept.digest == inputs.digest
    assert kept.pool.rows.tolist() == inputs.pool.rows.tolist()
    assert kept.pool.features["city"].isna().sum() == inputs.pool.features["city"].isna().sum() > 0


@pytest.mark.parametrize("targets", [["red", "black"], [0.0, 1.0], [True, False]])
def test_targets_of_every_kind_survive_a_snapshot(spec_path, tmp_path, targets):
    for name in ("pool", "east", "west"):
        path = spec_path.parent / f"{name}.csv"
        frame = pd.read_csv(path)
        frame.assign(colour=np.array(targets)[frame.colour]).to_csv(path, index=False)
    inputs = read(spec_path)
    kept, _ = _round_trip(inputs, tmp_path)
    assert kept.digest == inputs.digest
    assert kept.pool.targets.dtype == inputs.pool.targets.dtype


def test_a_contribution_may_repeat_rows(spec_path, tmp_path):
    east = board(80, "east", 2)
    inputs = _change(spec_path, "east", pd.concat([east, east.iloc[:5]]))
    assert len(inputs.contributions[0]) == 85
    kept, _ = _round_trip(inputs, tmp_path)
    assert kept.digest == inputs.digest


def test_a_contribution_may_have_no_id_column(spec_path, tmp_path):
    east = board(80, "east", 2).drop(columns="square")
    inputs = _change(spec_path, "east", pd.concat([east, east.iloc[:5]]))
    assert inputs.contributions[0].features.columns.tolist() == ["x", "y"]
    kept, _ = _round_trip(inputs, tmp_path)
    assert kept.digest == inputs.digest


def test_no_rows_at_all_survive_a_frame():
    for frame in (board(10, "east", 2), board(10, "east", 2).assign(colour="red")):
        some = read_dataset(frame, name="east", target="colour", id="square")
        none = some.take(np.zeros(10, dtype=bool))
        assert Dataset.from_frame(none.to_frame(), name="east").digest == none.digest
        assert len(Dataset.from_frame(none.to_frame(), name="east")) == 0


@pytest.mark.parametrize("column", ["_id", "_target", "_part"])
def test_a_feature_cannot_have_a_name_that_snapshots_use(spec_path, column):
    with pytest.raises(InputError, match=f"'{column}' cannot be a feature"):
        _change(spec_path, "pool", board(300, "pool", 1).assign(**{column: 1.0}))


def test_an_id_column_may_have_any_name(spec_path):
    for name in ("pool", "east", "west"):
        path = spec_path.parent / f"{name}.csv"
        pd.read_csv(path).rename(columns={"square": "_id"}).to_csv(path, index=False)
    data = SPEC["data"] | {"id": "_id"}
    write = spec_path.read_text().replace("id: square", "id: _id")
    spec_path.write_text(write)
    assert read(spec_path).spec.data.id == data["id"]


CHANGES = {
    "a target": lambda f: f.assign(colour=f.colour.where(f.index != 3, 1 - f.colour)),
    "a feature": lambda f: f.assign(x=f.x.where(f.index != 3, 0.5)),
    "an id": lambda f: f.assign(square=f.square.where(f.index != 3, "other")),
    "a row more": lambda f: pd.concat([f, f.iloc[:1].assign(square="more")]),
    "a row less": lambda f: f.iloc[1:],
}


@pytest.mark.parametrize("name", ["pool", "east"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_anything_changed_makes_other_inputs(spec_path, name, change):
    before = read(spec_path)
    after = _change(spec_path, name, change(pd.read_csv(spec_path.parent / f"{name}.csv")))
    assert after.digest != before.digest


def test_recipe_spec_and_cut_are_part_of_the_identity(spec_path, tmp_path):
    before = read(spec_path).digest
    (spec_path.parent / "recipe.py").write_text(RECIPE + "# other\n")
    recipe = read(spec_path).digest
    spec_path.write_text(spec_path.read_text().replace("key: tests", "key: others"))
    cut = read(spec_path).digest
    spec_path.write_text(spec_path.read_text().replace("seed: 7", "seed: 8"))
    assert len({before, recipe, cut, read(spec_path).digest}) == 4


def test_order_of_rows_and_where_rewards_go_are_not(spec_path):
    before = read(spec_path).digest
    shuffled = pd.read_csv(spec_path.parent / "pool.csv").sample(frac=1, random_state=0)
    assert _change(spec_path, "pool", shuffled).digest == before
    spec_path.write_text(spec_path.read_text() + "chain: {confirmations: 3}\n")
    assert read(spec_path).digest == before


def test_a_missing_file_is_named(spec_path):
    (spec_path.parent / "west.csv").unlink()
    with pytest.raises(MissingInput, match=r"west: .*west\.csv does not exist"):
        read(spec_path)


def test_a_part_without_examples_is_refused(spec_path):
    with pytest.raises(InputError, match=r"no pool examples fall into .*bring more examples"):
        _change(spec_path, "pool", board(3, "pool", 1))


def test_a_class_that_a_fold_would_miss_is_refused(spec_path):
    frame = board(300, "pool", 1)
    reference = read(spec_path).part("reference").ids.tolist()
    rare = frame.square.isin(reference[:2])
    with pytest.raises(InputError, match="class 2 has 2 reference examples, fewer than the 3"):
        _change(spec_path, "pool", frame.assign(colour=frame.colour.where(~rare, 2)))
    with pytest.raises(InputError, match=r"one class only \(0\)"):
        _change(spec_path, "pool", frame.assign(colour=0))


def test_a_metric_that_does_not_exist_on_a_part_is_refused(spec_path):
    frame = board(300, "pool", 1)
    spec_path.write_text(spec_path.read_text().replace("metric: accuracy", "metric: roc_auc"))
    assert isinstance(read(spec_path), Inputs)
    payment = frame.square.isin(read(spec_path).part("payment").ids)
    with pytest.raises(InputError, match=r"part payment of the pool \(\d+ examples\) cannot be"):
        _change(spec_path, "pool", frame.assign(colour=frame.colour.where(~payment, 1)))


def test_targets_must_be_of_the_tasks_kind(spec_path):
    with pytest.raises(InputError, match=r"found the fraction 0\.5; use task: regression"):
        _change(spec_path, "pool", board(300, "pool", 1).assign(colour=0.5))
    text = spec_path.read_text().replace("task: classification", "task: regression")
    spec_path.write_text(text.replace("accuracy", "rmse") + "metric_options: {cap: 4}\n")
    words = board(80, "east", 2).assign(colour="red")
    with pytest.raises(InputError, match=r"east: task: regression needs numbers .* 'red'"):
        _change(spec_path, "east", words)


def test_training_rows_survive_being_written(spec_path, tmp_path):
    inputs = read(spec_path)
    east, west = inputs.contributions
    rows = TrainingRows(inputs.part("reference"), {}).with_rows("east", east)
    rows = rows.with_rows("west", west.take(np.zeros(40, dtype=bool)))
    assert list(rows.contributed) == ["east"]
    folder = tmp_path / "training"
    folder.mkdir()
    rows.write(folder)
    kept = TrainingRows.read(folder)
    assert kept.digest == rows.digest
    assert [rows.digest for rows in kept.parts] == [east.digest]
    assert len(kept.everything) == len(rows.reference) + 80


def test_rows_of_several_rounds_add_up_in_any_order_of_contributors(spec_path):
    inputs = read(spec_path)
    east, west = inputs.contributions
    none = TrainingRows(inputs.part("reference"), {})
    early, late = east.take(np.arange(40)), east.take(np.arange(40, 80))
    one = none.with_rows("east", early).with_rows("west", west).with_rows("east", late)
    other = none.with_rows("west", west).with_rows("east", east)
    assert one.digest == other.digest
    assert one.everything.ids.tolist() == other.everything.ids.tolist()
    assert one.digest != none.with_rows("east", east).digest


def test_the_spec_in_a_snapshot_is_plain_json(spec_path, tmp_path):
    _, folder = _round_trip(read(spec_path), tmp_path)
    assert json.loads((folder / "spec.json").read_text())["model"] == "board"


def _told_apart(spec_path, columns, **data):
    pool = pd.read_csv(spec_path.parent / "pool.csv").assign(**columns)
    plan = {"folds": 3} if "time" in data else SPEC["cross_validation"]
    write_files(spec_path.parent, data=SPEC["data"] | data, cross_validation=plan)
    return _change(spec_path, "pool", pool)


HANDS = np.array([f"hand-{i % 90}" for i in range(300)])
SITES = np.array(["north", "south", "west"])[np.arange(300) % 3]


def test_a_group_is_in_one_part_and_no_column_beside_is_a_feature(spec_path, tmp_path):
    columns = {"hand": HANDS, "site": SITES, "day": np.arange(300)[::-1]}
    inputs = _told_apart(
        spec_path, columns, group="hand", blocks="site", slices=["site"], time="day"
    )
    assert list(inputs.pool.features.columns) == ["x", "y"]
    for hand in np.unique(HANDS):
        assert len(set(inputs.parts[hand == HANDS])) == 1
    assert inputs.groups(inputs.part("payment")) is not None
    kept, _ = _round_trip(inputs, tmp_path)
    assert kept.digest == inputs.digest
    assert kept.parts.tolist() == inputs.parts.tolist()
    for column in ("hand", "site", "day"):
        assert kept.pool.told_by(column).tolist() == inputs.pool.told_by(column).tolist()
    reference = inputs.part("reference")
    for now, then in zip(
        inputs.splitter.cut(reference, seed=1),
        kept.splitter.cut(kept.part("reference"), seed=1),
        strict=True,
    ):
        assert [side.tolist() for side in now] == [side.tolist() for side in then]


def test_who_belongs_together_is_part_of_the_inputs_identity(spec_path):
    one = _told_apart(spec_path, {"site": SITES}, blocks="site")
    other = _told_apart(spec_path, {"site": SITES[::-1]}, blocks="site")
    assert one.pool.digest == other.pool.digest
    assert one.digest != other.digest


def test_a_slice_may_be_a_feature_when_it_is_named_as_one(spec_path):
    inputs = _told_apart(spec_path, {"x": np.arange(300) % 5}, features=["x", "y"], slices=["x"])
    assert list(inputs.pool.features.columns) == ["x", "y"]
    assert set(inputs.pool.told_by("x")) == set("01234")


@pytest.mark.parametrize(
    ("columns", "data", "said"),
    [
        ({}, {"blocks": "site"}, "there is no column 'site'"),
        ({}, {"slices": ["square"]}, "300 value.s., expected 2 to 200"),
        ({"site": "north"}, {"blocks": "site"}, "1 value.s., expected 2 to 200"),
        ({"site": np.where(np.arange(300) == 4, None, SITES)}, {"blocks": "site"}, "row 5"),
        ({"hand": SITES}, {"group": "hand"}, "no pool examples fall into"),
        ({"day": np.where(np.arange(300) == 4, None, "2026-01-01")}, {"time": "day"}, "row 5"),
        ({"day": "yesterday"}, {"time": "day"}, "expected numbers or ISO 8601 dates"),
        ({"day": np.inf}, {"time": "day"}, "infinite"),
        ({"day": 3}, {"time": "day"}, "0 rows to train on"),
    ],
)
def test_columns_that_tell_nothing_apart_are_refused(spec_path, columns, data, said):
    with pytest.raises(InputError, match=said):
        _told_apart(spec_path, columns, **data)


def test_a_guardrail_on_a_slice_that_does_not_exist_is_refused(spec_path):
    pool = pd.read_csv(spec_path.parent / "pool.csv").assign(site=SITES)
    rail = {"slice": {"site": "nroth"}, "margin_bps": 100}
    write_files(
        spec_path.parent, data=SPEC["data"] | {"slices": ["site"]}, gate={"guardrails": [rail]}
    )
    with pytest.raises(InputError, match=r"site=nroth.*expected one of north, south, west"):
        _change(spec_path, "pool", pool)


def test_how_values_are_found_is_written_only_where_it_was_chosen(spec_path):
    # So that no attempt of a spec that says nothing of it begins anew.
    inputs = read(spec_path)

    def digest_with(**plan):
        spec = inputs.spec.model_copy(
            update={"valuation": inputs.spec.valuation.model_copy(update=plan)}
        )
        return Inputs(spec, inputs.recipe, inputs.pool, inputs.parts, inputs.contributions).digest

    assert set(_written(inputs.spec)["valuation"]) == {"repeats", "folds"}
    assert digest_with(runner="dask", workers=7) == inputs.digest
    changed = {"method": "shapley", "blocks": 9, "precision": 0.1, "max_refits": 999}
    digests = {digest_with(**{name: value}) for name, value in changed.items()}
    assert len(digests | {inputs.digest}) == 5
