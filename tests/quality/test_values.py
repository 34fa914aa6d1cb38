"""Schema, targets, missing values, outliers: against plain definitions, and planted defects."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quality_worlds import case, dataset, table
from scipy import stats

from hokusai_mlflow.quality import Case, Profile, QualityPolicy
from hokusai_mlflow.quality.tail import Tail
from hokusai_mlflow.quality.values import MissingValues, Outliers, Schema, Targets

VALUE_CHECKS = (Schema(), Targets(), MissingValues(), Outliers())


@pytest.fixture(scope="module")
def reference():
    return dataset(table(400, 0))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: f.drop(columns="a"), "missing: a"),
        (lambda f: f.rename(columns={"town": "twn"}), "missing: town; did you mean 'twn'"),
        (lambda f: f.assign(more=1), "not wanted: more"),
        (lambda f: f.assign(a=f["a"].astype(str)), "'a' holds text, wanted numbers"),
        (lambda f: f.assign(town=3), "'town' holds numbers, wanted text"),
        (lambda f: f.assign(y=1), "targets are numbers, wanted text"),
    ],
)
def test_other_columns_are_all_named(reference, change, told):
    found = Schema().examine(case(change(table(50, 1)), reference)).finding
    assert (found.outcome, found.code) == ("failed", "schema")
    assert told in found.message
    assert found.remedy


def test_columns_in_another_order_and_empty_columns_are_fine(reference):
    frame = table(50, 1).iloc[:, ::-1].assign(town=None)
    assert Schema().examine(case(frame, reference)).finding.outcome == "passed"


def test_unknown_classes_are_found_row_by_row(reference):
    frame = table(100, 1)
    frame.loc[[3, 50], "y"] = ["maybe", "Yes"]
    found = Targets().examine(case(frame, reference))
    assert found.finding.outcome == "failed"
    assert np.flatnonzero(found.rows).tolist() == [3, 50]
    assert "first in rows 4, 51" in found.finding.remedy


@pytest.mark.parametrize("spelling", [np.int64, np.float64])
def test_whole_numbers_are_the_same_classes_however_they_are_written(spelling):
    frame = table(100, 0).assign(y=np.arange(100) % 3)
    other = frame.assign(y=frame["y"].astype(spelling))
    assert Targets().examine(case(other, frame)).finding.outcome == "passed"
    other["y"] = other["y"].where(other.index != 7, 9).astype(spelling)
    assert np.flatnonzero(Targets().examine(case(other, frame)).rows).tolist() == [7]


def test_a_label_that_is_an_address_is_not_shown(reference):
    frame = table(100, 1)
    frame.loc[3, "y"] = "jane.doe@example.com"
    found = Targets().examine(case(frame, reference)).finding
    assert "jane.doe" not in str(found.to_dict())


def test_absurd_targets_of_a_regression():
    frame = table(300, 0).assign(y=np.random.default_rng(0).normal(10, 2, 300))
    other = frame.assign(y=frame["y"].where(frame.index != 7, -9999.0))
    assert Targets().examine(case(frame, frame, task="regression")).finding.outcome == "passed"
    found = Targets().examine(case(other, frame, task="regression"))
    assert np.flatnonzero(found.rows).tolist() == [7]


def test_missing_values_are_judged_as_fishers_exact_test_does(reference):
    policy = QualityPolicy(missing_rise=0.01)
    columns, n = 7, len(reference)
    known = int(reference.features["d"].isna().sum())
    for m, absent in product((20, 60, 300), range(1, 60, 3)):
        if absent > m:
            continue
        frame = table(m, 1)
        frame["d"] = np.where(np.arange(m) < absent, np.nan, 1.0)
        found = MissingValues().examine(case(frame, reference, policy=policy))
        counts = [[absent, m - absent], [known, n - known]]
        p = stats.fisher_exact(counts, alternative="greater").pvalue
        rises = absent / m - known / n >= 0.01
        assert (found.finding.outcome == "failed") == (rises and p <= policy.level / columns)


def test_rows_of_the_worse_column_are_named(reference):
    frame = table(200, 1)
    frame.loc[20:119, "a"] = np.nan
    found = MissingValues().examine(case(frame, reference))
    assert np.flatnonzero(found.rows).tolist() == list(range(20, 120))
    assert "'a' in 50 %, wanted 0 %" in found.finding.message


@given(st.integers(1, 40), st.integers(30, 60), st.integers(0, 8))
@settings(max_examples=60, deadline=None)
def test_far_values_count_as_the_law_of_ranks_says(m, n, x):
    """The x farthest of all are contributed ones in C(m+n−x, n) of C(m+n, n) orders."""
    x = min(x, m)
    tail = Tail(centre=0.0, farthest=1.0, shape=0.0, rows=n)
    values = np.r_[np.full(x, 2.0), np.zeros(m - x)]
    exact = math.comb(m + n - x, n) / math.comb(m + n, n)
    assert tail.beyond(values, exact * 1.0001).sum() == x
    assert tail.beyond(values, exact * 0.9999).sum() == 0


def test_the_shape_of_a_tail_is_that_of_its_distribution():
    random = np.random.default_rng(0)
    for wanted, draws in ((0.5, random.pareto(2, 40_000)), (0.0, random.exponential(size=40_000))):
        raised = Tail.of(draws).shape - 2 * (1 + wanted) / math.sqrt(4_000)
        assert raised == pytest.approx(wanted, abs=0.06)


def test_a_column_that_never_varies_or_is_short_has_no_tail():
    assert Tail.of(np.ones(100)) is None
    assert Tail.of(np.r_[np.arange(20.0), np.full(80, np.nan)]) is None


@pytest.mark.parametrize(
    ("middle", "spread"), [(1.7249e9, 1e6), (2024.25, 1.25), (47.349, 0.01), (-1e6, 3.0), (0, 1)]
)
def test_where_a_columns_middle_lies_changes_nothing(middle, spread):
    """Seconds since 1970, years, latitudes: the middle is far from zero, the spread is small."""
    random = np.random.default_rng(2)
    for draw in (random.uniform, random.normal):
        known, honest = (middle + spread * draw(-1, 1, 1_000) for _ in range(2))
        tail = Tail.of(known)
        assert not tail.beyond(honest, 0.001).any()
        assert np.abs(known - tail.centre).max() <= tail.farthest <= 1.02 * np.ptp(known)
        planted = tail.centre + 30 * tail.farthest
        assert tail.beyond(np.r_[honest, planted], 0.001).tolist() == [False] * 1_000 + [True]


@given(st.floats(-1e9, 1e9), st.floats(1e-3, 1e6))
@settings(max_examples=60, deadline=None)
def test_a_tail_repeats_no_value_exactly(middle, spread):
    """Centre and reach are multiples of a hundredth to a thousandth of the reach."""
    known = middle + spread * np.random.default_rng(3).uniform(-1, 1, 200)
    tail = Tail.of(known)
    step = 10.0 ** (math.floor(math.log10(np.abs(known - np.median(known)).max())) - 2)
    for told in (tail.centre, tail.farthest):
        assert told / step == pytest.approx(round(told / step), rel=1e-9, abs=1e-6)
    assert np.abs(known - tail.centre).max() <= tail.farthest


@pytest.mark.parametrize("column", ["a", "b", "e"])
def test_planted_outliers_are_found(reference, column):
    random = np.random.default_rng(5)
    frame, at = table(400, 1), random.permutation(400)[:20]
    spread = float(frame[column].std())
    frame.loc[at, column] += 15 * spread
    found = Outliers().examine(case(frame, reference))
    assert found.finding.outcome == "failed"
    recall = found.rows[at].mean()
    assert recall >= 0.95
    assert found.rows.sum() <= 21


def test_one_missing_value_written_as_a_number_is_found(reference):
    frame = table(300, 1)
    frame.loc[7, "a"] = -999.0
    assert np.flatnonzero(Outliers().examine(case(frame, reference)).rows).tolist() == [7]


def test_honest_contributions_pass():
    """At most 1 in 100 honest contributions fails any of the four checks."""
    reference = dataset(table(300, 0))
    profile = Profile.of(reference, task="classification")
    failed = 0
    for seed in range(1, 301):
        made = Case(dataset(table(200, seed)), profile, QualityPolicy())
        failed += any(one.examine(made).finding.outcome == "failed" for one in VALUE_CHECKS)
    # 8 or more of 300 would come from a rate of 1 % with probability 0.012.
    assert failed < 8


SHAPES = {
    "normal": lambda r, n: r.normal(size=n),
    "lognormal": lambda r, n: r.lognormal(size=n),
    "exponential": lambda r, n: r.exponential(size=n),
    "t, 3 degrees": lambda r, n: r.standard_t(3, size=n),
    "t, 2 degrees": lambda r, n: r.standard_t(2, size=n),
    "rare events": lambda r, n: (r.uniform(size=n) < 0.01).astype(float),
    "mostly zero": lambda r, n: np.where(r.uniform(size=n) < 0.9, 0, r.lognormal(0, 1.5, n)),
    "two sources": lambda r, n: r.normal(size=n) * np.where(r.uniform(size=n) < 0.99, 1, 20),
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sizes", [(94, 360), (300, 300), (1_000, 10_000)])
def test_thirty_honest_columns_pass(shape, sizes):
    random, (n, m) = np.random.default_rng(1), sizes
    columns, level = 6_000, 0.001 / 30
    failed = 0
    for _ in range(columns):
        tail = Tail.of(SHAPES[shape](random, n))
        failed += tail is not None and tail.beyond(SHAPES[shape](random, m), level).any()
    # 1 % of contributions with 30 columns: 2 of 6 000 columns; 7 or more have probability 0.005.
    assert failed < 7


@given(st.permutations(range(40)), st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_neither_order_nor_repetition_changes_which_rows_are_found(order, times):
    reference = dataset(table(200, 0))
    frame = table(40, 3)
    frame.loc[[4, 9], "a"] = 1e6
    frame.loc[5, "y"] = "perhaps"
    shuffled = pd.concat([frame.iloc[list(order)]] * times, ignore_index=True)
    for check in (Targets(), Outliers()):
        before = check.examine(case(frame, reference)).rows
        after = check.examine(case(shuffled, reference)).rows
        assert np.array_equal(after, np.tile(before[list(order)], times))
