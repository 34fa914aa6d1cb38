from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from worlds import SPEC, attempt_on, board, read, registered, write_files

from hokusai_mlflow.deltaone import PairedSums
from hokusai_mlflow.errors import InputError, LedgerConflict, MetricUndefined, RecipeError
from hokusai_mlflow.gate import GatePolicy
from hokusai_mlflow.inputs import TrainingRows
from hokusai_mlflow.ledger import Ledger, accept_look
from hokusai_mlflow.novelty import Champion, assemble
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.trial import (
    Models,
    look_key,
    measured_bps,
    payable_bps,
    payment_rows,
    rehearse,
    require_look,
    require_payable,
    run_gate_trial,
    run_trial,
    spend,
)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return read(write_files(tmp_path_factory.mktemp("trial") / "project", also_log=["f1"]))


@pytest.fixture
def attempt(inputs):
    champion = Champion(registered(), inputs.recipe, TrainingRows(inputs.part("reference"), {}))
    found = assemble(inputs, champion, ())
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


def test_a_kept_holdout_pays_tiers_and_a_payment_set_what_was_measured(attempt):
    kept = GatePolicy(after_reward="keep", payment_tiers=(25, 100))
    for pay, measured, paid in (
        ("measured", 99, 25),
        ("measured", 24, 0),
        ("lower_bound", 500, 100),
        ("fresh", 99, 99),
    ):
        assert payable_bps(_with_spec(attempt, pay=pay, gate=kept), measured) == paid
    assert payable_bps(_with_spec(attempt, pay="measured"), 99) == 99


def test_later_looks_at_a_kept_holdout_allow_for_what_its_payments_told(attempt, tmp_path):
    kept = _with_spec(
        attempt, pay="measured", gate=GatePolicy(after_reward="keep", payment_tiers=(25, 100))
    )
    with Ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        first = spend(kept, CANDIDATE, ledger)
        accept_look(ledger, first.test_key)
        second = spend(kept, replace(CANDIDATE, digest="ab" * 32), ledger)
    assert (first.level, second.rewards) == (pytest.approx(0.05 / 2 / 20), 1)
    # Two tiers and nothing: three sizes. α 2^−2 / C(20, 2) / 3.
    assert second.level == pytest.approx(0.05 / 4 / 190 / 3)


def _with_slices(tmp_path, **gate):
    path = write_files(tmp_path / "project")
    pool = board(1_200, "pool", 1)
    pool["side"] = np.where(pool.x < 1.5, "left", "right")
    pool["hand"] = np.arange(len(pool)) // 2
    data = SPEC["data"] | {"slices": ["side"], "blocks": "side", "group": "hand"}
    rails = [{"metric": "f1", "margin_bps": 300}, {"slice": {"side": "left"}, "margin_bps": 900}]
    write_files(path.parent, data=data, gate={"guardrails": rails, **gate})
    pool.to_csv(path.parent / "pool.csv", index=False)
    inputs = read(path)
    champion = Champion(registered(), inputs.recipe, TrainingRows(inputs.part("reference"), {}))
    found = assemble(inputs, champion, ())
    return attempt_on(
        inputs, checks=found[0], training=found[1], players=found[2], champion=champion
    )


def test_a_gate_trial_guards_what_the_policy_names_and_every_slice(tmp_path):
    attempt = _with_slices(tmp_path)
    rows = attempt.inputs.part("holdout-1")
    found = run_gate_trial(attempt, Models(ALWAYS, RIGHT), rows, level=0.05)
    assert {one.name: one.margin_bps for one in found.guardrails} == {
        "f1": 300,
        # A margin of its own, not the one for all slices.
        "accuracy where side=left": 900,
        "accuracy where side=right": 200,
    }
    left = rows.features.x < 1.5
    assert [one.n for one in found.guardrails] == [len(rows), left.sum(), (~left).sum()]
    # Holm's smallest level.
    levels = {one.comparison.level for one in found.guardrails if one.comparison}
    assert levels == {0.05 / 3}
    assert {block.name: block.n for block in found.blocks.blocks} == {
        "left": left.sum(),
        "right": (~left).sum(),
    }
    units = len(set(rows.told_by("hand")))
    assert found.comparison.groups == found.sums.n == units < len(rows)
    assert found.predictions["group"].tolist() == rows.told_by("hand").tolist()
    plain = run_trial(attempt, Models(ALWAYS, RIGHT), rows, level=0.05)
    assert (plain.guardrails, plain.blocks) == ((), None)
    assert plain.comparison == found.comparison


def test_who_belongs_together_makes_another_test(tmp_path):
    attempt = _with_slices(tmp_path)
    ungrouped = _with_spec(
        attempt, data=attempt.inputs.spec.data.model_copy(update={"group": None})
    )
    assert look_key(attempt, CANDIDATE) != look_key(ungrouped, CANDIDATE)


def test_a_rehearsal_finds_a_guardrail_that_does_not_fit(tmp_path):
    attempt = _with_slices(tmp_path, guardrails=[{"metric": "roc_auc", "margin_bps": 100}])
    # It needs scores, which this model does not give.
    with pytest.raises(RecipeError, match="could not predict"):
        rehearse(attempt, RIGHT)


def test_validation_runs_come_after_the_look(attempt, tmp_path, monkeypatch):
    monkeypatch.setenv("HOKUSAI_HOME", str(tmp_path))
    with pytest.raises(LedgerConflict, match="validation runs come after the test"):
        require_look(attempt, CANDIDATE)
    with Ledger(Settings().prepare().ledger) as ledger:
        spend(attempt, CANDIDATE, ledger)
    require_look(attempt, CANDIDATE)
    # The same two models on the same hold-out, by a later attempt: the same look.
    require_look(replace(attempt, id="cd" * 8), CANDIDATE)
    for other in (None, replace(CANDIDATE, digest="another")):
        with pytest.raises(LedgerConflict, match="validation runs come after the test"):
            require_look(attempt, other)


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


def test_the_roc_auc_of_many_classes_can_be_logged_too(tmp_path):
    spec = write_files(tmp_path / "project", also_log=["roc_auc"])
    pool = pd.read_csv(tmp_path / "project/pool.csv")
    pool.assign(colour=pool.x.astype(int) % 3).to_csv(tmp_path / "project/pool.csv", index=False)
    inputs = read(spec)
    target, rows = SPEC["data"]["target"], inputs.part("reference")
    assert target == "colour"

    class Guesses(Says):
        classes_ = (0, 1, 2)

        def predict_proba(self, features):
            return np.eye(3)[self.predict(features)]

    guesses = Guesses(lambda features: (features.x.astype(int) + features.y.astype(int)) % 3)
    training = TrainingRows(rows, {})
    attempt = attempt_on(inputs, checks=(), training=training, players=(), champion=None)
    also = run_trial(attempt, Models(guesses, guesses), rows, level=0.05).also
    scores = guesses.predict_proba(rows.features)
    expected = roc_auc_score(rows.targets, scores, multi_class="ovr")
    assert also["roc_auc"] == pytest.approx((expected, expected), rel=1e-12)


def test_what_cannot_be_paid_for_is_found_whichever_model_it_is(tmp_path):
    spec = {"metric": "precision", "metric_options": {"positive": 1}}
    inputs = read(write_files(tmp_path / "project", **spec))
    champion = Champion(registered(), inputs.recipe, TrainingRows(inputs.part("reference"), {}))
    found = assemble(inputs, champion, ())
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
