"""Drift of a table: one planted column is found, and nothing else."""

import numpy as np
import pandas as pd
import pytest

from hokusai_mlflow.monitoring.drifting import measure_drift

LEVEL = 0.05 / 365


def table(rng, rows):
    words = ["late", "broken", "kind", "fast", "again", "never"]
    return pd.DataFrame(
        {
            "age": rng.normal(40, 10, rows),
            "income": np.where(rng.random(rows) < 0.1, np.nan, rng.lognormal(3, 1, rows)),
            "plan": rng.choice(["a", "b", None], rows, p=[0.6, 0.3, 0.1]),
            "note": [" ".join(rng.choice(words, rng.integers(3, 9))) for _ in range(rows)],
            "member": rng.random(rows) < 0.5,
        }
    )


@pytest.fixture(scope="module")
def reference():
    return table(np.random.default_rng(1), 1_500)


def found(reference, fresh, least=0.1):
    drift = measure_drift(reference, fresh, level=LEVEL, seed=3)
    assert len(drift) == 8  # three of the text, and all together
    return {one.name for one in drift if one.low >= least}


def test_nothing_is_found_where_nothing_moved(reference):
    assert found(reference, table(np.random.default_rng(2), 800)) == set()


@pytest.mark.parametrize(
    ("column", "change", "names"),
    [
        ("age", lambda c: c + 10, {"age", "all features"}),
        ("income", lambda c: c.where(np.arange(len(c)) % 2 == 0), {"income", "all features"}),
        ("plan", lambda c: c.map({"a": "b"}).fillna("c"), {"plan", "all features"}),
        ("member", lambda c: c | True, {"member", "all features"}),
        ("note", lambda c: "zzz " + c.str.upper(), {"note: unknown words", "note: letters"}),
    ],
)
def test_what_moved_is_found_and_nothing_else(reference, column, change, names):
    fresh = table(np.random.default_rng(2), 800)
    told = found(reference, fresh.assign(**{column: change(fresh[column])}))
    assert names <= told
    assert all(one in ("all features",) or one.startswith(column) for one in told)


def test_columns_that_move_together_only_are_found_by_the_classifier():
    """Each number alone is as before; what changed is that they agree."""
    rng = np.random.default_rng(4)
    before = pd.DataFrame(rng.normal(size=(1_500, 2)), columns=["x", "y"])
    x = rng.normal(size=1_000)
    drift = measure_drift(before, pd.DataFrame({"x": x, "y": x}), level=LEVEL, seed=3)
    assert {one.name for one in drift if one.low >= 0.1} == {"all features"}


def test_the_same_rows_give_the_same_numbers(reference):
    fresh = table(np.random.default_rng(2), 300)
    runs = [measure_drift(reference, fresh, level=LEVEL, seed=3) for _ in range(2)]
    assert runs[0] == runs[1]
