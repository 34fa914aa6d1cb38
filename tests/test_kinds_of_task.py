import pytest

from hokusai_mlflow.errors import InputError, UnknownName
from hokusai_mlflow.gate import GatePolicy
from hokusai_mlflow.metrics import metric, metric_names
from hokusai_mlflow.metrics.human import HumanScore
from hokusai_mlflow.tasks import TASKS, task

PEOPLE = {"human_score": {"low": 1, "high": 5}}


def named(name):
    return metric(name, **PEOPLE.get(name, {}))


@pytest.mark.parametrize("kind", TASKS.values(), ids=str)
def test_defaults_belong_to_their_task(kind):
    kind.require_paid(named(kind.metric))
    assert GatePolicy.for_task(kind.name).min_improvement_bps >= 10


def test_every_metric_belongs_to_some_task():
    homes = {
        name: [kind.name for kind in TASKS.values() if _takes(kind, named(name))]
        for name in metric_names()
    }
    assert homes["perplexity"] == ["language_model"]
    assert homes["chrf"] == homes["length_ratio"] == ["text_generation"]
    assert homes["human_score"] == homes["preference"] == ["human"]
    assert all(homes.values())


def _takes(kind, of):
    try:
        kind.require_paid(of)
    except InputError:
        return False
    return True


def test_people_and_machines():
    with pytest.raises(InputError, match="use task: human"):
        task("regression").require_paid(HumanScore(low=1, high=5))
    with pytest.raises(InputError, match="pays what people say"):
        task("human").require_paid(metric("bleu"))
    with pytest.raises(InputError, match="one that is computed"):
        task("human").require_automatic(HumanScore(low=1, high=5))
    with pytest.raises(InputError, match="accuracy needs label"):
        task("text_generation").require_paid(metric("accuracy"))


def test_unknown_task():
    with pytest.raises(UnknownName, match="did you mean 'regression'"):
        task("regressions")
