"""Malformed input raises a named error that says what was found; it never becomes a number."""

import numpy as np
import pytest

from hokusai_mlflow.errors import InputError, MetricUndefined
from hokusai_mlflow.metrics import metric

nan, inf = float("nan"), float("inf")


@pytest.mark.parametrize("name", ["mse", "rmse", "mae", "r2", "roc_auc"])
@pytest.mark.parametrize("bad", [nan, inf, -inf, None, "0.5", 1j])
def test_outputs_that_are_not_finite_numbers(name, bad):
    said = np.array([0.1, 0.2, 0.3, bad], dtype=object)
    if bad == "0.5":
        said = ["0.1", "0.2", "0.3", "0.5"]
    with pytest.raises(InputError, match=r"predictions|scores"):
        metric(name).score([0, 1, 0, 1], said)


@pytest.mark.parametrize("name", ["accuracy", "f1", "mse", "r2", "roc_auc"])
@pytest.mark.parametrize("bad", [nan, inf, None])
def test_targets_that_are_missing(name, bad):
    with pytest.raises(InputError, match="targets"):
        metric(name).score([0, 1, 0, bad], [0, 1, 0, 1])


@pytest.mark.parametrize("name", ["accuracy", "f1", "mse", "r2", "roc_auc"])
def test_lengths(name):
    with pytest.raises(InputError, match="found 3 predictions for 4 targets"):
        metric(name).score([0, 1, 0, 1], [0, 1, 0])


@pytest.mark.parametrize("name", ["accuracy", "f1", "mse", "r2", "roc_auc"])
def test_empty(name):
    with pytest.raises(InputError, match="at least one example"):
        metric(name).score([], [])


@pytest.mark.parametrize("name", ["accuracy", "f1", "mse", "roc_auc"])
def test_two_columns(name):
    with pytest.raises(InputError, match="shape"):
        metric(name).score([0, 1], [[0.5, 0.5], [0.1, 0.9]])


def test_masked_entries_are_not_read():
    masked = np.ma.array([0.0, 1.0], mask=[False, True])
    with pytest.raises(InputError, match="masked"):
        metric("mse").score([0, 1], masked)


@pytest.mark.parametrize("name", ["f1", "precision", "recall", "roc_auc"])
def test_one_class(name):
    with pytest.raises(MetricUndefined, match="every target is 1"):
        metric(name).score([1, 1, 1], [1, 1, 1])
    with pytest.raises(MetricUndefined, match="class"):
        metric(name, classes=[0, 1]).score([1, 1, 1], [1, 1, 1])


def test_absent_class_of_an_average():
    recall = metric("recall", average="macro", classes=[0, 1, 2])
    with pytest.raises(MetricUndefined, match="does not occur"):
        recall.score([0, 1, 0], [0, 1, 2])


def test_constant_target():
    for constant in (0.1, 1e9, -3):
        with pytest.raises(MetricUndefined, match="constant"):
            metric("r2").score([constant] * 7, np.arange(7))


def test_strings_for_numbers():
    with pytest.raises(InputError, match="strings in the targets and numbers"):
        metric("accuracy").score(["0", "1"], [0, 1])
    with pytest.raises(InputError, match="expected numbers, found strings"):
        metric("mse").score(["0", "1"], [0, 1])


def test_probabilities_for_classes():
    with pytest.raises(InputError, match="probabilities"):
        metric("accuracy").score([0, 1], [0.2, 0.9])


def test_unknown_class():
    with pytest.raises(InputError, match="unknown class 'dgo'; did you mean 'dog'"):
        metric("f1", average="macro").score(["cat", "dog"], ["cat", "dgo"])
    with pytest.raises(InputError, match="unknown class 7"):
        metric("accuracy", classes=[0, 1]).score([0, 1], [0, 7])


def test_positive_class_must_be_known():
    with pytest.raises(InputError, match="which of 'n', 'y' is positive"):
        metric("f1").score(["n", "y"], ["n", "y"])
    with pytest.raises(InputError, match="not among"):
        metric("roc_auc", positive="yes").score(["n", "y"], [0.1, 0.2])
    with pytest.raises(InputError, match="choose average='macro'"):
        metric("f1").score([0, 1, 2], [0, 1, 2])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("f1", {"average": "makro"}),
        ("f1", {"average": "macro", "positive": 1}),
        ("f1", {"classes": [1]}),
        ("f1", {"classes": [1, "a"]}),
        ("f1", {"classes": [1, 1]}),
        ("f1", {"positive": 0.5}),
        ("mse", {"cap": 0}),
        ("mse", {"cap": nan}),
        ("mse", {"cap": "12"}),
        ("mse", {"cap": True}),
    ],
)
def test_options_that_do_not_fit(name, options):
    with pytest.raises(InputError):
        metric(name, **options)


def test_overflow_is_not_infinity():
    with pytest.raises(InputError, match="overflow"):
        metric("mse").score([0.0, 1e200], [0.0, -1e200])


def test_mixed_objects():
    with pytest.raises(InputError, match="int, str"):
        metric("accuracy").score(np.array([1, "a"], dtype=object), [1, 1])


def test_a_perfect_loss_has_no_ratio():
    with pytest.raises(MetricUndefined, match="leaking"):
        metric("mse").utility(0.0)
