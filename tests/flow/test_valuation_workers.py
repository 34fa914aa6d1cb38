"""The same values wherever refits run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, sys
from pathlib import Path

from prefect import flow
from worlds import attempt_on, read, registered, write_files

from hokusai_mlflow.novelty import Champion, assemble
from hokusai_mlflow.inputs import TrainingRows
from hokusai_mlflow.valuation_steps import value_contributions


@flow
def value(folder, plan):
    inputs = read(write_files(folder, valuation={"repeats": 2, "folds": 2, **plan}))
    champion = Champion(registered(), inputs.recipe, TrainingRows(inputs.part("reference"), {}))
    found = assemble(inputs, champion, ())
    attempt = attempt_on(
        inputs, checks=found[0], training=found[1], players=found[2], champion=champion
    )
    return value_contributions(attempt).to_dict()


if __name__ == "__main__":
    plans = json.loads(sys.argv[2])
    told = [value(Path(sys.argv[1]) / str(at), plan) for at, plan in enumerate(plans)]
    Path(sys.argv[1], "told.json").write_text(json.dumps(told))
"""


def _values(folder, plans):
    script = folder / "value.py"
    script.write_text(SCRIPT)
    env = os.environ | {
        "HOKUSAI_HOME": str(folder / "home"),
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    said = [sys.executable, str(script), str(folder), json.dumps(plans)]
    subprocess.run(said, env=env, check=True, capture_output=True)
    return json.loads((folder / "told.json").read_text())


@pytest.mark.flow
@pytest.mark.exhaustive
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("runner", ["processes", "dask"])
def test_workers_elsewhere_find_the_same(tmp_path, runner):
    if runner == "dask":
        pytest.importorskip("prefect_dask")
    here, there = _values(tmp_path, [{}, {"runner": runner, "workers": 2}])
    assert here == there
    assert here["valuation"]["method"] == "rows"


@pytest.mark.flow
@pytest.mark.exhaustive
@pytest.mark.timeout(1_200)
def test_a_budget_that_ends_is_told_and_another_method_is_another_game(tmp_path):
    short, sampled, exact, alone = _values(
        tmp_path,
        [
            {"precision": 1e-6, "max_refits": 400},
            {"method": "shapley", "max_refits": 80, "precision": 1e-6},
            {"method": "shapley"},
            {"method": "leave_one_out"},
        ],
    )
    assert short["valuation"]["stopped"] == "budget"
    assert short["valuation"]["refits"] <= 400
    assert short["valuation"]["sampling_error"] > 1e-6
    assert [told["valuation"]["method"] for told in (sampled, exact, alone)] == [
        "exact",
        "exact",
        "leave_one_out",
    ]
    total = sum(exact["shapley"]["values"])
    assert exact["shapley"]["total"] == pytest.approx(total) or "left_out" in exact["valuation"]
