"""The whole gate in the flow: groups, blocks, slices, guardrails, validation runs, tiers."""

import json

import numpy as np
import pytest
from flow_project import MODEL, Project
from mlflow import MlflowClient

from hokusai_mlflow.cli.evidence_checks import check_document, check_predictions
from hokusai_mlflow.evidence import digest
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.ledger.looks import active_holdout, looks

pytestmark = pytest.mark.flow

GATE = {
    "guardrails": [{"metric": "f1", "margin_bps": 300}],
    "slice_margin_bps": 500,
    "validation_runs": 2,
}


def _tell_apart(project: Project) -> None:
    """Two squares of one hand belong together; quarters are blocks, and there is day and night."""
    pool = project.data("pool")
    rng = np.random.default_rng(8)
    pool["hand"] = [f"hand-{number // 2}" for number in range(len(pool))]
    pool["quarter"] = np.where(pool.x < 4, "west", "east") + np.where(pool.y < 4, "s", "n")
    pool["light"] = rng.choice(["day", "night"], len(pool))
    project.write("pool", pool)
    columns = {"group": "hand", "blocks": "quarter", "slices": ["light"]}
    project.edit(data=columns, gate=GATE)


def _evidence(project: Project) -> dict:
    with Ledger(f"sqlite:///{project.home / 'ledger.db'}") as ledger:
        (entry,) = ledger.entries(model=MODEL, kind="attempt.evidence")
        return entry.body["document"]


def _findings(receipt: dict) -> dict:
    return {finding["code"]: finding for finding in receipt["decision"]["findings"]}


@pytest.fixture(scope="module")
def told_apart(_fresh, tmp_path_factory):
    """A project with groups, blocks and slices whose baseline is registered."""
    made = _fresh.copy_to(tmp_path_factory.mktemp("told-apart") / "project")
    _tell_apart(made)
    assert made.run().receipt["outcome"] == "baseline"
    return made


@pytest.fixture(scope="module")
def promoted(told_apart, tmp_path_factory):
    """The same after its contributions were promoted, with the receipt."""
    made = told_apart.copy_to(tmp_path_factory.mktemp("promoted") / "project")
    return made, made.run().receipt


def test_everything_that_the_policy_names_is_judged(promoted):
    project, receipt = promoted
    assert receipt["outcome"] == "promoted", receipt["message"]
    found = _findings(receipt)
    for code in ("guardrails", "blocks", "validation-runs", "cross-validation"):
        assert found[code]["outcome"] == "passed", found[code]
    rows = {row["name"]: row for row in found["guardrails"]["figures"]["rows"]}
    assert set(rows) == {"f1", "accuracy where light=day", "accuracy where light=night"}
    assert (
        rows["f1"]["n"]
        == receipt["comparison"]["n"]
        == sum(row["n"] for name, row in rows.items() if "light" in name)
    )
    assert found["blocks"]["figures"]["blocks"] == 4
    assert found["validation-runs"]["figures"]["better"] == 2
    # Two squares of one hand are one unit, on chain too.
    units = receipt["comparison"]["groups"]
    assert units < receipt["comparison"]["n"] <= 2 * units
    document = _evidence(project)
    assert document["evaluation"]["gate"]["n"] == receipt["comparison"]["n"]
    assert document["paired_sums"]["gate"]["n"] == str(units)
    assert document["evaluation"]["columns"]["group"] == "hand"
    assert document["crossval"]["splitter"] == "stratified_grouped"


def test_no_hand_straddles_two_parts_and_no_column_beside_is_learned_from(promoted):
    from hokusai_mlflow.inputs import read_inputs
    from hokusai_mlflow.settings import Settings

    project, _ = promoted
    inputs = read_inputs(project.spec_path, Settings(home=project.home).prepare())
    hands = inputs.pool.told_by("hand")
    parts = {hand: set(inputs.parts[hands == hand]) for hand in np.unique(hands)[:200]}
    assert all(len(of) == 1 for of in parts.values())
    assert list(inputs.pool.features.columns) == ["x", "y"]


def test_mlflow_shows_guardrails_blocks_and_runs(promoted):
    project, receipt = promoted
    client = MlflowClient(*[f"sqlite:///{project.home / 'mlflow.db'}"] * 2)
    metrics = client.get_run(receipt["run_id"]).data.metrics
    assert metrics["gate/validation-runs/better"] == 2
    assert metrics["gate/guardrails/f1/p_adjusted"] <= 0.05
    assert "gate/guardrails/accuracy where light_day/improvement_bps" in metrics
    assert metrics["gate/blocks/q_p_value"] > 0.001


def test_grouped_evidence_is_rederived_from_its_predictions(promoted, tmp_path):
    project, receipt = promoted
    document = _evidence(project)
    assert not check_document(document, receipt["evidence"]).failed
    (place,) = project.home.rglob("gate-predictions.parquet")
    for which in ("gate", "payment"):
        path = place.with_name(f"{which}-predictions.parquet")
        checks = check_predictions(document, which, path)
        assert [check.ok for check in checks] == [True] * len(checks), checks


def test_a_run_killed_among_its_validation_runs_ends_the_same(told_apart, promoted, tmp_path):
    project = told_apart.copy_to(tmp_path / "project")
    kill = {"call": "hokusai_mlflow.refits:score_on_holdout", "when": "after", "nth": 2}
    assert project.run(expect=None, kill=kill).killed
    # Whatever becomes of the file, the attempt has its own copy of who belongs together.
    pool = project.data("pool")
    pool[["hand", "quarter"]] = pool[["hand", "quarter"]].sample(frac=1, random_state=1).to_numpy()
    project.write("pool", pool)
    again = project.run().receipt
    assert again["resumed"]
    assert again["evidence"] == promoted[1]["evidence"]
    assert digest(json.loads(json.dumps(_evidence(project)))) == again["evidence"]


def test_a_kept_holdout_pays_in_tiers(founded):
    founded.edit(pay="measured", gate={"after_reward": "keep", "payment_tiers": [25, 100, 400]})
    receipt = founded.run().receipt
    assert receipt["outcome"] == "promoted", receipt["message"]
    measured = receipt["payment"]["measured_bps"]
    assert measured > 400
    document = _evidence(founded)
    # The owner changed nothing, so that all of the tier is due to contributors.
    assert document["contributions"]["contributed"] == 10_000
    assert receipt["payment"]["paid_bps"] == 400
    assert receipt["settlement"]["state"] == "confirmed"
    with Ledger(f"sqlite:///{founded.home / 'ledger.db'}") as ledger:
        (look,) = looks(ledger, MODEL, "holdout-1")
        assert (look.after_reward, look.tiers) == ("keep", 4)
        assert look.level == pytest.approx(0.05 / 2 / 20)
        assert active_holdout(ledger, MODEL, 2) == "holdout-1"


def test_a_lower_bound_pays_less_than_was_measured(founded):
    founded.edit(pay="lower_bound")
    receipt = founded.run().receipt
    assert receipt["outcome"] == "promoted", receipt["message"]
    bound = int(np.floor(receipt["comparison"]["lower_bound_bps"]))
    assert receipt["payment"]["measured_bps"] == bound
    assert 0 < receipt["payment"]["paid_bps"] <= bound < receipt["comparison"]["improvement_bps"]
    assert receipt["settlement"]["state"] == "confirmed"
