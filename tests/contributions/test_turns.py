"""Rows against each other: against a naive pass over all pairs, and what attackers tried."""

import numpy as np
import pandas as pd
import pytest

from hokusai_mlflow.contributions import check_contributions, read_dataset
from hokusai_mlflow.contributions.near import Space
from hokusai_mlflow.contributions.turns import KNOWN, NOBODY, Brought, Examples


def given(frame, name="given"):
    return read_dataset(frame, name=name, target="y", unique=False)


def accepted(frames, pool, **options):
    rows = [given(frame, f"person-{at}") for at, frame in enumerate(frames)]
    found = check_contributions(rows, {"holdout-1": given(pool, "pool")}, **options)
    return [int(one.accepted.sum()) for one in found]


def people(n, seed):
    """Whole numbers and categories, as tables of people have them."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.integers(20, 70, n),
            "hours": rng.integers(10, 60, n),
            "job": rng.choice(list("abcdefghij"), n),
            "town": rng.choice(["Bern", "Zürich", "Chur"], n),
            "y": rng.integers(0, 2, n),
        }
    )


def grid(n, seed):
    """Features that repeat by nature, and a number to predict."""
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 10, (2, n))
    return pd.DataFrame({"a": a, "b": b, "y": a + 2 * b + rng.normal(size=n)})


@pytest.mark.parametrize("but_equal", [False, True])
@pytest.mark.parametrize("radius", [0.02, 0.3])
def test_against_every_earlier_row(radius, but_equal):
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(rng.normal(size=(1_300, 3)), columns=list("abc"))
    frame["kind"] = rng.choice(["x", "y"], len(frame))
    frame = pd.concat([frame, frame.iloc[:200]]).assign(y=0).sample(frac=1, random_state=2)
    rows, space = given(frame), Space.of(frame.drop(columns="y"))
    by = rng.integers(0, 4, len(rows))
    kept, asked = rows.take(np.arange(300)), rows.take(np.arange(300, 1_500))
    brought = Brought(space, radius, but_equal=but_equal)
    brought.keep(kept, KNOWN)
    found = brought.first(asked, by[300:])

    points, labels = space.points(rows.features), space.labels(rows.features)
    alive, naive = list(range(300)), []
    for at in range(300, 1_500):
        near = np.linalg.norm(points[alive] - points[at], axis=1) <= radius
        near &= labels[alive] == labels[at]
        if but_equal:
            near &= rows.rows[alive] != rows.rows[at]
        first = alive[int(near.argmax())] if near.any() else None
        naive.append(NOBODY if first is None else KNOWN if first < 300 else by[first])
        if first is None:
            alive.append(at)
    assert ((found == NOBODY) == (np.array(naive) == NOBODY)).all()
    # Trees are asked the oldest first, so that the earliest row is found.
    assert (found == naive).mean() > 0.99


def test_targets_are_one_within_a_tolerance():
    examples = Examples(by_target=True, tolerance=0.1)
    assert [examples.first("r", y, by) for by, y in enumerate((1.0, 1.05, 1.2, 0.9, 5.0))] == [
        NOBODY,
        0,
        NOBODY,
        0,
        NOBODY,
    ]
    assert examples.take("r", 5.05)
    assert not examples.has("r", 5.0)
    assert not examples.has("s", 1.0)
    names = Examples(by_target=True, tolerance=0.0)
    names.put("r", "cat", KNOWN)
    names.put("r", "cat", KNOWN)
    assert [names.take("r", "cat") for _ in range(3)] == [True, True, False]
    assert Examples(by_target=False, tolerance=0.0).first("r", "cat", 1) == NOBODY


def test_a_small_step_hides_no_copy_among_categories():
    pool, honest = people(3_000, 1), people(500, 2)
    (alone,) = accepted([honest], pool)
    assert alone >= 480
    copied = honest.assign(age=honest["age"] + 1e-9)
    decomposed = copied.assign(town=copied["town"].str.replace("ü", "u\u0308"))
    assert accepted([honest, copied, decomposed], pool) == [alone, 0, 0]
    assert accepted([pool.assign(hours=pool["hours"] - 1e-9)], pool)[0] == 0


def test_a_small_step_of_the_target_hides_no_copy():
    pool, honest = grid(2_000, 1), grid(500, 2)
    alone, exact = accepted([honest, honest], pool)
    moved = honest.assign(y=honest["y"] + 1e-9)
    assert accepted([honest, moved], pool) == [alone, exact]
    again = pd.concat([honest.assign(y=honest["y"] + at * 1e-9) for at in range(10)])
    (many,) = accepted([again], pool)
    # What repeats by nature may come as often as so many honest rows would bring it.
    assert many < 0.2 * len(again)


@pytest.mark.parametrize("absurd", [[1e15], [1.7e308, -1.7e308]])
def test_an_absurd_target_hides_no_copy(absurd):
    pool = grid(2_000, 1)
    (plain,) = accepted([pool], pool)
    more = pd.DataFrame({"a": 3, "b": 4, "y": absurd})
    assert accepted([pd.concat([pool, more])], pool)[0] <= plain + len(absurd)


def test_what_repeats_by_nature_is_allowed_once_for_all_names():
    rng = np.random.default_rng(3)
    features = {name: rng.integers(0, 3, 1_000) for name in "ab"}
    pool = pd.DataFrame({**features, "y": rng.integers(0, 2, 1_000)})
    cell = pd.DataFrame({"a": [1] * 500, "b": 1, "y": 1})
    (one,) = accepted([cell], pool)
    many = accepted([cell.iloc[:5]] * 100, pool)
    assert sum(many) <= one


def test_rows_far_from_the_pool_are_rows_like_others():
    rng = np.random.default_rng(4)

    def numbers(n):
        return pd.DataFrame(rng.normal(size=(n, 3)), columns=list("abc")).assign(y=0)

    pool, mine = numbers(500), numbers(3_000)
    grams = mine.assign(**{name: mine[name].abs() * 1_000 + 5_000 for name in "abc"})
    assert accepted([grams], pool) == [3_000]
    crowd = mine.assign(**{name: 0.3 + mine[name] * 1e-9 for name in "abc"})
    assert accepted([crowd], pool)[0] <= 1
