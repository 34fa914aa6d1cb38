"""What every metric promises: sums decide, gradients are derivatives, parts add up."""

import numpy as np
import pytest

from hokusai_mlflow.errors import InputError, UnknownName
from hokusai_mlflow.metrics import Metric, metric, metric_names

OPTIONS = [
    ("accuracy", {}),
    *[
        (name, {"average": average})
        for name in ("precision", "recall", "f1")
        for average in ("binary", "macro", "weighted")
    ],
    ("roc_auc", {}),
    ("mse", {}),
    ("rmse", {"cap": 3.0}),
    ("mae", {}),
    ("r2", {}),
]
SUMS = [(name, options) for name, options in OPTIONS if name != "roc_auc"]
"""All but the one whose statistics depend on all examples."""
IDS = [f"{name}-{'-'.join(map(str, options.values()))}" for name, options in OPTIONS]


def sample(chosen, n=400, seed=0):
    rng = np.random.default_rng(seed)
    if chosen.output == "value":
        truth = rng.normal(5, 2, n)
        return truth, truth + rng.normal(size=n)
    classes = 2 if getattr(chosen, "average", "binary") == "binary" else 4
    truth = rng.integers(0, classes, n)
    if chosen.output == "score":
        return truth, truth + rng.normal(size=n)
    return truth, np.where(rng.random(n) < 0.7, truth, rng.integers(0, classes, n))


@pytest.mark.parametrize(("name", "options"), SUMS)
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


@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=IDS)
def test_value_ignores_a_common_factor_and_keeps_leading_axes(name, options):
    chosen = metric(name, **options)
    statistics = chosen.statistics(*sample(chosen))
    sums = statistics.sum(axis=0)
    stacked = chosen.value(np.stack([sums, sums / len(statistics), 3 * sums]))
    assert stacked.shape == (3,)
    np.testing.assert_allclose(stacked, chosen.value(sums), rtol=1e-12)


@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=IDS)
def test_influence_is_the_jackknife_to_first_order(name, options):
    chosen = metric(name, **options)
    truth, said = sample(chosen, n=400)
    chosen = chosen.bind(truth)
    influence = chosen.influence(chosen.statistics(truth, said))
    whole = chosen.utility(chosen.score(truth, said))
    assert influence.mean() == pytest.approx(0, abs=1e-12)
    for at in range(0, 400, 57):
        keep = np.arange(400) != at
        without = chosen.utility(chosen.score(truth[keep], said[keep]))
        assert 399 * (whole - without) == pytest.approx(influence[at], rel=0.05, abs=0.02)


@pytest.mark.parametrize(("name", "options"), SUMS)
def test_parts_add_up(name, options):
    chosen = metric(name, **options)
    assert chosen.mergeable
    truth, said = sample(chosen)
    bound = chosen.bind(truth)
    parts = [bound.statistics(truth[a:b], said[a:b]).sum(axis=0) for a, b in ((0, 130), (130, 400))]
    assert float(bound.value(sum(parts))) == pytest.approx(chosen.score(truth, said), rel=1e-12)


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
    monkeypatch.setattr(registry, "entry_points", lambda group: [_Point(print)])
    with pytest.raises(InputError, match="subclass"):
        metric("hinge")


def test_unknown_names_suggest():
    with pytest.raises(UnknownName, match="did you mean 'accuracy'"):
        metric("acuracy")
    with pytest.raises(InputError, match="no option 'avrage'; did you mean 'average'"):
        metric("f1", avrage="macro")
    with pytest.raises(InputError, match="no option 'cap'"):
        metric("accuracy", cap=3)
