"""Values equal scikit-learn's to 1e-12, or raise where its answer is a convention."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hokusai_mlflow.errors import MetricUndefined
from hokusai_mlflow.metrics import metric

CLOSE = 1e-12
quick = settings(max_examples=100, deadline=None)
brief = settings(max_examples=30, deadline=None)


@st.composite
def labels(draw, classes=(0, 1)):
    n = draw(st.integers(2, 40))
    pick = st.lists(st.sampled_from(classes), min_size=n, max_size=n)
    truth = draw(pick.filter(lambda given: len(set(given)) > 1))
    allowed = st.lists(st.sampled_from(sorted(set(truth))), min_size=n, max_size=n)
    return np.array(truth), np.array(draw(allowed))


def weights(truth):
    """Of every example; each class keeps some."""
    n = len(truth)
    return st.lists(st.sampled_from([0, 0.3, 1, 2.5]), min_size=n, max_size=n).filter(
        lambda given: set(truth) == {t for t, w in zip(truth, given, strict=True) if w}
    )


@st.composite
def numbers(draw):
    n = draw(st.integers(2, 40))
    # Whole thousandths: neither overflow nor the loss of all digits is what this file is about.
    values = arrays(np.int64, n, elements=st.integers(-(10**7), 10**7))
    return draw(values) / 1000, draw(values) / 1000


def sklearn_score(name, truth, said, **options):
    import sklearn.metrics

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(sklearn.metrics, name)(truth, said, **options)


@quick
@given(labels(classes=("ant", "bee", "cow")))
def test_accuracy(pair):
    expected = sklearn_score("accuracy_score", *pair)
    assert metric("accuracy").score(*pair) == pytest.approx(expected, rel=CLOSE)


@quick
@given(labels(), st.sampled_from(["precision", "recall", "f1"]))
def test_binary(pair, name):
    if name == "precision" and not pair[1].any():
        with pytest.raises(MetricUndefined, match="never predicted"):
            metric(name).score(*pair)
        return
    expected = sklearn_score(f"{name}_score", *pair)
    assert metric(name).score(*pair) == pytest.approx(expected, rel=CLOSE)


@quick
@given(
    labels(classes=("ant", "bee", "cow", "dog")),
    st.sampled_from(["precision", "recall", "f1"]),
    st.sampled_from(["macro", "weighted"]),
)
def test_averages(pair, name, average):
    truth, said = pair
    if name == "precision" and set(said) != set(truth):
        with pytest.raises(MetricUndefined):
            metric(name, average=average).score(*pair)
        return
    expected = sklearn_score(f"{name}_score", *pair, average=average)
    assert metric(name, average=average).score(*pair) == pytest.approx(expected, rel=CLOSE)


@quick
@given(labels(), st.data())
def test_roc_auc_with_ties(pair, data):
    truth, _ = pair
    scores = data.draw(arrays(np.int64, len(truth), elements=st.integers(-3, 3))) / 7
    expected = sklearn_score("roc_auc_score", truth, scores)
    assert metric("roc_auc").score(truth, scores) == pytest.approx(expected, rel=CLOSE, abs=1e-15)


@brief
@given(labels(classes=(3, 5, 8, 9)).filter(lambda pair: len(set(pair[0])) > 2), st.data())
def test_one_class_against_the_rest(pair, data):
    truth, _ = pair
    classes = len(set(truth))
    tenths = data.draw(
        arrays(np.int64, (len(truth), classes), elements=st.integers(0, 6)).filter(
            lambda given: given.sum(axis=1).all()
        )
    )
    scores = tenths / tenths.sum(axis=1, keepdims=True)
    weight = data.draw(st.none() | weights(truth))
    for average in ("macro", "weighted"):
        expected = sklearn_score(
            "roc_auc_score", truth, scores, multi_class="ovr", average=average, sample_weight=weight
        )
        found = metric("roc_auc", average=average).score(truth, scores, weights=weight)
        assert found == pytest.approx(expected, rel=CLOSE, abs=1e-15)


@brief
@given(labels(classes=("ant", "bee", "cow")), st.data())
def test_weighted_labels(pair, data):
    truth, said = pair
    weight = data.draw(weights(truth))
    expected = sklearn_score("accuracy_score", truth, said, sample_weight=weight)
    assert metric("accuracy").score(truth, said, weights=weight) == pytest.approx(
        expected, rel=CLOSE, abs=1e-15
    )
    said_with_weight = {said for said, w in zip(said, weight, strict=True) if w}
    for name in ("precision", "recall", "f1"):
        if name == "precision" and said_with_weight != set(truth):
            continue
        for average in ("macro", "weighted"):
            expected = sklearn_score(
                f"{name}_score", truth, said, average=average, sample_weight=weight
            )
            found = metric(name, average=average).score(truth, said, weights=weight)
            assert found == pytest.approx(expected, rel=CLOSE, abs=1e-15)


@brief
@given(labels(), st.data())
def test_weighted_binary(pair, data):
    truth, said = pair
    weight = data.draw(weights(truth))
    scores = data.draw(arrays(np.int64, len(truth), elements=st.integers(-3, 3))) / 7
    expected = sklearn_score("roc_auc_score", truth, scores, sample_weight=weight)
    found = metric("roc_auc").score(truth, scores, weights=weight)
    assert found == pytest.approx(expected, rel=CLOSE, abs=1e-15)
    for name in ("precision", "recall", "f1"):
        if name == "precision" and not np.dot(said, weight):
            continue
        expected = sklearn_score(f"{name}_score", truth, said, sample_weight=weight)
        assert metric(name).score(truth, said, weights=weight) == pytest.approx(
            expected, rel=CLOSE, abs=1e-15
        )


@brief
@given(numbers(), st.data())
def test_weighted_numbers(pair, data):
    truth, said = pair
    n = len(truth)
    weight = data.draw(st.lists(st.sampled_from([0.3, 1, 2.5]), min_size=n, max_size=n))
    theirs = {
        "mse": "mean_squared_error",
        "rmse": "root_mean_squared_error",
        "mae": "mean_absolute_error",
    }
    for name, long in theirs.items():
        expected = sklearn_score(long, truth, said, sample_weight=weight)
        assert metric(name).score(truth, said, weights=weight) == pytest.approx(expected, rel=CLOSE)
    if np.ptp(truth) > 0:
        unexplained = 1 - sklearn_score("r2_score", truth, said, sample_weight=weight)
        assert 1 - metric("r2").score(truth, said, weights=weight) == pytest.approx(
            unexplained, rel=CLOSE, abs=CLOSE
        )


@quick
@given(numbers(), st.sampled_from(["mse", "rmse", "mae"]))
def test_errors(pair, name):
    truth, said = pair
    long = {
        "mse": "mean_squared_error",
        "rmse": "root_mean_squared_error",
        "mae": "mean_absolute_error",
    }
    if np.array_equal(truth, said):
        assert metric(name).score(truth, said) == 0
        return
    assert metric(name).score(truth, said) == pytest.approx(
        sklearn_score(long[name], truth, said), rel=CLOSE
    )


@quick
@given(numbers(), st.sampled_from([0.0, 1e6]))
def test_r2(pair, shift):
    truth, said = pair
    truth, said = truth + shift, said + shift
    if np.ptp(truth) == 0:
        with pytest.raises(MetricUndefined, match="constant"):
            metric("r2").score(truth, said)
        return
    unexplained = 1 - metric("r2").score(truth, said)
    assert unexplained == pytest.approx(
        1 - sklearn_score("r2_score", truth, said), rel=CLOSE, abs=CLOSE
    )


def test_large_samples_keep_their_digits():
    rng = np.random.default_rng(0)
    truth = rng.lognormal(3, 2, 300_000)
    said = truth * rng.lognormal(0, 0.3, len(truth))
    pairs = {"mse": "mean_squared_error", "mae": "mean_absolute_error", "r2": "r2_score"}
    for name, theirs in pairs.items():
        expected = sklearn_score(theirs, truth, said)
        assert metric(name).score(truth, said) == pytest.approx(expected, rel=CLOSE)
    positive = rng.random(len(truth)) < 0.01
    scores = np.round(rng.normal(size=len(truth)) + positive, 3)
    assert metric("roc_auc").score(positive, scores) == pytest.approx(
        sklearn_score("roc_auc_score", positive, scores), rel=CLOSE
    )


def test_a_cap_clips_the_loss():
    truth, said = np.zeros(4), np.array([1.0, 2.0, 3.0, 100.0])
    assert metric("mse", cap=25).score(truth, said) == pytest.approx((1 + 4 + 9 + 25) / 4)
    assert metric("rmse", cap=25).score(truth, said) == pytest.approx(np.sqrt(39 / 4))
    assert metric("mae", cap=5).score(truth, said) == pytest.approx((1 + 2 + 3 + 5) / 4)


@pytest.mark.parametrize("kind", ["bool", "int", "float", "object", "category", "string"])
def test_label_containers_agree(kind):
    import pandas as pd

    truth, said = pd.Series([1, 0, 1, 1, 0]), pd.Series([1, 1, 1, 0, 0])
    if kind == "string":
        truth, said = truth.map({0: "no", 1: "yes"}), said.map({0: "no", 1: "yes"})
        chosen = metric("f1", positive="yes")
    else:
        truth, said = truth.astype(kind), said.astype(kind)
        chosen = metric("f1")
    assert chosen.score(truth, said) == pytest.approx(2 / 3)
