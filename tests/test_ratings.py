"""Tables of ratings and preferences become paired arrays, or an error that names the rows."""

import numpy as np
import pandas as pd
import pytest

from hokusai_mlflow.errors import InputError, MissingInput, UnknownName
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.ratings import Preferences, Ratings
from hokusai_mlflow.stats.comparison import compare_outputs


def table(items=6, raters=4, seed=0):
    rng = np.random.default_rng(seed)
    rows = [
        (f"q{item}", f"r{rater}", system, int(np.clip(rng.normal(mean, 1), 1, 5)))
        for item in range(items)
        for rater in range(raters)
        for system, mean in (("old", 3), ("new", 4))
    ]
    return pd.DataFrame(rows, columns=["item", "rater", "system", "rating"])


def judged():
    return pd.DataFrame(
        {
            "item": ["q1", "q1", "q2", "q2"],
            "rater": ["ann", "bob", "ann", "bob"],
            "preferred": ["new", "tie", "new", "old"],
        }
    )


def test_pairs_are_the_same_raters_on_the_same_items():
    given = table().sample(frac=1, random_state=1)
    paired = Ratings.of(given).pair(baseline="old", candidate="new")
    assert len(paired.baseline) == 24
    by_key = given.set_index(["system", "item", "rater"]).rating
    for at, key in enumerate(zip(paired.items, paired.raters, strict=True)):
        assert paired.baseline[at] == by_key["old", *key]
        assert paired.candidate[at] == by_key["new", *key]
    assert repr(paired) == "<PairedRatings 24 pairs, 6 items, 4 raters>"


def test_they_compare_in_clusters_of_items_and_raters():
    paired = Ratings.of(table(items=30, raters=12)).pair(baseline="old", candidate="new")
    rating = metric("human_score", low=1, high=5)
    found = compare_outputs(rating, None, paired.baseline, paired.candidate, groups=paired.groups)
    assert found.improvement == pytest.approx(
        (paired.candidate.mean() - paired.baseline.mean()) / 4, rel=1e-12
    )
    assert found.groups == 12
    assert found.p_value < 0.05


def test_preferences_compare():
    paired = Preferences.of(judged()).pair(baseline="old", candidate="new")
    assert paired.candidate.tolist() == [1, 0.5, 1, 0]
    assert paired.baseline.tolist() == [0, 0.5, 0, 1]
    found = compare_outputs(metric("preference"), None, paired.baseline, paired.candidate)
    # Two wins, one loss, one tie.
    assert found.improvement == pytest.approx(1 / 4)


def test_agreement_of_tables():
    alpha = Ratings.of(table()).agreement(measurement="interval")
    assert (alpha.units, alpha.raters, alpha.pairable) == (12, 4, 48)
    nominal = Preferences.of(judged()).agreement()
    assert (nominal.measurement, nominal.units, nominal.raters) == ("nominal", 2, 2)


def test_files(tmp_path):
    given = table().assign(rater=lambda frame: frame.rater.str.replace("r", "00"))
    given.to_csv(tmp_path / "ratings.csv", index=False)
    given.to_parquet(tmp_path / "ratings.parquet")
    pairs = [
        Ratings.read(tmp_path / name).pair(baseline="old", candidate="new")
        for name in ("ratings.csv", "ratings.parquet")
    ]
    np.testing.assert_array_equal(pairs[0].baseline, pairs[1].baseline)
    # 000 is a name, and not the number 0.
    assert set(pairs[0].raters) == {"000", "001", "002", "003"} == set(pairs[1].raters)
    judged().rename(columns={"rater": "who"}).to_csv(tmp_path / "judged.csv", index=False)
    paired = Preferences.read(tmp_path / "judged.csv", rater="who").pair(
        baseline="old", candidate="new"
    )
    assert paired.candidate.tolist() == [1, 0.5, 1, 0]


def test_a_file_as_spreadsheets_of_half_the_world_write_it(tmp_path):
    path = tmp_path / "ratings.csv"
    rows = "q1;ann;old;4,5\nq1;ann;new;5\n;;;\nq1;ben;old;3\nq1;ben;new;3,5\n"
    path.write_text("\ufeffitem;rater;system;rating\n" + rows)
    table = Ratings.read(path)
    assert table.ratings.tolist() == [4.5, 5.0, 3.0, 3.5]
    assert table.raters.tolist() == ["ann", "ann", "ben", "ben"]


@pytest.mark.parametrize("other", ["Ann", " ann", "ＡＮＮ"])
def test_a_person_has_one_name(other):
    with pytest.raises(InputError, match="one name in two spellings"):
        Ratings(
            np.array(["q1", "q1"]),
            np.array(["ann", other]),
            np.array(["old", "old"]),
            np.array([1.0, 2.0]),
        )


def test_na_is_a_name_in_a_file(tmp_path):
    given = table(items=2, raters=2).replace({"item": {"q0": "NA"}})
    given.to_csv(tmp_path / "ratings.csv", index=False)
    assert "NA" in Ratings.read(tmp_path / "ratings.csv").items


def test_unpaired_ratings_are_an_error_or_counted():
    ratings = Ratings.of(table().drop(index=[0, 3]))
    with pytest.raises(InputError, match="found 2 ratings of one of them only, such as item 'q0'"):
        ratings.pair(baseline="old", candidate="new")
    paired = ratings.pair(baseline="old", candidate="new", unpaired="drop")
    assert (len(paired.baseline), paired.unpaired) == (22, 2)
    assert "2 unpaired" in repr(paired)
    with pytest.raises(InputError, match="'error' or 'drop'"):
        ratings.pair(baseline="old", candidate="new", unpaired="ignore")


def test_nothing_in_common():
    given = table()
    apart = given[(given.system == "old") ^ (given.item < "q3")]
    with pytest.raises(InputError, match="no rater rated 'old' and 'new'"):
        Ratings.of(apart).pair(baseline="old", candidate="new", unpaired="drop")


def test_repeats():
    given = table()
    twice = pd.concat([given, given.iloc[[5]]])
    with pytest.raises(InputError, match="item 'q0', rater 'r2', system 'new'"):
        Ratings.of(twice)
    with pytest.raises(InputError, match="item 'q1', rater 'ann'"):
        Preferences.of(pd.concat([judged(), judged().iloc[[0]]]))


def test_one_rater():
    given = table()
    with pytest.raises(InputError, match="two or more raters, found 'r0' only"):
        Ratings.of(given[given.rater == "r0"]).pair(baseline="old", candidate="new")
    alone = judged()[lambda frame: frame.rater == "ann"]
    with pytest.raises(InputError, match="two or more raters"):
        Preferences.of(alone).pair(baseline="old", candidate="new")


def test_names_that_are_not_there():
    ratings = Ratings.of(table())
    with pytest.raises(UnknownName, match="system 'newer'; did you mean 'new'"):
        ratings.pair(baseline="old", candidate="newer")
    with pytest.raises(InputError, match="different names"):
        ratings.pair(baseline="old", candidate="old")
    with pytest.raises(UnknownName, match="no column 'raters'; did you mean 'rater'"):
        Ratings.of(table(), rater="raters")
    with pytest.raises(InputError, match="named twice"):
        Ratings.of(table(), rater="item")
    with pytest.raises(InputError, match="found 'tie'"):
        Preferences.of(judged()).pair(baseline="old", candidate="new", tie="draw")


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("rating", None, "ratings"),
        ("rating", float("nan"), "ratings: expected finite"),
        ("rating", float("inf"), "ratings: expected finite"),
        ("rating", "four", "ratings: expected numbers"),
        ("rater", None, "raters: expected ids"),
        ("rater", 7, "raters: expected ids"),
        ("item", float("nan"), "items: expected ids"),
    ],
)
def test_cells_that_do_not_fit(column, value, why):
    given = table().astype(object)
    given.loc[3, column] = value
    with pytest.raises(InputError, match=why):
        Ratings.of(given)


@pytest.mark.parametrize(
    ("text", "error", "why"),
    [
        ("item,rater,system,rating\nq1,ann,old,4\nq1,ann,new,\n", InputError, "finite"),
        ("item,rater,system,rating\nq1,ann,old,4\nq1,,new,3\n", InputError, "raters"),
        ("item,rater,system,rating\nq1,ann,old,4\nq1,ann,new,good\n", InputError, "numbers"),
        ("item,rater,system,rating\n", InputError, "at least one row"),
        ("item,rater,system,rating\nq1,ann,old,4,9\n", InputError, "not a valid .csv"),
        ("", InputError, "not a valid .csv"),
        ("item,rater,rating\nq1,ann,4\n", UnknownName, "no column 'system'"),
    ],
)
def test_files_that_do_not_fit(tmp_path, text, error, why):
    path = tmp_path / "ratings.csv"
    path.write_text(text)
    with pytest.raises(error, match=why):
        Ratings.read(path)
    with pytest.raises(MissingInput, match="does not exist"):
        Ratings.read(tmp_path / "none.csv")
    path = path.rename(tmp_path / "ratings.txt")
    with pytest.raises(InputError, match=r"\.csv or \.parquet"):
        Ratings.read(path)


def test_columns_of_other_lengths():
    with pytest.raises(InputError, match="one length"):
        Ratings([1, 2], [1, 2], [1, 2], [4.0])
