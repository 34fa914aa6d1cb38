"""Every metric times every kind of bad input: a named error, never a number."""

import numpy as np
import pandas as pd
import pytest

from hokusai_mlflow.errors import HokusaiError, InputError, MetricUndefined
from hokusai_mlflow.metrics import metric, metric_names, score_metric

nan, inf = float("nan"), float("inf")
OPTIONS = {"human_score": {"low": 1, "high": 5}}
GOOD = {
    "label": ([0, 1, 0, 1], [0, 1, 1, 1]),
    "score": ([0, 1, 0, 1], [0.1, 0.9, 0.4, 0.3]),
    "scores": ([0, 1, 2, 1], [[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0, 0, 1], [0.2, 0.2, 0.6]]),
    "value": ([1.0, 2.0, 3.0, 5.0], [1.5, 2.0, 2.5, 4.0]),
    "text": (["a b c d", "b c d e", ["c d"], "e f"], ["a b c d", "b c d", "c d", "e"]),
    "loglik": ([3, 2, 1, 4], [3.5, 2.5, 0.5, 9.0]),
}
METRICS = [metric(name, **OPTIONS.get(name, {})) for name in metric_names()] + [
    metric("roc_auc", average="macro"),
    score_metric("own", lambda truth, said: np.abs(truth - said), version="1"),
]
WITH_TARGETS = [each for each in METRICS if each.needs_targets]
every = pytest.mark.parametrize("chosen", METRICS, ids=lambda each: f"{each.name}-{each.output}")
compared = pytest.mark.parametrize(
    "chosen", WITH_TARGETS, ids=lambda each: f"{each.name}-{each.output}"
)


def good(chosen):
    targets, output = GOOD[chosen.output]
    if chosen.needs_targets:
        return list(targets), list(output)
    return None, [1, 0, 1, 1] if chosen.name == "preference" else [1, 5, 3, 2]


def with_one(values, bad):
    """The last example replaced by something bad."""
    changed = np.empty(len(values), dtype=object)
    changed[:] = [*values[:-1], bad]
    return changed


@every
def test_the_good_input_is_good(chosen):
    assert np.isfinite(chosen.score(*good(chosen)))


@every
@pytest.mark.parametrize("bad", [nan, inf, -inf, None, pd.NA, pd.NaT, 1j, b"1", {}, object()])
def test_one_bad_output(chosen, bad):
    targets, output = good(chosen)
    with pytest.raises(InputError):
        chosen.score(targets, with_one(output, bad))
    with pytest.raises(InputError):
        chosen.score(targets, pd.Series(with_one(output, bad)))


@compared
@pytest.mark.parametrize("bad", [nan, inf, None, pd.NA, 1j, b"1", {}, [], [None], [1, "a"]])
def test_one_bad_target(chosen, bad):
    targets, output = good(chosen)
    with pytest.raises(InputError):
        chosen.score(with_one(targets, bad), output)


@every
def test_strings_for_numbers_and_numbers_for_strings(chosen):
    targets, output = good(chosen)
    wrong = [1, 2, 3, 4] if chosen.output == "text" else list(map(str, output))
    with pytest.raises(InputError):
        chosen.score(targets, wrong)
    with pytest.raises(InputError):
        chosen.score(targets, with_one(output, wrong[-1]))


@compared
def test_targets_of_another_kind(chosen):
    targets, output = good(chosen)
    wrong = [1, 2, 3, 4] if chosen.output == "text" else [f"x{target}" for target in targets]
    if chosen.output in ("score", "scores"):
        # Classes may be called by names; dates are none.
        wrong = np.array(["2020-01-01"] * 4, dtype="datetime64[D]")
    with pytest.raises(InputError):
        chosen.score(wrong, output)


@every
@pytest.mark.parametrize("length", [0, 1, 3, 5])
def test_other_lengths(chosen, length):
    targets, output = good(chosen)
    other = (output * 2)[:length]
    if length and targets is None:
        targets = [0] * 4
    with pytest.raises(InputError):
        chosen.score(targets, other)


@every
@pytest.mark.parametrize("empty", [[], np.array([]), pd.Series(dtype=float), (), None])
def test_nothing(chosen, empty):
    with pytest.raises(InputError):
        chosen.score(empty if chosen.needs_targets else None, empty)


@every
@pytest.mark.parametrize("scalar", [1, "a b c d", 0.5, True])
def test_one_thing_in_place_of_many(chosen, scalar):
    with pytest.raises(InputError):
        chosen.score(scalar if chosen.needs_targets else None, scalar)


@every
@pytest.mark.parametrize("kind", [set, iter, pd.DataFrame, lambda given: dict(enumerate(given))])
def test_containers_without_order_or_of_columns(chosen, kind):
    targets, output = good(chosen)
    if chosen.output == "scores" and kind is pd.DataFrame:
        # One column per class is what it takes.
        assert chosen.score(targets, kind(output)) == chosen.score(targets, output)
        return
    if kind is pd.DataFrame:
        given = pd.DataFrame({f"column {at}": [value] * 4 for at, value in enumerate(output)})
    else:
        given = kind(map(str, output) if chosen.output in ("text", "scores") else output)
    with pytest.raises(InputError):
        chosen.score(targets, given)


@pytest.mark.parametrize("output", ["label", "score", "scores", "value", "loglik"])
def test_masked_outputs(output):
    chosen = next(each for each in METRICS if each.output == output)
    targets, said = good(chosen)
    masked = np.ma.array(said, mask=np.zeros(np.shape(said), dtype=bool))
    masked[-1] = np.ma.masked
    with pytest.raises(InputError, match="masked"):
        chosen.score(targets, masked)


@compared
def test_no_targets(chosen):
    with pytest.raises(InputError):
        chosen.score(None, good(chosen)[1])


@every
@pytest.mark.parametrize("weights", [[1, 1, 1], [1, 1, 1, nan], [1, 1, 1, -1], [0, 0, 0, 0]])
def test_weights(chosen, weights):
    with pytest.raises(InputError, match="weights"):
        chosen.score(*good(chosen), weights=weights)


ONE_CLASS = [name for name in metric_names() if metric(name, **OPTIONS.get(name, {})).needs_classes]


@pytest.mark.parametrize("name", ONE_CLASS)
def test_one_class(name):
    with pytest.raises(MetricUndefined):
        metric(name).score([1, 1, 1], [1, 1, 1])
    with pytest.raises(MetricUndefined):
        metric("roc_auc", average="macro").score([1, 1], [[0.5, 0.5], [0.5, 0.5]])
    absent = metric("roc_auc", average="macro", classes=[0, 1, 2])
    with pytest.raises(MetricUndefined, match="no target is of the class 2"):
        absent.score([0, 1], [[1, 0, 0], [0, 1, 0]])


def test_a_class_without_weight_is_absent():
    with pytest.raises(MetricUndefined, match="class"):
        metric("roc_auc").score([0, 1, 1], [0.1, 0.5, 0.9], weights=[0, 1, 1])
    with pytest.raises(MetricUndefined):
        metric("f1").score([0, 1, 1], [0, 1, 1], weights=[0, 1, 1])
    with pytest.raises(MetricUndefined, match="constant"):
        metric("r2").score([0, 1, 1], [0, 1, 1], weights=[0, 1, 1])


@pytest.mark.parametrize(
    ("scores", "why"),
    [
        ([[0.5, 0.3, 0.3]] * 3, "sum to 1, found 1.1"),
        ([[1.2, -0.2, 0.0]] * 3, "from 0 to 1, found 1.2 for example 0; apply softmax"),
        ([[2.0, -1.0, 0.5]] * 3, "apply softmax"),
        ([[0.5, 0.5]] * 3, "each of 3 classes, shape"),
        ([0.5, 0.5, 0.5], "found an array of shape"),
        ([[0.5, 0.5, 0.0], [0.5, 0.5], [1, 0, 0]], "3 numbers per example"),
        ([["0.5", "0.5", "0"]] * 3, "found strings"),
    ],
)
def test_scores_that_are_no_probabilities(scores, why):
    with pytest.raises(InputError, match=why):
        metric("roc_auc", average="macro").score([0, 1, 2], scores)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({}, "ends of the rating scale"),
        ({"low": 1}, "ends of the rating scale"),
        ({"low": 5, "high": 1}, "low below high"),
        ({"low": 1, "high": 1}, "low below high"),
        ({"low": 0, "high": inf}, "finite"),
        ({"low": "1", "high": 5}, "a number"),
    ],
)
def test_rating_scales_that_do_not_fit(options, why):
    with pytest.raises(InputError, match=why):
        metric("human_score", **options)


def test_ratings_outside_the_scale():
    rating = metric("human_score", low=0, high=10)
    with pytest.raises(InputError, match="expected 0 to 10, found -1 at position 1"):
        rating.score(None, [3, -1, 4])
    with pytest.raises(InputError, match="found 11 at position 2"):
        rating.score(None, [3, 1, 11])
    assert metric("human_score", low=-2, high=2).score(None, [-1, 1]) == 0.5


def test_preferences_are_wins_ties_and_losses():
    assert metric("preference").score(None, [1, 0.5, 0, 1]) == pytest.approx(2.5 / 4)
    for wrong in (2, -1, 0.7):
        with pytest.raises(InputError, match="preferred"):
            metric("preference").score(None, [1, 0, wrong])


def test_losses_given_as_scores():
    assert metric("mean_score", lower_is_better=True).utility(3.0) == -3
    with pytest.raises(InputError, match="true or false"):
        metric("mean_score", lower_is_better=1)


def test_errors_say_what_was_expected():
    for chosen in METRICS:
        with pytest.raises(HokusaiError, match="expected"):
            chosen.score(None if not chosen.needs_targets else [], [])
