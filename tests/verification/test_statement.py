"""Labels and predictions as whole numbers, and the tallies of them."""

import json

import numpy as np
import pytest

from hokusai_mlflow.deltaone import PairedSums, improvement_bps, paired_kind
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.stats.comparison import compare_outputs
from hokusai_mlflow.stats.paired import paired_scores
from hokusai_mlflow.verification.statement import Statement, statement_of
from hokusai_mlflow.verification.zk.circuit import Rows
from hokusai_mlflow.verification.zk.proving import circuit


def regression(seed=0, n=300):
    random = np.random.default_rng(seed)
    truth = random.gamma(2, 3, n).clip(0, 40)
    return truth, truth + random.normal(0, 3, n), truth + random.normal(0, 2, n)


@pytest.mark.parametrize(("name", "cap"), [("mae", 12.0), ("mse", 90.0), ("rmse", 90.0)])
def test_losses_in_steps_pay_what_losses_pay(name, cap):
    of = metric(name, cap=cap)
    truth, champion, candidate = regression()
    candidate[3] = 1e9  # clipped
    statement = statement_of(of, (), capacity=1_024, target_range=(0.0, 40.0))
    found = statement.paired_sums(truth, champion, candidate)
    expected = PairedSums.of(*paired_scores(of, truth, champion, candidate))
    kind = paired_kind(name)
    assert improvement_bps(kind, found) == pytest.approx(improvement_bps(kind, expected), abs=2)
    for moment in ("b", "c", "bb", "cc", "bc"):
        assert getattr(found, moment) == pytest.approx(getattr(expected, moment), rel=1e-3)
    assert Statement.from_dict(json.loads(json.dumps(statement.to_dict()))) == statement


@pytest.mark.parametrize(("name", "cap"), [("mae", 10.0), ("mse", 100.0), ("rmse", 100.0)])
def test_what_is_compared_as_it_counts_improves_as_what_is_proven(name, cap):
    """Steps so coarse that what was predicted and what counts improve differently."""
    of = metric(name, cap=cap)
    truth, champion, candidate = regression(seed=4)
    candidate[3], champion[5] = 1e9, -1e9  # clipped
    statement = statement_of(of, (), capacity=1_024, target_range=(0.0, 40.0), steps=10)
    proven = statement.paired_sums(truth, champion, candidate)
    counted = statement.as_counted(truth, champion, candidate)
    told = [compare_outputs(of, *columns) for columns in (counted, (truth, champion, candidate))]
    paid = improvement_bps(paired_kind(name), proven)
    assert 0 <= told[0].improvement_bps - paid < 1
    assert abs(told[1].improvement_bps - paid) > 10


def test_classes_are_compared_as_they_are():
    statement = statement_of(metric("accuracy"), ("a", "b"), capacity=128)
    columns = (["a", "b"], ["a", "z"], ["b", "b"])
    for column, counted in zip(columns, statement.as_counted(*columns), strict=True):
        assert counted.tolist() == column


@pytest.mark.parametrize("name", ["mae", "mse"])
def test_the_prover_counts_losses_likewise(name):
    truth, champion, candidate = regression(n=40)
    champion[0], champion[1] = -1e6, 1e6
    statement = statement_of(
        metric(name, cap=9.0), (), capacity=128, target_range=(0.0, 40.0), steps=100
    )
    numbers = [
        statement.labels(truth),
        statement.predictions(champion),
        statement.predictions(candidate),
    ]
    sizes = statement.circuit
    of = circuit(sizes.counted, sizes.capacity, sizes.bits, sizes.range)
    _, n, *_, b, c, bb, cc, bc = of.public_inputs(Rows(*numbers, (1, 2, 3)), 0)
    assert [n, b, c, bb, cc, bc] == statement.tally(*numbers)


def test_a_prediction_of_another_class_is_never_right():
    statement = statement_of(metric("accuracy"), ("a", "b", "c"), capacity=128)
    assert statement.circuit.bits == 2
    labels, said = statement.labels(["a", "b", "c"]), statement.predictions(["a", "z", "c"])
    assert (labels, said) == ([0, 1, 2], [0, 3, 2])
    assert statement.tally(labels, said, labels) == [3, 2, 3, 2]
    with pytest.raises(InputError, match="none of the classes"):
        statement.labels(["z"])


def test_confusions_take_known_classes_only():
    of = metric("f1", average="macro", classes=("a", "b", "c"))
    statement = statement_of(of, ("a", "b", "c"), capacity=128)
    with pytest.raises(InputError, match="a prediction is none"):
        statement.predictions(["z"])
    tally = statement.tally([0, 1, 2, 2], [0, 1, 1, 2], [0, 1, 2, 2])
    assert tally[0] == sum(tally[1:]) == 4


def test_targets_outside_the_range_are_refused():
    of = metric("mae", cap=5.0)
    statement = statement_of(of, (), capacity=128, target_range=(0.0, 10.0), steps=10)
    with pytest.raises(InputError, match=r"targets must lie from 0"):
        statement.labels([-1.0])
    with pytest.raises(InputError, match="target_range"):
        statement_of(of, (), capacity=128)
    with pytest.raises(InputError, match="no circuit"):
        statement_of(metric("roc_auc").bind([0, 1]), (0, 1), capacity=128)
