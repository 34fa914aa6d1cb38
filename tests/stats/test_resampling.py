"""Fast resampling beside the naive one, and beside the formulas that it checks."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hokusai_mlflow.errors import InputError, MetricUndefined
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.stats import compare_outputs
from hokusai_mlflow.stats.joint import JointTable, distinct_rows
from hokusai_mlflow.stats.multinomial import PoissonTable, Resampler
from hokusai_mlflow.stats.resampling import bootstrap, randomisation_test

CASES = [
    ("accuracy", {}, "joint table"),
    ("f1", {}, "joint table"),
    ("f1", {"average": "macro"}, "joint table"),
    ("roc_auc", {}, "one-step"),
    ("mse", {}, "units"),
    ("rmse", {"cap": 9.0}, "units"),
    ("r2", {}, "units"),
]


def sample(name, n=400, seed=1, better=0.03, classes=2):
    rng = np.random.default_rng(seed)
    if name in ("mse", "rmse", "mae", "r2"):
        truth = rng.normal(3, 2, n)
        noise = rng.normal(size=(2, n))
        return truth, truth + noise[0], truth + (0.6 * noise[0] + 0.8 * noise[1]) * (1 - better)
    truth = rng.integers(0, classes, n)
    if name == "roc_auc":
        noise = rng.normal(size=(2, n))
        return truth, truth + noise[0], truth * (1 + better) + 0.6 * noise[0] + 0.8 * noise[1]
    wrong = (truth + rng.integers(1, classes, n)) % classes
    base = rng.random(n) < 0.85
    kept = np.where(rng.random(n) < 0.6, base, rng.random(n) < 0.85 + better)
    return truth, np.where(base, truth, wrong), np.where(kept, truth, wrong)


def improvement(chosen, truth, baseline, candidate):
    bound = chosen.bind(truth)
    values = [bound.utility(bound.score(truth, said)) for said in (baseline, candidate)]
    return values[1] - values[0]


def naive_bootstrap(chosen, truth, baseline, candidate, replicates, *, groups=None):
    rng = np.random.default_rng(11)
    units = [[i] for i in range(len(truth))]
    if groups is not None:
        units = [np.flatnonzero(groups == g) for g in np.unique(groups)]
    drawn = []
    for _ in range(replicates):
        at = np.concatenate([units[i] for i in rng.integers(0, len(units), len(units))]).astype(int)
        drawn.append(improvement(chosen, truth[at], baseline[at], candidate[at]))
    return np.array(drawn)


@pytest.mark.parametrize(("name", "options", "method"), CASES)
@pytest.mark.parametrize("grouped", [False, True])
def test_bootstrap_is_the_naive_one_in_distribution(name, options, method, grouped):
    chosen, data = metric(name, **options), sample(name)
    groups = np.arange(400) // 2 if grouped else None
    found = bootstrap(chosen, *data, groups=groups, replicates=4_000, interval="percentile")
    drawn = naive_bootstrap(chosen, *data, 700, groups=groups) * 1e4
    if not grouped:
        assert found.method == method
    assert found.improvement == pytest.approx(improvement(chosen, *data), rel=1e-9)
    error = drawn.std()
    assert found.std_error_bps == pytest.approx(error, rel=0.12)
    assert abs(found.ci_low_bps - np.quantile(drawn, 0.025)) < 0.35 * error
    assert abs(found.ci_high_bps - np.quantile(drawn, 0.975)) < 0.35 * error


@pytest.mark.parametrize(("name", "options", "method"), CASES)
def test_bootstrap_agrees_with_the_formula(name, options, method):
    data = sample(name, n=3_000)
    chosen = metric(name, **options)
    found, by_formula = bootstrap(chosen, *data), compare_outputs(chosen, *data)
    assert found.improvement_bps == pytest.approx(by_formula.improvement_bps, rel=1e-9)
    assert found.std_error_bps == pytest.approx(by_formula.std_error_bps, rel=0.04)
    for bound in ("ci_low_bps", "ci_high_bps"):
        gap = abs(getattr(found, bound) - getattr(by_formula, bound))
        assert gap < 0.15 * by_formula.std_error_bps


def test_blocks_keep_the_distribution():
    data = sample("mse", n=20_000)
    found = bootstrap(metric("mse"), *data)
    assert found.method == "blocks"
    expected = compare_outputs(metric("mse"), *data).std_error_bps
    assert found.std_error_bps == pytest.approx(expected, rel=0.05)


def test_equal_seeds_give_equal_results():
    for name in ("f1", "mse"):
        data = sample(name)
        one, same = (bootstrap(metric(name), *data, seed=5, replicates=500) for _ in range(2))
        assert one == same != bootstrap(metric(name), *data, seed=6, replicates=500)
        assert randomisation_test(metric(name), *data, seed=5) == randomisation_test(
            metric(name), *data, seed=5
        )


def test_corrected_interval_leans_to_the_long_tail():
    rng = np.random.default_rng(2)
    truth = np.zeros(60)
    baseline, candidate = np.ones(60), rng.exponential(size=60)
    plain, corrected = (
        bootstrap(metric("mae"), truth, baseline, candidate, interval=interval)
        for interval in ("percentile", "bca")
    )
    # Losses with a long right tail: the true loss is more likely above than the sample shows.
    assert corrected.ci_low_bps < plain.ci_low_bps
    assert corrected.ci_high_bps < plain.ci_high_bps


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.integers(1, 5), st.integers(1, 9))
def test_distinct_rows_restore_the_rows(seed, n, k, values):
    rows = np.random.default_rng(seed).integers(0, values, (n, k)).astype(float)
    found = distinct_rows(rows)
    if found is not None:
        first, place = found
        np.testing.assert_array_equal(rows[first][place], rows)
        assert len(first) == len(np.unique(rows, axis=0))
    repeated = np.repeat(rows, 40, axis=0)
    first, place = distinct_rows(repeated)
    np.testing.assert_array_equal(repeated[first][place], repeated)


@pytest.mark.parametrize(("name", "classes"), [("f1", 2), ("f1", 4), ("accuracy", 3)])
def test_joint_table_has_the_sums_of_all_rows(name, classes):
    chosen = metric(name, **({"average": "macro"} if classes > 3 else {}))
    truth, baseline, candidate = sample(name, n=2_000, classes=classes)
    bound = chosen.bind(truth)
    table = JointTable.of(bound, truth, baseline, candidate)
    assert table.units == 2_000
    assert len(table.counts) <= classes**3
    both = np.hstack([bound.statistics(truth, said) for said in (baseline, candidate)])
    np.testing.assert_array_equal(table.counts @ table.rows, both.sum(axis=0))


@pytest.mark.parametrize(
    "counts",
    [np.array([700, 250, 50]), np.ones(40, dtype=int), np.repeat([90, 20, 3], [5, 40, 55])],
    ids=["few cells", "single units", "many cells"],
)
def test_resampler_is_multinomial(counts):
    rng = np.random.default_rng(3)
    drawn = np.empty((20_000, len(counts)))
    Resampler(counts).draw(rng, drawn)
    n = counts.sum()
    assert (drawn.sum(axis=1) == n).all()
    share = counts / n
    covariance = n * (np.diag(share) - np.outer(share, share))
    spread = np.sqrt(np.diag(covariance) / 20_000)
    assert np.abs((drawn.mean(axis=0) - counts) / spread).max() < 5
    got = np.cov(drawn.T)
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)) / 20_000)
    assert np.abs((got - covariance) / scale).max() < 8


@pytest.mark.parametrize("mean", [0.0, 0.3, 4.0, 900.0])
def test_poisson_table(mean):
    from scipy.stats import poisson

    table = PoissonTable(mean)
    drawn = table.draw(np.random.default_rng(4), (200_000,)) + float(table.low)
    values, counts = np.unique(drawn, return_counts=True)
    expected = 200_000 * poisson.pmf(values, mean)
    common = expected > 25
    assert expected[common].sum() > 190_000
    gaps = (counts - expected)[common] / np.sqrt(expected[common])
    assert np.abs(gaps).max() < 5


def naive_randomisation(chosen, truth, baseline, candidate, replicates):
    """Whole outputs exchanged, the metric computed anew."""
    rng = np.random.default_rng(12)
    observed, hits = improvement(chosen, truth, baseline, candidate), 0
    for _ in range(replicates):
        swap = rng.random(len(truth)) < 0.5
        drawn = improvement(
            chosen, truth, np.where(swap, candidate, baseline), np.where(swap, baseline, candidate)
        )
        hits += drawn >= observed - 1e-12
    return (hits + 1) / (replicates + 1)


@pytest.mark.parametrize(("name", "options", "method"), CASES)
def test_randomisation_is_the_naive_one_in_distribution(name, options, method):
    chosen = metric(name, **options)
    truth, baseline, candidate = sample(name, better=0.02)
    found = randomisation_test(chosen, truth, baseline, candidate)
    if name == "roc_auc":
        # Exchanged as ranks among all scores, so that their scales are one.
        baseline, candidate = (np.argsort(np.argsort(said)) for said in (baseline, candidate))
    naive = naive_randomisation(chosen, truth, baseline, candidate, 1_000)
    assert found.p_value == pytest.approx(naive, abs=4 * math.sqrt(naive * (1 - naive) / 1_000))


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.sampled_from(CASES), st.booleans())
def test_randomisation_agrees_with_the_formula(seed, case, grouped):
    name, options, _ = case
    data = sample(name, n=600, seed=seed, better=0.0)
    groups = np.arange(600) // 3 if grouped else None
    found = randomisation_test(metric(name, **options), *data, groups=groups, replicates=2_000)
    by_formula = compare_outputs(
        metric(name, **options), *data, groups=groups, min_effect_bps=0.0
    ).p_value
    assert found.p_value == pytest.approx(by_formula, abs=0.1)
    assert 0 < found.p_value <= 1
    assert 0 < found.p_two_sided <= 1


def test_groups_are_exchanged_as_a_whole():
    data = sample("accuracy", n=300)
    thrice = [np.tile(column, 3) for column in data]
    each = randomisation_test(metric("accuracy"), *data)
    together = randomisation_test(metric("accuracy"), *thrice, groups=np.tile(np.arange(300), 3))
    alone = randomisation_test(metric("accuracy"), *thrice)
    assert together.p_value == pytest.approx(each.p_value, abs=0.02)
    assert alone.p_two_sided < each.p_two_sided


def test_equal_models_are_alike():
    truth, baseline, _ = sample("f1")
    found = randomisation_test(metric("f1"), truth, baseline, baseline.copy())
    assert (found.improvement, found.p_value, found.p_two_sided) == (0.0, 1.0, 1.0)
    drawn = bootstrap(metric("f1"), truth, baseline, baseline.copy(), replicates=200)
    assert (drawn.ci_low_bps, drawn.ci_high_bps, drawn.std_error_bps) == (0.0, 0.0, 0.0)


def test_forms():
    data = sample("mse")
    for found in (
        bootstrap(metric("mse"), *data, replicates=200),
        randomisation_test(metric("mse"), *data, replicates=200),
    ):
        again = json.loads(json.dumps(found.to_dict()))
        assert again["replicates"] == 200
        assert set(again) == set(type(found).__dataclass_fields__)
        assert "\n" not in repr(found)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"replicates": 99}, "100 replicates"),
        ({"replicates": True}, "100 replicates"),
        ({"level": 0.6}, "level"),
        ({"interval": "basic"}, "bca"),
        ({"groups": ([0, 0, 1, 1], [0, 1, 0, 1])}, "two"),
        ({"groups": [1, 1, 1, 1]}, "two groups"),
    ],
)
def test_bad_input(change, told):
    with pytest.raises(InputError, match=told):
        bootstrap(metric("accuracy"), [0, 1, 0, 1], [0, 1, 1, 1], [0, 1, 0, 1], **change)


def test_a_resample_without_a_value_is_told():
    truth, baseline = np.array([1] + [0] * 9), np.array([1] + [0] * 9)
    with pytest.raises(MetricUndefined, match="resample"):
        bootstrap(metric("recall"), truth, baseline, 1 - baseline)


@pytest.mark.slow
def test_exchange_test_of_bleu_keeps_its_level():
    """Equal systems: 5 % rejected, where sacrebleu's paired bootstrap rejects 9 %."""
    from dataclasses import dataclass

    from hokusai_mlflow.metrics.bleu import Bleu

    rng = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(300)])
    spoken = [rng.choice(words, rng.integers(8, 30)) for _ in range(400)]
    outputs = [
        [" ".join(np.where(rng.random(len(s)) < 0.4, rng.choice(words, len(s)), s)) for s in spoken]
        for _ in range(2)
    ]
    counts = [metric("bleu").statistics([" ".join(s) for s in spoken], said) for said in outputs]
    ready = {}

    @dataclass(frozen=True)
    class Counted(Bleu):
        def statistics(self, targets, output):
            return ready[output[0]]

    runs, rejected = 250, 0
    for run in range(runs):
        at, swap = rng.integers(0, 400, 200), rng.random((200, 1)) < 0.5
        first, second = counts[0][at], counts[1][at]
        ready["b"], ready["c"] = np.where(swap, first, second), np.where(swap, second, first)
        found = randomisation_test(
            Counted(), ["r"] * 200, ["b"] * 200, ["c"] * 200, replicates=299, seed=run
        )
        rejected += found.p_two_sided <= 0.05
    assert rejected / runs <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)
    assert rejected > 0
