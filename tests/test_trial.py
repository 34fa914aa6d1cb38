from dataclasses import replace

import numpy as np
import pytest
from worlds import attempt_on, read, registered, write_files

from hokusai_mlflow.attempt import Champion, _assemble
from hokusai_mlflow.deltaone import PairedSums
from hokusai_mlflow.errors import InputError, MetricUndefined, RecipeError
from hokusai_mlflow.gate import GatePolicy
from hokusai_mlflow.inputs import TrainingRows
from hokusai_mlflow.trial import (
    Models,
    look_key,
    measured_bps,
    payment_rows,
    rehearse,
    require_payable,
    run_trial,
)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return read(write_files(tmp_path_factory.mktemp("trial") / "project", also_log=["f1"]))


@pytest.fixture
def attempt(inputs):
    champion = Champion(registered(), inputs.recipe, TrainingRows(inputs.part("reference"), {}))
    found = _assemble(inputs, champion, ())
    return attempt_on(
        inputs, checks=found[0], training=found[1], players=found[2], champion=champion
    )


class Says:
    """A model with a fixed answer to every row."""

    def __init__(self, answer):
        self._answer = answer

    def predict(self, features):
        return self._answer(features)


RIGHT = Says(lambda rows: (rows.x.astype(int) + rows.y.astype(int)) % 2)
WRONG = Says(lambda rows: 1 - RIGHT.predict(rows))
ALWAYS = Says(lambda rows: np.ones(len(rows), dtype=int))
CANDIDATE = registered(version=2, digest="ee" * 32)


def _with_spec(attempt, **changes):
    spec = attempt.inputs.spec.model_copy(update=changes)
    return replace(attempt, inputs=replace(attempt.inputs, spec=spec))


def test_the_same_test_has_the_same_key(attempt):
    key = look_key(attempt, CANDIDATE)
    assert look_key(attempt, CANDIDATE) == key
    # Names and numbers of versions are not content; nor is what is only logged.
    assert look_key(attempt, replace(CANDIDATE, version=9, run_id="other")) == key
    assert look_key(_with_spec(attempt, also_log=(), seed=99), CANDIDATE) == key
    assert look_key(replace(attempt, id="cd" * 8), CANDIDATE) == key


def test_anything_that_makes_it_another_test_makes_another_key(attempt):
    other = replace(attempt.champion, registered=registered(digest="ff" * 32))
    pool = attempt.inputs.pool
    flipped = pool.targets.copy()
    at = np.flatnonzero(attempt.inputs.parts == "holdout-1")[0]
    flipped[at] = 1 - flipped[at]
    relabelled = replace(attempt.inputs, pool=replace(pool, targets=flipped))
    keys = [
        look_key(attempt, CANDIDATE),
        look_key(attempt, replace(CANDIDATE, digest="ab" * 32)),
        look_key(replace(attempt, champion=other), CANDIDATE),
        look_key(replace(attempt, holdout="holdout-2"), CANDIDATE),
        look_key(_with_spec(attempt, gate=GatePolicy(quota=10)), CANDIDATE),
        look_key(_with_spec(attempt, metric="f1"), CANDIDATE),
        look_key(_with_spec(attempt, metric_options={"classes": [0, 1]}), CANDIDATE),
        look_key(_with_spec(attempt, model="other"), CANDIDATE),
        look_key(replace(attempt, inputs=relabelled), CANDIDATE),
    ]
    assert len(set(keys)) == len(keys)


def test_a_trial_scores_both_on_the_same_examples(attempt):
    rows = attempt.inputs.part("holdout-1")
    found = run_trial(attempt, Models(ALWAYS, RIGHT), rows, level=0.05)
    ones = int(rows.targets.sum())
    assert found.comparison.candidate == 1.0
    assert found.comparison.baseline == pytest.approx(ones / len(rows))
    assert found.comparison.level == 0.05
    assert found.sums == PairedSums.of(rows.targets == 1, np.ones(len(rows)))
    assert found.predictions["id"].tolist() == rows.ids.tolist()
    assert found.also["f1"][1] == 1.0
    swapped = run_trial(attempt, Models(RIGHT, ALWAYS), rows, level=0.05)
    assert swapped.comparison.improvement == -found.comparison.improvement
    assert swapped.evaluation == found.evaluation


def test_payment_is_measured_where_nothing_was_selected(attempt):
    assert payment_rows(attempt).digest == attempt.inputs.part("payment").digest
    measured = _with_spec(attempt, pay="measured")
    assert payment_rows(measured).digest == attempt.inputs.part("holdout-1").digest


def test_basis_points_follow_the_policy(attempt):
    both = Models(ALWAYS, RIGHT)
    gate = run_trial(attempt, both, attempt.inputs.part("holdout-1"), level=0.05)
    payment = run_trial(attempt, both, attempt.inputs.part("payment"), level=0.05)
    rows = attempt.inputs.part("payment")
    missed = len(rows) - int(rows.targets.sum())
    assert measured_bps(attempt, gate, payment) == 10_000 * missed // len(rows)
    lower = _with_spec(attempt, pay="lower_bound")
    assert measured_bps(lower, gate, gate) == int(np.floor(gate.comparison.lower_bound_bps))
    assert measured_bps(lower, gate, gate) < measured_bps(
        _with_spec(lower, pay="measured"), gate, gate
    )


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (lambda rows: rows.x.to_numpy()[:-1], InputError, "expected one per row"),
        (lambda rows: rows.x.to_numpy(), InputError, "turn probabilities into classes"),
        (lambda rows: np.full(len(rows), np.nan), InputError, "expected finite numbers"),
        (lambda rows: ["red"] * len(rows), InputError, "expected targets and predictions of one"),
        (lambda rows: rows.nowhere, RecipeError, "the candidate could not predict"),
    ],
)
def test_a_rehearsal_finds_what_the_test_would_fail_on(attempt, answer, error, said):
    rehearse(attempt, RIGHT)
    rehearse(attempt, WRONG)
    with pytest.raises(error, match=said):
        rehearse(attempt, Says(answer))


def test_a_rehearsal_finds_a_logged_metric_that_does_not_fit(attempt):
    # It needs scores, which this model does not give.
    with pytest.raises(RecipeError, match="the champion could not predict"):
        rehearse(_with_spec(attempt, also_log=("roc_auc",)), RIGHT)


def test_what_cannot_be_paid_for_is_found_whichever_model_it_is(tmp_path):
    spec = {"metric": "precision", "metric_options": {"positive": 1}}
    inputs = read(write_files(tmp_path / "project", **spec))
    champion = Champion(registered(), inputs.recipe, TrainingRows(inputs.part("reference"), {}))
    found = _assemble(inputs, champion, ())
    judged = attempt_on(
        inputs, checks=found[0], training=found[1], players=found[2], champion=champion
    )
    never = Says(lambda rows: np.zeros(len(rows), dtype=int))
    require_payable(judged, Models(RIGHT, RIGHT))
    for both in (Models(never, RIGHT), Models(RIGHT, never)):
        with pytest.raises(MetricUndefined, match="precision"):
            require_payable(judged, both)
        # Nothing is measured on a payment part when nothing is paid by it.
        require_payable(_with_spec(judged, pay="measured"), both)
