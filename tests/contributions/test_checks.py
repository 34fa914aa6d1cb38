import numpy as np
import pandas as pd
import pytest

from hokusai_mlflow.contributions import check_contributions, read_dataset
from hokusai_mlflow.contributions.near import (
    Space,
    near_pairs,
    near_radius,
    neighbour_distances,
)
from hokusai_mlflow.errors import InputError


def dataset(features, targets, name="given", start=0):
    table = pd.DataFrame(features).rename(columns=lambda column: f"x{column}")
    table["y"] = targets
    table["id"] = [f"{name}-{start + number}" for number in range(len(table))]
    return read_dataset(table, name=name, target="y", id="id", unique=False)


def continuous(rows, seed, name="given"):
    random = np.random.default_rng(seed)
    return dataset(random.normal(size=(rows, 6)), random.integers(0, 3, rows), name)


@pytest.fixture(scope="module")
def parts():
    pool = continuous(900, 0, "pool")
    cut = np.repeat(["reference", "payment", "holdout-1", "holdout-2"], [300, 200, 200, 200])
    return {name: pool.take(cut == name) for name in np.unique(cut)}


def check(contributions, parts, known=(), turns=None):
    return check_contributions(contributions, parts, known, turns)


def test_honest_rows_are_accepted(parts):
    (found,) = check([continuous(2_000, 1)], parts)
    assert found.accepted.mean() > 0.995
    assert found.given == 2_000
    assert found.near_radius > 0


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ("reference", "reference"),
        ("payment", "payment"),
        ("holdout-1", "holdout"),
        ("holdout-2", "holdout"),
    ],
)
def test_copies_of_every_part_are_named(parts, part, code):
    source = parts[part]
    relabelled = dataset(source.features.to_numpy(), (source.targets + 1) % 3, "relabelled")
    noise = np.random.default_rng(3).normal(0, 0.01, source.features.shape)
    noisy = dataset(source.features.to_numpy() + noise, source.targets, "noisy")
    exact, other, near = check([source, relabelled, noisy], parts)
    assert exact.counts == {f"copy.{code}": len(source)}
    assert other.counts == {f"copy.{code}": len(source)}
    assert near.counts.get(f"near_copy.{code}", 0) > 0.99 * len(source)
    assert near.accepted.sum() == 0
    assert exact.public_counts == {"copy": len(source)}


def test_columns_in_another_order_hide_nothing(parts):
    source = parts["holdout-1"].to_frame().iloc[::-1, ::-1].rename(columns={"_target": "y"})
    given = read_dataset(source.drop(columns="_id"), name="given", target="y")
    assert check([given], parts)[0].accepted.sum() == 0


def test_duplicates_go_to_the_first(parts):
    mine = continuous(100, 5, "mine")
    near = mine.features.to_numpy() + 1e-6
    twice = dataset(np.vstack([mine.features, mine.features[:10]]), np.r_[mine.targets, [0] * 10])
    first, second, third = check([twice, mine, dataset(near, mine.targets, "near")], parts)
    assert first.counts == {"duplicate.within": 10}
    assert first.accepted[:100].all()
    assert second.counts == {"duplicate.across": 100}
    assert third.counts == {"duplicate.across": 100}
    within = dataset(np.vstack([mine.features, near]), np.r_[mine.targets, mine.targets])
    assert check([within], parts)[0].counts == {"duplicate.within": 100}


@pytest.mark.parametrize("moved", [0.0, 1e-6])
def test_rows_take_their_turns(parts, moved):
    mine = continuous(100, 5, "mine")
    copy = dataset(mine.features.to_numpy() + moved, mine.targets, "copy")
    turns = [(0, np.arange(30)), (1, np.arange(100)), (0, np.arange(30, 100))]
    first, second = check([mine, copy], parts, turns=turns)
    assert first.accepted.tolist() == [True] * 30 + [False] * 70
    assert second.accepted.tolist() == [False] * 30 + [True] * 70
    assert first.counts == {"duplicate.across": 70}
    assert second.counts == {"duplicate.across": 30}
    again = dataset(np.vstack([mine.features, copy.features]), np.r_[mine.targets, mine.targets])
    (one,) = check([again], parts, turns=[(0, np.arange(50, 200)), (0, np.arange(50))])
    assert one.counts == {"duplicate.within": 100}
    assert one.accepted[50:150].all()


def test_known_rows(parts):
    mine = continuous(100, 6)
    found = check([mine], parts, [mine.take(np.arange(40))])[0]
    assert found.counts == {"already_known": 40}
    # The champion's own reference rows are copies, not known contributions.
    reference = parts["reference"]
    assert check([reference], parts, [reference])[0].counts == {"copy.reference": 300}


def test_rows_that_are_not_numbers(parts):
    text = [f"word {number}" for number in range(40)]
    table = {name: part.features.assign(w="same") for name, part in parts.items()}
    labelled = {
        name: read_dataset(features.assign(y=parts[name].targets), name=name, target="y")
        for name, features in table.items()
    }
    given = table["reference"].iloc[:40].copy()
    given["x0"] += 1e-6
    near = read_dataset(given.assign(y=0), name="near", target="y")
    other = read_dataset(given.assign(w=text, y=0), name="other", target="y")
    found = check([near, other], labelled)
    assert found[0].counts == {"near_copy.reference": 40}
    assert found[1].accepted.all()


def discrete(rows, seed, name="given", levels=4):
    """Rows of a population on a small grid, where honest rows coincide all the time."""
    random = np.random.default_rng(seed)
    features = random.integers(0, levels, (rows, 3))
    return dataset(features, random.poisson(1 + features.sum(axis=1)), name)


@pytest.mark.parametrize("rows", [50, 400, 3_000])
def test_natural_coincidences_do_not_wipe_out_honest_rows(rows):
    pool = discrete(3_000, 0, "pool")
    cut = np.arange(len(pool)) % 3
    parts = {n: pool.take(cut == i) for i, n in enumerate(["reference", "payment", "holdout-1"])}
    (found,) = check([discrete(rows, 1)], parts)
    assert found.accepted.mean() > 0.85


def test_copies_of_discrete_rows():
    pool = discrete(3_000, 0, "pool")
    cut = np.arange(len(pool)) % 3
    parts = {n: pool.take(cut == i) for i, n in enumerate(["reference", "payment", "holdout-1"])}
    # Whatever is unique as a whole is a copy; of a row that is not, no more than its natural part.
    whole = pd.Series(
        [f"{row} {target}" for row, target in zip(pool.rows, pool.targets, strict=True)]
    )
    times = whole.groupby(whole).transform("size").to_numpy()
    holdout = parts["holdout-1"]
    (found,) = check([holdout], parts)
    assert not found.accepted[times[cut == 2] == 1].any()
    common = holdout.take(np.flatnonzero(times[cut == 2] == times.max())[:1].repeat(500))
    (flood,) = check([common], parts)
    assert 0 < flood.accepted.sum() < 60
    assert set(flood.counts) == {"copy.holdout"}


def test_continuous_target_beside_discrete_features():
    random = np.random.default_rng(0)
    features = random.integers(0, 3, (600, 2))
    parts = {"reference": dataset(features, random.normal(size=600), "reference")}
    source = parts["reference"]
    spread = source.targets.std()
    moved = dataset(features, source.targets + 0.001 * spread, "moved")
    honest = dataset(random.integers(0, 3, (600, 2)), random.normal(size=600), "honest")
    first, second = check([moved, honest], parts)
    assert first.accepted.mean() < 0.45
    assert second.accepted.mean() > first.accepted.mean() + 0.2


def test_known_rows_are_counted_where_rows_repeat():
    pool = discrete(500, 0, "pool")
    mine = discrete(200, 1)
    (before,) = check([mine], {"reference": pool})
    kept = mine.take(before.accepted)
    (again,) = check([kept], {"reference": pool}, [kept])
    assert again.accepted.sum() == 0


def test_what_was_left_out_once_is_left_out_again(parts):
    """A near duplicate of a row that the champion knows by now is no new row."""
    mine = continuous(100, 6)
    near = mine.features.to_numpy()[:5] + 1e-6
    given = dataset(np.vstack([mine.features, near]), np.r_[mine.targets, mine.targets[:5]])
    (before,) = check([given], parts)
    assert before.counts == {"duplicate.within": 5}
    kept = given.take(before.accepted)
    (again,) = check([given], parts, [kept])
    assert again.counts == {"already_known": 100, "duplicate.across": 5}
    (other,) = check([dataset(near, mine.targets[:5], "other")], parts, [kept])
    assert other.counts == {"duplicate.across": 5}


def test_all_near_pairs_are_found():
    random = np.random.default_rng(4)
    left, right = (pd.DataFrame(random.normal(size=(n, 12))) for n in (700, 900))
    right.iloc[:50] = left.iloc[:50].to_numpy() + random.normal(0, 0.05, (50, 12))
    space = Space.of(pd.concat([left, right]))
    a, b = space.points(left), space.points(right)
    distance = np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=2))
    for radius in (0.1, 1.0, 2.5):
        assert (
            near_pairs(space, left, right, radius).tolist()
            == np.argwhere(distance <= radius).tolist()
        )
    assert not len(near_pairs(space, left, right, 0.0))


def test_threshold():
    random = np.random.default_rng(4)
    table = pd.DataFrame(random.normal(size=(2_000, 3)))
    space, rows = Space.of(table), np.arange(2_000).astype(str)
    distances = neighbour_distances(space.points(table), rows)
    radius = near_radius(distances)
    assert (distances < radius).mean() <= 0.005
    assert radius <= np.median(distances) / 4
    grid = pd.DataFrame(np.indices((9, 9)).reshape(2, -1).T).iloc[np.arange(810) % 81]
    step = neighbour_distances(Space.of(grid).points(grid), (np.arange(810) % 81).astype(str))
    assert near_radius(step) == pytest.approx(step.min() / 4)
    assert near_radius(neighbour_distances(np.zeros((5, 0)), rows[:5])) == 0.0


def test_missing_and_constant_features(parts):
    hollow = {}
    for name, part in parts.items():
        table = part.features.assign(c=1.0, empty=np.nan)
        table.iloc[::7, 0] = np.nan
        hollow[name] = read_dataset(table.assign(y=part.targets), name=name, target="y")
    copy = hollow["holdout-1"].features.assign(c=2.0, y=0)
    assert check([read_dataset(copy, name="copy", target="y")], hollow)[0].accepted.sum() == 0


def test_nothing_given_and_bad_columns(parts):
    empty = continuous(3, 1).take([])
    (found,) = check([empty], parts)
    assert (found.given, found.counts) == (0, {})
    given = continuous(5, 1)
    with pytest.raises(InputError, match="no pool rows"):
        check([given], {})
    table = given.to_frame().rename(columns={"x3": "x33", "_target": "y", "_id": "id"})
    with pytest.raises(InputError, match=r"columns \['x3'\] of the pool are missing.*'x33'"):
        check([read_dataset(table, name="given", target="y", id="id")], parts)


def test_result_is_plain(parts):
    (found,) = check([parts["payment"]], parts)
    assert found.to_dict()["accepted"] == 0
    assert repr(
        found
    ) == "ContributionCheck(given: 0 of 200 rows accepted; copy.payment 200)".replace(
        "given", found.name
    )
