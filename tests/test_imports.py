"""What importing this package costs, and what installing it does to others."""

import json
import subprocess
import sys
import textwrap
from importlib.metadata import distribution

import pytest

HEAVY = ("mlflow", "prefect", "web3", "eth", "sklearn", "pandas", "sqlalchemy", "matplotlib")
REPEATS = 5


def _python(script, *given, cwd=None):
    """What a script prints as JSON on its last line."""
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *given],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


EVERY_PUBLIC_NAME = """
    import json, sys
    import hokusai_mlflow
    for name in hokusai_mlflow.__all__:
        getattr(hokusai_mlflow, name)
    result = hokusai_mlflow.compare(
        [0, 1] * 100, [0, 0] * 100, [0, 1] * 100, metric="accuracy"
    )
    assert result.improvement == 0.5
"""


def test_the_public_names_load_nothing_heavy():
    loaded = _python(EVERY_PUBLIC_NAME + "    print(json.dumps(sorted(sys.modules)))")
    roots = {name.partition(".")[0] for name in loaded}
    assert "hokusai_mlflow" in roots
    assert roots & {*HEAVY} == set()


def test_importing_costs_less_than_half_a_second_beyond_numpy_and_scipy():
    script = """
        import json, time
        import numpy, scipy, scipy.special, scipy.stats
        started = time.process_time()
        import hokusai_mlflow
        for name in hokusai_mlflow.__all__:
            getattr(hokusai_mlflow, name)
        print(json.dumps(time.process_time() - started))
    """
    # The least of several: a busy machine only ever adds.
    assert min(_python(script) for _ in range(REPEATS)) < 0.5


def test_importing_with_the_parts_of_scipy_that_it_needs_is_as_cheap():
    # Without the help of parts that the other test imports beforehand.
    script = """
        import json, time
        import numpy, scipy
        started = time.process_time()
        import hokusai_mlflow
        from hokusai_mlflow import compare
        print(json.dumps(time.process_time() - started))
    """
    assert min(_python(script) for _ in range(REPEATS)) < 0.5


def test_only_the_evaluator_is_plugged_into_mlflow():
    points = distribution("hokusai-mlflow").entry_points
    ours = [(point.group, point.name) for point in points if point.group.startswith("mlflow")]
    # An app is loaded only by a server that is started with its name.
    assert ours == [("mlflow.app", "hokusai"), ("mlflow.model_evaluator", "hokusai")]


OTHERS = """
    import json, os, sys
    import mlflow
    loaded = [name for name in sys.modules if name.startswith("hokusai")]
    print(json.dumps(loaded))
"""


PLUGIN = {"hokusai_mlflow", "hokusai_mlflow.tracking", "hokusai_mlflow.tracking.evaluator"}


def test_importing_mlflow_loads_nothing_of_ours_but_the_evaluator_s_name():
    assert set(_python(OTHERS)) <= PLUGIN


@pytest.mark.slow
def test_the_evaluation_of_others_is_as_before(tmp_path):
    script = """
        import json, sys, warnings
        warnings.simplefilter("ignore")
        import mlflow, pandas as pd
        mlflow.set_tracking_uri(f"sqlite:///{sys.argv[1]}/mlflow.db")
        from mlflow.models.evaluation.evaluator_registry import _model_evaluation_registry
        names = sorted(_model_evaluation_registry._registry)
        data = pd.DataFrame({"x": [0, 1, 0, 1], "said": [0, 1, 1, 1], "true": [0, 1, 0, 1]})
        with mlflow.start_run():
            result = mlflow.models.evaluate(
                data=data,
                predictions="said",
                targets="true",
                model_type="classifier",
                evaluator_config={"log_explainer": False},
            )
        print(json.dumps({
            "accuracy": result.metrics["accuracy_score"],
            "metrics": sorted(result.metrics),
            "evaluators": names,
            "ours": [name for name in sys.modules if name.startswith("hokusai")],
        }))
    """
    told = _python(script, str(tmp_path), cwd=tmp_path)
    assert told["accuracy"] == 0.75
    assert {"default", "hokusai"} <= set(told["evaluators"])
    # It is known by name, and has neither run nor loaded anything.
    assert set(told["ours"]) == PLUGIN
    assert not [name for name in told["metrics"] if name.startswith(("gate/", "baseline/"))]
