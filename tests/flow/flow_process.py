"""Runs of the flow, each in a process of its own forked from one that has imported everything.

Importing MLflow, Prefect and web3 takes longer than a whole run of a small project. Requests and
answers are lines of JSON on standard input and output; the process ends when its input closes.
"""

import importlib
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path

FLOWS = Path(__file__).parents[2] / "flows"


PRELOADED = (
    "improve",
    "monitor",
    "settle",
    "hokusai_mlflow.cli.flow",
    "hokusai_mlflow.chain.local.node",
    "mlflow.pyfunc",
    "mlflow.sklearn",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.tracing.provider",
    "prefect.flow_engine",
    "prefect.task_engine",
    "pyarrow.dataset",
    "pyarrow.parquet",
    "sklearn.linear_model",
    "sklearn.model_selection",
    "sklearn.neighbors",
)


def run(request: dict) -> int:
    """Run the flow as often as asked for; receipts and what went wrong go to a file.

    Asked for no run at all, it opens the MLflow store.
    """
    os.chdir(request["folder"])
    os.environ.update(request["env"])
    from hokusai_mlflow.cli.flow import load_flow
    from hokusai_mlflow.errors import HokusaiError
    from hokusai_mlflow.settings import Settings
    from hokusai_mlflow.tracking.store import connect

    told: dict = {"receipts": [], "error": "", "error_type": "", "trace": ""}
    code = 0
    try:
        if request["kill"]:
            from flow_kill import arm

            arm(**request["kill"])
        if not request["times"]:
            connect(Settings().prepare())
        flow = load_flow(request["flow"])
        for _ in range(request["times"]):
            told["receipts"].append(flow(request["spec"]).to_dict())
    except Exception as problem:
        code = problem.exit_code if isinstance(problem, HokusaiError) else 1
        told |= {"error": str(problem), "error_type": type(problem).__name__}
        told["trace"] = traceback.format_exc()
    Path(request["result"]).write_text(json.dumps(told), encoding="utf-8")
    return code


def start(request: dict) -> int:
    """Fork a run and return its process id."""
    child = os.fork()
    if child:
        return child
    try:
        output = os.open(request["output"], os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        empty = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((empty, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        code = run(request)
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
        code = 99
    # Not sys.exit: this is a copy of the parent, whose clean-up is not the child's.
    os._exit(code)


def end(child: int, seconds: float) -> int | None:
    """Wait for a run; its exit code, negative for a signal, None when it had to be stopped."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")
    sys.path.insert(0, str(FLOWS))
    for name in PRELOADED:
        importlib.import_module(name)
    # MLflow reads the metadata of every installed package once per process.
    importlib.import_module("mlflow.utils.requirements_utils")._init_modules_to_packages_map()
    print(json.dumps("ready"), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        done = start(asked) if asked["do"] == "start" else end(asked["child"], asked["seconds"])
        print(json.dumps(done), file=answers, flush=True)
