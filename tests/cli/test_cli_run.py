"""`hokusai run`: which flow is run, what is printed, how it exits."""

import json

import pytest

pytestmark = pytest.mark.usefixtures("mlflow_loaded")

FLOW = """\
import sys

from hokusai_mlflow.report.receipt import Receipt


def improve(spec):
    print("a recipe talks on stdout")
    return Receipt(outcome="{outcome}", model="board", metric="accuracy", message="told by {where}")


def other(spec):
    return 3
"""


@pytest.fixture
def flow(folder):
    """Write a flow that returns a receipt; its path."""
    (folder / "broken.py").write_text("import nowhere_at_all")

    def write(path="flow.py", outcome="promoted"):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(FLOW.format(outcome=outcome, where=path))
        return path

    return write


def test_a_receipt_is_shown_with_where_to_look_next(call, project, flow):
    answered = call("run", project, "--flow", flow())
    assert answered.exit_code == 0, answered.output
    for told in ("Promoted", "told by flow.py", "hokusai ui", "hokusai ledger board"):
        assert told in answered.stdout


def test_one_document_per_spec_and_nothing_else_on_stdout(call, project, flow):
    answered = call("run", project, project, "--flow", flow(), "--json")
    assert answered.exit_code == 0, answered.output
    receipts = [json.loads(line) for line in answered.stdout.splitlines()]
    assert [receipt["outcome"] for receipt in receipts] == ["promoted", "promoted"]
    assert "a recipe talks on stdout" in answered.stderr


def test_the_flow_of_this_folder_comes_first(call, project, flow):
    flow("flows/improve.py")
    assert "told by flows/improve.py" in call("run", project).stdout


@pytest.mark.parametrize(
    ("outcome", "code"), [("promoted", 0), ("baseline", 0), ("nothing_new", 0), ("hold", 1)]
)
def test_scripts_may_ask_for_a_failure_when_nothing_was_promoted(
    call, project, flow, outcome, code
):
    path = flow(outcome=outcome)
    assert call("run", project, "--flow", path).exit_code == 0
    assert call("run", project, "--flow", path, "--fail-unless-promoted").exit_code == code


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("gone.py", "no flow at gone.py"),
        ("flow.py:improv", "did you mean 'improve'?"),
        ("flow.py:other", "returned int; expected the Receipt"),
        ("broken.py", "does not run: ModuleNotFoundError"),
    ],
)
def test_a_flow_that_cannot_be_used_is_refused(call, project, flow, given, message):
    flow()
    answered = call("run", project, "--flow", given)
    assert answered.exit_code == 2, answered.output
    assert message in answered.stderr


def test_every_spec_is_read_before_anything_starts(call, project, flow):
    answered = call("run", project, "gone.yaml", "--flow", flow())
    assert answered.exit_code == 2
    assert "told by" not in answered.stdout


def test_an_unreachable_prefect_server_is_named(call, project, folder):
    (folder / "flow.py").write_text(
        "def improve(spec):\n    raise RuntimeError('Failed to reach API at http://x:4200/api/')"
    )
    answered = call("run", project, "--flow", "flow.py")
    assert answered.exit_code == 3
    assert "correct PREFECT_API_URL" in answered.stderr


PREFECT_FLOW = """\
import subprocess

from prefect import flow, task

from hokusai_mlflow.errors import ModelBusy
from hokusai_mlflow.report.receipt import Receipt


@task
def work(spec):
    subprocess.run(["echo", "a child process talks on stdout"], check=True)
    if "second" in spec:
        raise ModelBusy("another run of board is under way; wait for it to end")


@flow
def improve(spec):
    work(spec)
    return Receipt(outcome="baseline", model="board", metric="accuracy", message="first")
"""


@pytest.mark.flow
@pytest.mark.exhaustive
def test_prefect_says_nothing_that_the_command_says_already(hokusai, project, folder):
    (folder / "flow.py").write_text(PREFECT_FLOW)
    (folder / "second.yaml").write_text(project.read_text())
    answered = hokusai("run", "pipeline.yaml", "second.yaml", "--flow", "flow.py", "--json")
    assert answered.returncode == 3, answered.stderr
    receipt, error = (json.loads(line) for line in answered.stdout.splitlines())
    assert receipt["outcome"] == "baseline"
    assert error["error"]["type"] == "ModelBusy"
    assert set(answered.stderr.splitlines()) == {"a child process talks on stdout"}
