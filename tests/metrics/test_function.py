"""Metrics from functions: checked scores and an identity for the evidence."""

import functools
import json
import pickle

import numpy as np
import pytest

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics import metric, score_metric
from hokusai_mlflow.stats.comparison import compare_outputs


def squared(targets, output):
    return (targets - output) ** 2


def exact(targets, output):
    return [said in allowed for allowed, said in zip(targets, output, strict=True)]


def test_it_is_the_built_in_metric_of_that_score():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=300)
    first, second = truth + rng.normal(size=300), truth + 0.8 * rng.normal(size=300)
    own = score_metric("own_mse", squared, direction="lower", scale="log_ratio")
    mine, known = (compare_outputs(chosen, truth, first, second) for chosen in (own, metric("mse")))
    assert mine.improvement_bps == known.improvement_bps
    assert mine.p_value == known.p_value
    assert mine.metric == "own_mse"


def test_texts_arrive_checked():
    match = score_metric("exact_match", exact, output="text")
    assert match.score(["a", ["b", "c"]], ["a", "c"]) == 1
    assert match.score(["a", ["b", "c"]], ["a", "d"]) == 0.5
    with pytest.raises(InputError, match="hypotheses: expected a string"):
        match.score(["a", "b"], ["a", None])


def test_without_targets():
    length = score_metric(
        "length",
        lambda _, texts: list(map(len, texts)),
        output="text",
        needs_targets=False,
        version="1",
    )
    assert not length.needs_targets
    assert length.score(None, ["ab", "abcd"]) == 3


def test_identity_is_json_and_follows_the_source():
    own = score_metric("own_mse", squared, direction="lower")
    assert json.loads(json.dumps(own.options())) == own.options()
    assert own.options()["function"] == f"{__name__}:squared"
    assert own.options()["code"].startswith("sha256:")
    assert own.options()["code"] != score_metric("own_mse", exact).options()["code"]
    assert own.signature.startswith("own_mse(function=")
    assert score_metric("own_mse", squared, version="2").options()["code"] == "2"
    assert pickle.loads(pickle.dumps(own)) == own


def test_what_the_source_does_not_tell_needs_a_version():
    factor = 3

    def scaled(targets, output):
        return factor * output

    with pytest.raises(InputError, match="closes over variables"):
        score_metric("scaled", scaled)
    with pytest.raises(InputError, match="wrap it in a def"):
        score_metric("partial", functools.partial(squared, output=1))
    space = {}
    exec("def unseen(targets, output): return output", space)
    with pytest.raises(InputError, match=r"source of .*unseen is not known"):
        score_metric("unseen", space["unseen"])
    assert score_metric("scaled", scaled, version="factor 3").score([1, 2], [1, 2]) == 4.5


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ([1.0], "a score for each of 3 examples, found 1"),
        ([1.0, float("nan"), 1.0], "finite"),
        ([1.0, None, 1.0], "one kind"),
        (["1", "2", "3"], "found strings"),
        ([[1.0], [2.0], [3.0]], "shape"),
        (2.0, "shape"),
        (None, "found None"),
    ],
)
def test_scores_that_do_not_fit(told, why):
    broken = score_metric("broken", lambda targets, output: told, version="1")
    with pytest.raises(InputError, match=why):
        broken.score([1, 2, 3], [1, 2, 3])


@pytest.mark.parametrize(
    "options", [{"direction": "up"}, {"scale": "log"}, {"output": "labels"}, {"version": 2}]
)
def test_options_that_do_not_fit(options):
    with pytest.raises(InputError):
        score_metric("own", squared, **options)
    with pytest.raises(InputError, match="name"):
        score_metric("", squared)
