"""The corrected t test over folds, by hand and in simulation."""

import math

import numpy as np
import pytest

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.stats import corrected_t


def test_by_hand():
    from scipy.stats import t as student

    b = np.array([[0.80, 0.82, 0.79], [0.81, 0.80, 0.78]])
    c = b + np.array([[0.02, 0.01, 0.03], [-0.01, 0.02, 0.02]])
    found = corrected_t(b, c, test_size=100, train_size=200)
    moved = (c - b).ravel()
    error = math.sqrt((1 / 6 + 0.5) * moved.var(ddof=1))
    assert found.mean == pytest.approx(moved.mean())
    assert found.std_error == pytest.approx(error)
    assert found.p_value == pytest.approx(student.sf(moved.mean() / error, 5))
    assert (found.folds, found.folds_won, found.df) == (6, 5, 5)
    quantiles = student.isf(0.2, 5) * 2
    assert found.detectable_bps == pytest.approx(1e4 * quantiles * error)
    assert found.to_dict()["powered"] == found.powered


def test_exchange_flips_the_sign():
    b, c = np.random.default_rng(0).normal(size=(2, 10, 10))
    there = corrected_t(b, c, test_size=1, train_size=9)
    back = corrected_t(c, b, test_size=1, train_size=9)
    assert back.mean == -there.mean
    assert back.p_value == pytest.approx(1 - there.p_value)


def test_equal_recipes_are_vetoed():
    scores = np.full((2, 5), 0.9)
    found = corrected_t(scores, scores, test_size=1, train_size=4)
    assert (found.mean, found.p_value, found.powered, found.veto) == (0.0, 1.0, True, True)


def test_noisy_folds_cannot_veto():
    rng = np.random.default_rng(1)
    found = corrected_t(*rng.normal(0.8, 0.1, (2, 10)), test_size=1, train_size=9, effect_bps=50)
    assert not found.powered
    assert not found.veto


@pytest.mark.parametrize(
    ("b", "c", "sizes", "told"),
    [
        ([1.0, 2.0], [1.0], (1, 9), "same folds"),
        ([1.0, math.nan], [1.0, 2.0], (1, 9), "finite"),
        ([1.0], [1.0], (1, 9), "two folds"),
        ([1.0, 2.0], [1.0, 2.0], (0, 9), "positive sizes"),
        (["a", "b"], [1.0, 2.0], (1, 9), "number per fold"),
        ([[[1.0]]], [[[1.0]]], (1, 9), "shape"),
    ],
)
def test_bad_input(b, c, sizes, told):
    with pytest.raises(InputError, match=told):
        corrected_t(b, c, test_size=sizes[0], train_size=sizes[1])


@pytest.mark.slow
def test_size_with_overlapping_training_sets():
    """Refitted ridge recipes that are equally good: the corrected test keeps 5 %, naive t does not.

    Least squares on one of two exchangeable features: neither recipe is better.
    """
    rng = np.random.default_rng(2)
    runs, n, folds, repeats = 600, 60, 5, 6
    corrected = naive = 0
    for _ in range(runs):
        x = rng.normal(size=(n, 2))
        y = x.sum(axis=1) + rng.normal(size=n)
        scores = np.empty((2, repeats, folds))
        for repeat in range(repeats):
            order = rng.permutation(n)
            for fold in range(folds):
                test = order[fold::folds]
                train = np.setdiff1d(order, test)
                for recipe in (0, 1):
                    slope = x[train, recipe] @ y[train] / (x[train, recipe] @ x[train, recipe])
                    scores[recipe, repeat, fold] = -np.mean(
                        (y[test] - slope * x[test, recipe]) ** 2
                    )
        corrected += corrected_t(*scores, test_size=12, train_size=48).p_value <= 0.05
        moved = (scores[1] - scores[0]).ravel()
        naive += moved.mean() / (moved.std(ddof=1) / math.sqrt(len(moved))) > 1.7
    assert corrected / runs <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)
    assert naive / runs > 0.12
