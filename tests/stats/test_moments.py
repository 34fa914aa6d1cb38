"""Moments of parts merge into those of the whole, and carry the comparison."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.stats import Moments, compare_outputs
from hokusai_mlflow.stats.moments import delta_method


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(0, 12), min_size=1, max_size=6),
    st.sampled_from([0.0, 1e8]),
)
def test_parts_merge_into_the_whole(seed, sizes, shift):
    rng = np.random.default_rng(seed)
    rows = rng.normal(shift, 1, (sum(sizes), 3))
    merged = Moments.of(np.empty((0, 3)))
    for part in np.split(rows, np.cumsum(sizes)[:-1]):
        merged = merged + Moments.of(part)
    whole = Moments.of(rows)
    assert merged.n == whole.n
    np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(merged.scatter, whole.scatter, rtol=1e-6, atol=1e-6)


def test_against_numpy():
    rows = np.random.default_rng(0).normal(size=(50, 4))
    moments = Moments.of(rows)
    np.testing.assert_allclose(moments.scatter / 49, np.cov(rows.T), rtol=1e-12)
    again = Moments.from_dict(moments.to_dict())
    np.testing.assert_array_equal(again.scatter, moments.scatter)
    assert repr(moments) == "Moments(n=50, k=4)"


@pytest.mark.parametrize("name", ["accuracy", "f1", "precision", "recall"])
def test_delta_method_agrees_with_the_comparison(name):
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 500)
    baseline, candidate = (np.where(rng.random(500) < p, truth, 1 - truth) for p in (0.8, 0.85))
    _agrees(metric(name).bind(truth), truth, baseline, candidate)


@pytest.mark.parametrize("name", ["mse", "rmse", "mae", "r2"])
def test_delta_method_agrees_on_numbers(name):
    rng = np.random.default_rng(2)
    truth = rng.normal(3, 2, 500)
    baseline, candidate = truth + rng.normal(size=(2, 500)) * [[1.0], [0.9]]
    _agrees(metric(name).bind(truth), truth, baseline, candidate)


def _agrees(bound, truth, baseline, candidate):
    stacked = np.hstack([bound.statistics(truth, baseline), bound.statistics(truth, candidate)])
    moments = Moments.of(stacked[:200]) + Moments.of(stacked[200:])
    improvement, error = delta_method(bound, moments)
    found = compare_outputs(bound, truth, baseline, candidate)
    assert improvement == pytest.approx(found.improvement, rel=1e-10)
    moved = [bound.influence(bound.statistics(truth, said)) for said in (baseline, candidate)]
    squares = ((moved[1] - moved[0]) ** 2).sum()
    assert error == pytest.approx(np.sqrt(squares / (len(truth) * (len(truth) - 1))), rel=1e-10)
    # Of few discordant examples the comparison counts one more.
    assert error * 1e4 == pytest.approx(found.std_error_bps, rel=0.02)


def test_refusals():
    with pytest.raises(InputError, match="function of sums"):
        delta_method(metric("roc_auc"), Moments.of(np.ones((3, 8))))
    with pytest.raises(InputError, match="two examples"):
        delta_method(metric("accuracy"), Moments.of(np.ones((1, 4))))
    with pytest.raises(InputError, match="finite"):
        Moments.of([[np.nan]])
    with pytest.raises(InputError, match="one bound metric"):
        Moments.of(np.ones((2, 2))) + Moments.of(np.ones((2, 3)))
