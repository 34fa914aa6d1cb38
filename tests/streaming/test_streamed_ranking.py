"""ROC-AUC in two passes: exact while scores are few, bounded and said so beyond."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from hokusai_mlflow.errors import InputError, MetricUndefined
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.stats.comparison import compare_outputs
from hokusai_mlflow.stats.partial_ranking import (
    BinnedComparison,
    BoundedDeLong,
    Placing,
    RankingCounts,
)
from hokusai_mlflow.stats.partial_scores import ScoreCounts, order_keys
from hokusai_mlflow.stats.quantiles import normal_tail

AUC = metric("roc_auc")


def in_parts(columns, cuts, one=AUC, max_bins=2**20, order=None, **options):
    bounds = sorted({0, *cuts, len(columns[0])})
    parts = [[column[start:end] for column in columns] for start, end in pairwise(bounds)]
    counted = [RankingCounts.of(*part, max_bins=max_bins) for part in parts]
    order = range(len(parts)) if order is None else order
    total = None
    for at in order:
        total = counted[at] if total is None else total + counted[at]
    placing = Placing(one, total)
    sums = None
    for part in parts:
        more = placing.of(*part)
        sums = more if sums is None else sums + more
    return placing.finish(sums, **options)


def scored(seed, n, decimals=None, lift=1.2):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    truth[:4] = [0, 1, 0, 1]
    common = rng.normal(0, 0.7, n)
    said = [truth + common + rng.normal(0, 0.7, n), lift * truth + common + rng.normal(0, 0.7, n)]
    if decimals is not None:
        said = [np.round(column, decimals) for column in said]
    return [truth, *said]


def assert_equal(found, expected, rel=1e-9):
    found, expected = found.to_dict(), expected.to_dict()
    for name, value in expected.items():
        if isinstance(value, float):
            assert found[name] == pytest.approx(value, rel=rel, abs=1e-9), name
        else:
            assert found[name] == value, name


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    n=st.integers(12, 300),
    decimals=st.sampled_from([None, 0, 1]),
    cuts=st.lists(st.integers(1, 299), max_size=5),
    minimum=st.sampled_from([-100.0, 0.0, 10.0]),
)
def test_exact_over_any_partition(seed, n, decimals, cuts, minimum):
    columns = scored(seed, n, decimals)
    found = in_parts(columns, [min(cut, n) for cut in cuts], min_effect_bps=minimum)
    assert type(found).__name__ == "Comparison"
    assert_equal(found, compare_outputs(AUC, *columns, min_effect_bps=minimum))


def test_classes_may_come_one_after_the_other():
    truth, said_b, said_c = scored(1, 400)
    order = np.argsort(truth, kind="stable")
    columns = [np.array(["no", "yes"])[truth[order]], said_b[order], said_c[order]]
    one = metric("roc_auc", positive="yes")
    assert_equal(in_parts(columns, [50, 100, 300], one), compare_outputs(one, *columns))


def test_equal_models_and_equal_scores():
    truth, said, _ = scored(2, 200)
    assert_equal(in_parts([truth, said, said], [99]), compare_outputs(AUC, truth, said, said))
    constant = np.zeros(200)
    assert_equal(
        in_parts([truth, constant, said], [99]), compare_outputs(AUC, truth, constant, said)
    )


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    n=st.integers(100, 1_000),
    max_bins=st.integers(60, 300),
    level=st.sampled_from([0.01, 0.05]),
    minimum=st.sampled_from([-300.0, 0.0, 10.0, 500.0]),
)
def test_bins_bound_their_error(seed, n, max_bins, level, minimum):
    columns = scored(seed, n)
    options = {"level": level, "min_effect_bps": minimum}
    try:
        found = in_parts(columns, [n // 3, n // 2], max_bins=max_bins, **options)
    except InputError:
        # Too coarse to say anything; see the next test.
        reject()
    exact = compare_outputs(AUC, *columns, **options)
    if not isinstance(found, BinnedComparison):
        # No bin has both classes, so the areas are exact all the same.
        assert_equal(found, exact)
        return
    slack = 1e-9
    assert abs(found.improvement_bps - exact.improvement_bps) <= found.bin_error_bps + slack
    # Everything that is decided by is at least as cautious as without bins.
    assert found.ci_low_bps <= exact.ci_low_bps + slack
    assert found.ci_high_bps >= exact.ci_high_bps - slack
    assert found.lower_bound_bps <= exact.lower_bound_bps + slack
    assert found.detectable_bps >= exact.detectable_bps - slack
    assert found.p_value >= exact.p_value - slack
    assert found.bins <= max_bins
    assert "±" in repr(found)
    assert found.to_dict()["bin_error_bps"] == found.bin_error_bps


def test_bins_that_say_too_little_are_refused():
    with pytest.raises(InputError, match="raise max_bins"):
        in_parts(scored(0, 40), [20], max_bins=6)


def test_the_bound_is_small_when_there_are_many_bins():
    columns = scored(3, 60_000)
    found = in_parts(columns, [20_000], max_bins=2**13)
    exact = compare_outputs(AUC, *columns)
    assert 0 < found.bin_error_bps < 4
    assert found.ci_low_bps == pytest.approx(exact.ci_low_bps, abs=2 * found.bin_error_bps)


@settings(max_examples=40)
@given(
    st.integers(0, 2**32), st.integers(3, 12), st.integers(2, 40), st.randoms(use_true_random=False)
)
def test_counts_do_not_depend_on_the_order_of_parts(seed, parts, limit, random):
    rng = np.random.default_rng(seed)
    scores, codes = rng.standard_cauchy(200), rng.integers(0, 2, 200)
    cuts = np.array_split(np.arange(200), parts)
    each = [ScoreCounts.of(order_keys(scores[at]), codes[at], 2, limit) for at in cuts]
    whole = ScoreCounts.of(order_keys(scores), codes, 2, limit)
    random.shuffle(each)
    while len(each) > 1:
        each.append(each.pop(random.randrange(len(each))) + each.pop(0))
    assert each[0].shift == whole.shift
    np.testing.assert_array_equal(each[0].keys, whole.keys)
    np.testing.assert_array_equal(each[0].counts, whole.counts)
    assert len(whole.keys) <= limit


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_keys_order_as_floats_do(values):
    values = np.array(values)
    keys = order_keys(values)
    np.testing.assert_array_equal(values[:, None] > values, keys[:, None] > keys)
    np.testing.assert_array_equal(values[:, None] == values, keys[:, None] == keys)


def test_scores_far_apart_are_found_by_search():
    columns = scored(4, 300)
    columns[1] = np.exp(30 * columns[1]) * 1e-200
    columns[2] = -np.exp(-30 * columns[2])
    assert_equal(in_parts(columns, [100]), compare_outputs(AUC, *columns))


def test_a_wide_estimate_is_tested_in_its_least_favourable_case():
    wide = BoundedDeLong(0.01, 0.002, 0.001, 0.0005)
    assert wide.p_value(0.0) == pytest.approx(normal_tail(0.009 / 0.0025))
    # Above the estimate a smaller error makes the p-value larger.
    assert wide.p_value(0.02) == pytest.approx(normal_tail(-0.011 / 0.0015))
    assert BoundedDeLong(0.0, 0.0, 0.001, 0.0).p_value(-0.01) == 0.0


@pytest.mark.parametrize(
    ("columns", "error", "told"),
    [
        (([0, 1, 2], [0.1, 0.2, 0.3], [0.1, 0.2, 0.3]), InputError, "expected two classes"),
        (([0, 1], [0.1, np.nan], [0.1, 0.2]), InputError, "finite"),
        (([0, 1], [0.1, np.inf], [0.1, 0.2]), InputError, "finite"),
        (([0, 1], ["a", "b"], [0.1, 0.2]), InputError, "expected numbers"),
        (([0, 1], [0.1], [0.1, 0.2]), InputError, "one prediction per target"),
        (([0, 0, 0], [0.1, 0.2, 0.3], [0.1, 0.2, 0.3]), MetricUndefined, "every target is 0"),
        (([0, 0, 1], [0.1, 0.2, 0.3], [0.1, 0.2, 0.3]), MetricUndefined, "1 positive example"),
        (([5, 7, 7], [0.1, 0.2, 0.3], [0.1, 0.2, 0.3]), InputError, "which of 5, 7 is positive"),
    ],
)
def test_bad_input(columns, error, told):
    with pytest.raises(error, match=told):
        in_parts([np.asarray(column) for column in columns], [])


def test_parts_with_more_classes_together():
    zero, two = (RankingCounts.of([a, b], [0.0, 1.0], [0.0, 1.0]) for a, b in ((0, 1), (1, 2)))
    with pytest.raises(InputError, match="expected two classes"):
        zero + two
    with pytest.raises(InputError, match="one kind"):
        zero + RankingCounts.of(["a", "b"], [0.0, 1.0], [0.0, 1.0])


def test_data_that_change_between_the_passes():
    columns = scored(5, 100)
    placing = Placing(AUC, RankingCounts.of(*columns))
    with pytest.raises(InputError, match="changed between"):
        placing.of(columns[0], columns[1] + 1e-9, columns[2])
    with pytest.raises(InputError, match="changed between"):
        placing.finish(placing.of(*(column[:50] for column in columns)))
