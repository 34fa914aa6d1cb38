import numpy as np
import pytest

from hokusai_mlflow.contributions import Shapley, share_errors
from hokusai_mlflow.contributions.sampling import sampled_values
from hokusai_mlflow.contributions.shares import ratio_errors
from hokusai_mlflow.errors import InputError


def test_share_errors_are_those_of_a_simulation():
    rng = np.random.default_rng(8)
    values = np.array([0.05, 0.02, 0.01])
    root = np.array([[2e-3, 0, 0], [-1e-3, 1e-3, 0], [5e-4, 0, 8e-4]])
    drawn = values + rng.normal(size=(200_000, 3)) @ root.T
    simulated = (drawn / drawn.sum(axis=1, keepdims=True)).std(axis=0)
    assert ratio_errors(values, root @ root.T) == pytest.approx(simulated, rel=0.02)


def test_errors_are_of_those_who_are_paid():
    covariance = np.diag([1e-4, 1e-4, 1.0])
    found = Shapley.of(("a", "b", "harm"), np.array([0.1, 0.1, -0.5]), 0.0, covariance, 15)
    errors = share_errors(found, ["a", "b"])
    assert errors == pytest.approx(dict.fromkeys("ab", 0.01 / 0.2 / 2**0.5))
    assert share_errors(found, ["a"]) == {"a": 0.0}
    assert share_errors(found, []) == {}


def test_errors_of_sampled_values_tell_replicates_and_orders_apart():
    rng = np.random.default_rng(4)
    r, m, spread, orders, ratio = 200, 8, 0.3, 0.5, 0.5
    added = 1 + spread * rng.normal(size=(r, 1, 2)) + orders * rng.normal(size=(r, m, 2))
    found = sampled_values("ab", added, test_train_ratio=ratio)
    # Orders are drawn independently; folds share the rows that they train on.
    expected = np.sqrt(spread**2 * (1 / r + ratio) + orders**2 / (r * m))
    assert found.shapley.std_errors == pytest.approx((expected, expected), rel=0.15)
    sampling = orders / np.sqrt(r * m) / 2 / 2**0.5
    assert found.sampling_error == pytest.approx(sampling, rel=0.1)


def test_what_cannot_be_told_is_none():
    assert sampled_values("a", np.ones((3, 1, 1))).sampling_error is None
    assert sampled_values("a", -np.ones((3, 2, 1))).sampling_error is None
    assert sampled_values("a", np.ones((1, 2, 1))).shapley.std_errors == (None,)


@pytest.mark.parametrize(
    "added", [np.ones((2, 2, 3)), np.ones((2, 2)), np.full((2, 2, 1), np.nan), np.ones((0, 2, 1))]
)
def test_bad_samples_are_refused(added):
    with pytest.raises(InputError, match="expected"):
        sampled_values("a", added)
