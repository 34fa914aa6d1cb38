"""What every metric promises: sums decide, gradients are derivatives, parts add up."""

import numpy as np
import pytest

from hokusai_mlflow.errors import InputError, UnknownName
from hokusai_mlflow.metrics import Metric, metric, metric_names, score_metric

OPTIONS = [
    ("accuracy", {}),
    *[
        (name, {"average": average})
        for name in ("precision", "recall", "f1")
        for average in ("binary", "macro", "weighted")
    ],
    *[("roc_auc", {"average": average}) for average in ("binary", "macro", "weighted")],
    ("mse", {}),
    ("rmse", {"cap": 3.0}),
    ("mae", {}),
    ("r2", {}),
    ("perplexity", {}),
    ("bleu", {}),
    ("bleu", {"smooth_method": "add-k"}),
    ("rouge1", {}),
    ("rouge2", {}),
    ("rougeL", {}),
    ("rougeLsum", {}),
    ("human_score", {"low": 1, "high": 5}),
    ("preference", {}),
    ("mean_score", {"lower_is_better": True}),
]
SUMS = [(name, options) for name, options in OPTIONS if name != "roc_auc"]
"""All but the one whose statistics depend on all examples."""


def ids(cases):
    return ["-".join([name, *map(str, options.values())]) for name, options in cases]


every = pytest.mark.parametrize(("name", "options"), OPTIONS, ids=ids(OPTIONS))
of_sums = pytest.mark.parametrize(("name", "options"), SUMS, ids=ids(SUMS))


def sample(chosen, n=400, seed=0):
    rng = np.random.default_rng(seed)
    if chosen.output == "text":
        return texts(rng, n)
    if not chosen.needs_targets:
        return None, rng.choice([0, 0.5, 1] if chosen.name == "preference" else [1, 2, 4, 5], n)
    classes = 2 if getattr(chosen, "average", "binary") == "binary" else 4
    truth = rng.integers(0, classes, n)
    if chosen.output == "label":
        return truth, np.where(rng.random(n) < 0.7, truth, rng.integers(0, classes, n))
    if chosen.output == "scores":
        shares = rng.dirichlet(np.ones(classes), n) + 0.3 * np.eye(classes)[truth]
        return truth, shares / shares.sum(axis=1, keepdims=True)
    if chosen.output == "loglik":
        truth = rng.integers(1, 30, n)
        return truth, truth * rng.gamma(4, 0.5, n)
    if chosen.output == "value":
        truth = rng.normal(5, 2, n)
    return truth, truth + rng.normal(size=n)


def texts(rng, n):
    words = np.array([f"word{at}" for at in range(40)])
    references, said = np.empty(n, dtype=object), np.empty(n, dtype=object)
    for at in range(n):
        reference = rng.choice(words, rng.integers(2, 12))
        kept = np.where(rng.random(len(reference)) < 0.7, reference, rng.choice(words))
        cut = " ".join(kept[: rng.integers(1, 12)])
        references[at], said[at] = " ".join(reference), cut
    return references, said


def part(given, rows):
    return None if given is None else given[rows]


@of_sums
def test_gradient_is_the_derivative_of_value(name, options):
    chosen = metric(name, **options)
    truth, said = sample(chosen)
    chosen = chosen.bind(truth)
    mean = chosen.statistics(truth, said).mean(axis=0)
    gradient = chosen.gradient(mean)
    for at in range(len(mean)):
        step = np.zeros(len(mean))
        step[at] = 1e-6
        slope = (chosen.value(mean + step) - chosen.value(mean - step)) / 2e-6
        assert gradient[at] == pytest.approx(float(slope), rel=1e-5, abs=1e-7)


@every
def test_value_ignores_a_common_factor_and_keeps_leading_axes(name, options):
    chosen = metric(name, **options)
    truth, said = sample(chosen)
    chosen = chosen.bind(truth)
    statistics = chosen.statistics(truth, said)
    sums = statistics.sum(axis=0)
    stacked = chosen.value(np.stack([sums, sums / len(statistics), 3 * sums]))
    assert stacked.shape == (3,)
    np.testing.assert_allclose(stacked, chosen.value(sums), rtol=1e-12)


@every
def test_influence_is_the_jackknife_to_first_order(name, options):
    chosen = metric(name, **options)
    truth, said = sample(chosen)
    chosen = chosen.bind(truth)
    influence = chosen.influence(chosen.statistics(truth, said))
    whole = chosen.utility(chosen.score(truth, said))
    assert influence.mean() == pytest.approx(0, abs=1e-12)
    for at in range(0, 400, 57):
        keep = np.arange(400) != at
        without = chosen.utility(chosen.score(part(truth, keep), said[keep]))
        assert 399 * (whole - without) == pytest.approx(influence[at], rel=0.05, abs=0.02)


@every
def test_weighted_influence_is_the_jackknife_too(name, options):
    chosen = metric(name, **options)
    truth, said = sample(chosen)
    weights = np.random.default_rng(1).gamma(2, 1, 400)
    chosen = chosen.bind(truth)
    influence = chosen.influence(chosen.weighted(truth, said, weights))
    whole = chosen.utility(chosen.score(truth, said, weights=weights))
    assert influence.mean() == pytest.approx(0, abs=1e-12)
    for at in range(0, 400, 97):
        keep = np.arange(400) != at
        left = chosen.score(part(truth, keep), said[keep], weights=weights[keep])
        without = chosen.utility(left)
        assert 399 * (whole - without) == pytest.approx(influence[at], rel=0.05, abs=0.05)


@every
def test_a_whole_weight_is_a_repeated_example(name, options):
    chosen = metric(name, **options)
    truth, said = sample(chosen, n=200)
    weights = np.random.default_rng(2).integers(0, 4, 200)
    rows = np.repeat(np.arange(200), weights)
    assert chosen.score(truth, said, weights=weights) == pytest.approx(
        chosen.score(part(truth, rows), said[rows]), rel=1e-12
    )


@every
def test_the_order_of_examples_means_nothing(name, options):
    chosen = metric(name, **options)
    truth, said = sample(chosen)
    rows = np.random.default_rng(3).permutation(400)
    assert chosen.score(part(truth, rows), said[rows]) == pytest.approx(
        chosen.score(truth, said), rel=1e-12
    )


@every
def test_exchanging_the_models_changes_the_sign_exactly(name, options):
    from hokusai_mlflow.stats.comparison import compare_outputs

    chosen = metric(name, **options)
    truth, first = sample(chosen)
    second = first[np.random.default_rng(4).integers(0, 400, 400)]
    there = compare_outputs(chosen, truth, first, second)
    back = compare_outputs(chosen, truth, second, first)
    assert there.improvement == -back.improvement != 0
    assert there.ci_low_bps == pytest.approx(-back.ci_high_bps, rel=1e-9)


@of_sums
def test_parts_add_up(name, options):
    chosen = metric(name, **options)
    assert chosen.mergeable
    truth, said = sample(chosen)
    bound = chosen.bind(truth)
    parts = [
        bound.statistics(part(truth, slice(a, b)), said[a:b]).sum(axis=0)
        for a, b in ((0, 130), (130, 400))
    ]
    assert float(bound.value(sum(parts))) == pytest.approx(chosen.score(truth, said), rel=1e-12)


@pytest.mark.parametrize(
    ("weights", "wrong"),
    [
        ([1, 2], "one per example"),
        ([1, 2, -1, 1], "below 0"),
        ([0, 0, 0, 0], "zeros only"),
        ([1, 2, float("nan"), 1], "finite"),
        (["1", "1", "1", "1"], "strings"),
    ],
)
@pytest.mark.parametrize("name", ["accuracy", "roc_auc"])
def test_weights_that_do_not_fit(name, weights, wrong):
    with pytest.raises(InputError, match=wrong):
        metric(name).score([0, 1, 0, 1], [0, 1, 1, 1], weights=weights)


def test_names_options_and_signature():
    assert set(metric_names()) >= {name for name, _ in OPTIONS}
    assert metric("f1", average="macro").signature == "f1(average=macro)"
    assert metric("accuracy").signature == "accuracy"
    assert metric("roc_auc", classes=["n", "y"], positive="y").options() == {
        "average": "binary",
        "positive": "y",
        "classes": ["n", "y"],
    }
    assert metric("mse", cap=4) == metric("mse", cap=4.0)


def test_auto_average_follows_the_classes():
    assert metric("f1", average="auto").bind([0, 1, 1]).average == "binary"
    assert metric("f1", average="auto").bind([0, 1, 2]).average == "macro"


def test_metrics_survive_pickling():
    import pickle

    for name, options in OPTIONS:
        chosen = metric(name, **options)
        assert pickle.loads(pickle.dumps(chosen)) == chosen


class _Point:
    name = "hinge"
    value = "their_package:Hinge"

    def __init__(self, kind):
        self.kind = kind

    def load(self):
        return self.kind


def test_installed_metrics_are_found_and_checked(monkeypatch):
    from hokusai_mlflow.metrics import registry
    from hokusai_mlflow.metrics.regression import MeanLoss

    class Hinge(MeanLoss):
        name = "hinge"

    monkeypatch.setattr(registry, "entry_points", lambda group: [_Point(Hinge)])
    assert isinstance(metric("hinge", cap=2), Metric)
    assert "hinge" in metric_names()
    ready = score_metric("hinge", lambda targets, output: output, version="1")
    monkeypatch.setattr(registry, "entry_points", lambda group: [_Point(ready)])
    assert metric("hinge") is ready
    with pytest.raises(InputError, match="ready made and has no options; drop cap"):
        metric("hinge", cap=2)
    monkeypatch.setattr(registry, "entry_points", lambda group: [_Point(print)])
    with pytest.raises(InputError, match="subclass"):
        metric("hinge")
    misnamed = score_metric("hange", lambda targets, output: output, version="1")
    monkeypatch.setattr(registry, "entry_points", lambda group: [_Point(misnamed)])
    with pytest.raises(InputError, match="called 'hange'"):
        metric("hinge")


def test_unknown_names_suggest():
    with pytest.raises(UnknownName, match="did you mean 'accuracy'"):
        metric("acuracy")
    with pytest.raises(InputError, match="no option 'avrage'; did you mean 'average'"):
        metric("f1", avrage="macro")
    with pytest.raises(InputError, match="no option 'cap'"):
        metric("accuracy", cap=3)
