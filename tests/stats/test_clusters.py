"""Weights, and groups in one and in two ways."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hokusai_mlflow.deltaone import PairedSums, improvement_bps, paired_kind, significant
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.stats import compare_outputs, paired_scores

CASES = [
    ("accuracy", {}),
    ("precision", {}),
    ("f1", {"average": "macro"}),
    ("roc_auc", {}),
    ("mse", {"cap": 9.0}),
    ("rmse", {"cap": 9.0}),
    ("mae", {"cap": 3.0}),
    ("r2", {}),
]
TOLD = ("improvement", "baseline", "candidate", "std_error_bps", "p_value", "ci_low_bps", "skew")


def sample(name, n=240, seed=0, better=0.05):
    rng = np.random.default_rng(seed)
    if name in ("mse", "rmse", "mae", "r2"):
        truth = rng.normal(3, 2, n)
        noise = rng.normal(size=(2, n))
        return truth, truth + noise[0], truth + (0.6 * noise[0] + 0.8 * noise[1]) * (1 - better)
    truth = rng.integers(0, 2, n)
    if name == "roc_auc":
        noise = rng.normal(size=(2, n))
        return truth, truth + noise[0], truth * (1 + better) + 0.6 * noise[0] + 0.8 * noise[1]
    base = rng.random(n) < 0.8
    kept = np.where(rng.random(n) < 0.6, base, rng.random(n) < 0.8 + better)
    return truth, *(np.where(right, truth, 1 - truth) for right in (base, kept))


@pytest.mark.parametrize(("name", "options"), CASES)
@settings(max_examples=12)
@given(seed=st.integers(0, 2**32 - 1))
def test_whole_weights_are_copies_that_belong_together(name, options, seed):
    rng = np.random.default_rng(seed)
    chosen, data = metric(name, **options), sample(name, seed=seed)
    weights = rng.integers(1, 4, 240)
    weighted = compare_outputs(chosen, *data, weights=weights)
    copies = [np.repeat(column, weights) for column in data]
    owner = np.repeat(np.arange(240), weights)
    copied = compare_outputs(chosen, *copies, groups=owner)
    assert weighted.weighted
    assert not copied.weighted
    assert weighted.test == copied.test == "t+hall"
    for field in TOLD:
        assert getattr(weighted, field) == pytest.approx(getattr(copied, field), rel=1e-8), field
    by_weight = paired_scores(chosen, *data, weights=weights)
    by_group = paired_scores(chosen, *copies, groups=owner)
    for one, other in zip(by_weight, by_group, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_equal_weights_change_the_test_alone(name, options):
    chosen, data = metric(name, **options), sample(name)
    plain = compare_outputs(chosen, *data, groups=np.arange(240))
    weighted = compare_outputs(chosen, *data, weights=np.full(240, 0.7))
    for field in TOLD:
        assert getattr(weighted, field) == pytest.approx(getattr(plain, field), rel=1e-9), field


@pytest.mark.parametrize(("name", "options"), CASES)
def test_groups_of_one_are_no_groups_up_to_the_test(name, options):
    chosen, data = metric(name, **options), sample(name)
    plain = compare_outputs(chosen, *data)
    grouped = compare_outputs(chosen, *data, groups=np.arange(240))
    for field in ("improvement", "baseline", "candidate"):
        assert getattr(grouped, field) == getattr(plain, field)
    # Tango's and DeLong's bounds are not Student's, but close.
    gap = (1e-12 if plain.test == "t+hall" else 0.1) * plain.std_error_bps
    for field in ("std_error_bps", "ci_low_bps", "ci_high_bps"):
        assert getattr(grouped, field) == pytest.approx(getattr(plain, field), rel=1e-12, abs=gap)


def test_uneven_weights_need_more_examples():
    data = sample("f1", n=20_000)
    weights = np.random.default_rng(1).choice([1.0, 9.0], size=20_000)
    plain = compare_outputs(metric("f1"), *data)
    uneven = compare_outputs(metric("f1"), *data, weights=weights)
    effective = weights.sum() ** 2 / (weights**2).sum() / 20_000
    assert plain.required_n(300) / uneven.required_n(300) == pytest.approx(effective, rel=0.08)


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ([1.0, -1.0, 1, 1], "below 0"),
        ([0.0] * 4, "zeros"),
        ([1.0], "one per"),
        ([1, 1, 1, math.nan], "nan"),
    ],
)
def test_bad_weights(weights, told):
    with pytest.raises(InputError, match=told):
        compare_outputs(
            metric("accuracy"), [0, 1, 0, 1], [0, 1, 1, 1], [0, 1, 0, 1], weights=weights
        )


def ratings(items, raters, seed=0, by_item=0.5, by_rater=0.3):
    rng = np.random.default_rng(seed)
    item, rater = (at.ravel() for at in np.indices((items, raters)))
    moved = by_item * rng.normal(size=items)[item] + by_rater * rng.normal(size=raters)[rater]
    moved = moved + rng.normal(size=len(item))
    truth = np.zeros(len(item))
    return (truth, truth + 3.0, truth + 3.0 + moved / 10), (item, rater)


def naive_two_way(influence, item, rater):
    """Every pair of examples that shares an item or a rater counts with its product."""
    shared = (item[:, None] == item) | (rater[:, None] == rater)
    return (np.outer(influence, influence) * shared).sum() / len(influence) ** 2


@pytest.mark.parametrize("seed", range(4))
def test_two_way_variance_is_that_of_the_pairs(seed):
    data, ways = ratings(40, 25, seed)
    keep = np.random.default_rng(seed).random(1_000) < 0.7
    data, ways = [column[keep] for column in data], tuple(way[keep] for way in ways)
    found = compare_outputs(metric("mae"), *data, groups=ways)
    assert found.test == "two-way-t"
    assert found.groups == 25
    chosen = metric("mae")
    said = [chosen.influence(chosen.statistics(data[0], output)) for output in data[1:]]
    naive = naive_two_way(said[1] - said[0], *ways)
    # The factors G / (G − 1) are the difference.
    assert 1.0 <= (found.std_error_bps / 1e4) ** 2 / naive < 25 / 24 + 1e-9


def test_two_way_is_never_surer_than_one_way():
    for seed in range(8):
        data, ways = ratings(30, 6, seed, by_item=0.0, by_rater=0.0)
        both = compare_outputs(metric("mae"), *data, groups=ways)
        for way in ways:
            one = compare_outputs(metric("mae"), *data, groups=way)
            assert both.std_error_bps >= one.std_error_bps * (1 - 1e-12)


def test_exchanging_the_models_flips_two_way_signs_exactly():
    data, ways = ratings(20, 5)
    there = compare_outputs(metric("mae"), *data, groups=ways)
    back = compare_outputs(metric("mae"), data[0], data[2], data[1], groups=ways)
    assert back.improvement == -there.improvement
    assert back.std_error_bps == there.std_error_bps
    assert (back.ci_low_bps, back.ci_high_bps) == (-there.ci_high_bps, -there.ci_low_bps)
    assert back.skew == -there.skew


def test_a_tuple_of_names_is_one_way():
    data = [column[:2] for column in sample("mae")]
    assert compare_outputs(metric("mae"), *data, groups=("a", "b")).groups == 2


@pytest.mark.parametrize(
    "groups", [([0, 0, 1, 1], [0, 0, 0, 0]), ([0, 0, 1, 1], [0, 1, 0])], ids=["single", "short"]
)
def test_bad_ways(groups):
    with pytest.raises(InputError, match="group"):
        compare_outputs(metric("mae"), [0.0] * 4, [1.0] * 4, [2.0, 1, 1, 1], groups=groups)


@pytest.mark.parametrize(("name", "options"), CASES)
@pytest.mark.parametrize("kind", ["groups", "weights", "both", "two ways"])
def test_paired_sums_rederive_the_improvement(name, options, kind):
    chosen, data = metric(name, **options), sample(name, n=900, better=0.15)
    rng = np.random.default_rng(2)
    given = {}
    if kind in ("groups", "both"):
        given["groups"] = rng.integers(0, 150, 900)
    if kind in ("weights", "both"):
        given["weights"] = rng.random(900) + 0.1
    if kind == "two ways":
        given["groups"] = (rng.integers(0, 150, 900), rng.integers(0, 30, 900))
    found = compare_outputs(chosen, *data, **given)
    b, c = paired_scores(chosen, *data, **given)
    assert len(b) == (found.units if kind != "two ways" else len(b))
    sums = PairedSums.of(b, c)
    bps = improvement_bps(paired_kind(name), sums)
    assert found.improvement > 0
    assert found.improvement_bps - 1.01 <= bps <= found.improvement_bps + 0.01
    if chosen.paired == "loss":
        assert 0 <= min(b.min(), c.min()) <= max(b.max(), c.max()) <= 1
    # The contract's floor and the comparison's error agree on how sure they are.
    z2 = (bps / found.std_error_bps) ** 2
    below, above = (int(z2 * factor * 1e6) for factor in (0.8, 1.25))
    assert significant(paired_kind(name), sums, min_effect_bps=0, z2_floor_e6=below)
    if kind != "two ways":
        assert not significant(paired_kind(name), sums, min_effect_bps=0, z2_floor_e6=above)


@pytest.mark.slow
@pytest.mark.parametrize(("items", "raters"), [(30, 5), (200, 10)])
@pytest.mark.parametrize("by_rater", [0.0, 0.3, 1.0])
def test_two_way_size(items, raters, by_rater):
    """A true null rejected at 5 % at most, up to three standard errors of the simulation."""
    runs = 400
    rejected = 0
    for seed in range(runs):
        data, ways = ratings(items, raters, seed, by_rater=by_rater)
        found = compare_outputs(
            metric("mean_score"), None, *data[1:], groups=ways, min_effect_bps=0
        )
        rejected += found.significant
    assert rejected / runs <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["recall", "precision", "f1"])
def test_intervals_hold_at_one_percent_positives(name):
    """20 positives in 2 000 examples: 95 % intervals hold the truth 93.5 % of the time or more."""
    rng = np.random.default_rng(5)
    chosen, runs, held = metric(name, classes=[0, 1]), 500, 0
    for _ in range(runs):
        truth = (rng.random(2_000) < 0.01).astype(int)
        wrong = np.where(truth, 0.3, 0.003)
        first, other = rng.random((2, 2_000))
        second = np.where(rng.random(2_000) < 0.8, first, other)
        outputs = [np.where(u < wrong, 1 - truth, truth) for u in (first, second)]
        found = compare_outputs(chosen, truth, *outputs)
        held += found.ci_low_bps <= 0 <= found.ci_high_bps
    assert held / runs >= 0.935 - 2 * math.sqrt(0.05 * 0.95 / runs)
