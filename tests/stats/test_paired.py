"""Per-example scores whose sums the contract rederives the improvement from."""

import numpy as np
import pytest

from hokusai_mlflow.deltaone import PairedSums, improvement_bps, paired_kind
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.stats import compare_outputs, paired_scores

CASES = [
    ("accuracy", {}),
    ("precision", {}),
    ("recall", {"average": "macro"}),
    ("f1", {"average": "weighted"}),
    ("roc_auc", {}),
    ("mse", {"cap": 9}),
    ("rmse", {"cap": 9}),
    ("mae", {"cap": 3}),
    ("r2", {}),
]


def sample(name, n=600):
    rng = np.random.default_rng(7)
    if name in ("mse", "rmse", "mae", "r2"):
        truth = rng.normal(3, 2, n)
        return truth, truth + rng.normal(size=n), truth + 0.9 * rng.normal(size=n)
    truth = rng.integers(0, 2, n)
    if name == "roc_auc":
        return truth, truth + rng.normal(size=n), 1.4 * truth + rng.normal(size=n)
    return truth, *(np.where(rng.random(n) < p, truth, 1 - truth) for p in (0.8, 0.88))


@pytest.mark.parametrize(("name", "options"), CASES)
def test_integer_sums_rederive_the_improvement(name, options):
    data = sample(name)
    chosen = metric(name, **options)
    found = compare_outputs(chosen, *data)
    sums = PairedSums.of(*paired_scores(chosen, *data))
    bps = improvement_bps(paired_kind(name), sums)
    assert found.improvement > 0
    assert found.improvement_bps - 1.001 <= bps <= found.improvement_bps + 0.001


@pytest.mark.parametrize(("name", "options"), CASES)
def test_variance_of_the_scores_is_that_of_the_comparison(name, options):
    data = sample(name)
    chosen = metric(name, **options)
    b, c = paired_scores(chosen, *data)
    found = compare_outputs(chosen, *data)
    moved = c - b
    if chosen.paired == "loss":
        moved = b / b.mean() - c / c.mean()
        moved = moved / 2 if name == "rmse" else moved
    error = moved.std() / np.sqrt(len(b)) * 1e4
    # Of few discordant examples the comparison counts one more.
    assert error == pytest.approx(found.std_error_bps, rel=1e-2)


def test_forms():
    truth, baseline, candidate = np.zeros(3), np.array([1.0, 2.0, 50.0]), np.array([1.0, 1.0, 1.0])
    b, c = paired_scores(metric("mae", cap=4), truth, baseline, candidate)
    np.testing.assert_array_equal(b, [0.25, 0.5, 1.0])
    np.testing.assert_array_equal(c, [0.25, 0.25, 0.25])
    b, c = paired_scores(metric("accuracy"), [0, 1], [0, 0], [0, 1])
    np.testing.assert_array_equal(b, [1, 0])
    np.testing.assert_array_equal(c, [1, 1])


@pytest.mark.parametrize("name", ["mse", "rmse", "mae"])
def test_an_unclipped_loss_cannot_be_paid(name):
    with pytest.raises(InputError, match="register a cap"):
        paired_scores(metric(name), *sample(name))
