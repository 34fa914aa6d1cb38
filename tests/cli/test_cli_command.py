"""Help, version, and how errors look and exit."""

import json
import subprocess
import sys
import time

import pytest

COMMANDS = ["init", "run", "compare", "verify", "attest", "settle", "ledger", "ui", "doctor"]
CHAIN = ["status", "audit", "deploy", "configure-model", "claim", "top-up", "pause", "unpause"]


def test_version_and_help_answer_at_once_without_heavy_imports(hokusai):
    from hokusai_mlflow import __version__

    started = time.perf_counter()
    answered = hokusai("--version")
    assert time.perf_counter() - started < 5  # generous: this machine may be busy
    assert (answered.returncode, answered.stdout) == (0, f"hokusai-mlflow {__version__}\n")
    helped = hokusai("--help")
    assert helped.returncode == 0
    for name in [*COMMANDS, "chain", "Exit codes", "evidence does not check out"]:
        assert name in " ".join(helped.stdout.split())


def test_the_command_imports_nothing_heavy():
    heavy = "mlflow prefect web3 pandas numpy scipy sklearn sqlalchemy pydantic"
    code = f"import sys, hokusai_mlflow.cli; print(*set(sys.modules) & set({heavy!r}.split()))"
    answered = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answered.stdout.split() == []


@pytest.mark.parametrize("command", [*([one] for one in COMMANDS), *(["chain", c] for c in CHAIN)])
def test_every_command_explains_itself_with_an_example(call, command):
    helped = call(*command, "--help")
    assert helped.exit_code == 0
    assert "Example:" in helped.stdout
    assert "hokusai" in helped.stdout
    assert "Exit codes" in helped.stdout


def test_an_error_is_one_block_on_stderr_without_a_traceback(hokusai):
    answered = hokusai("run", "nowhere.yaml")
    assert answered.returncode == 2
    assert answered.stdout == ""
    assert answered.stderr.startswith("error: no spec at nowhere.yaml")
    assert "Traceback" not in answered.stderr
    assert len(answered.stderr.strip().splitlines()) == 1


def test_verbose_adds_the_traceback(call):
    answered = call("--verbose", "run", "nowhere.yaml")
    assert answered.exit_code == 2
    assert "Traceback" in answered.stderr
    assert answered.stderr.count("error: ") == 1


def test_an_error_is_a_document_for_scripts(call):
    answered = call("run", "nowhere.yaml", "--json")
    assert answered.exit_code == 2
    assert answered.stderr == ""
    error = json.loads(answered.stdout)["error"]
    assert (error["type"], error["exit_code"]) == ("MissingInput", 2)
    assert "nowhere.yaml" in error["message"]


def test_a_misspelt_key_of_a_spec_gets_a_suggestion(call, project):
    project.write_text(project.read_text().replace("metric:", "metrik:"))
    answered = call("run", project)
    assert answered.exit_code == 2
    assert "did you mean 'metric'" in answered.stderr


def test_a_setting_that_cannot_be_used_is_named_but_not_shown(call, monkeypatch):
    monkeypatch.setenv("HOKUSAI_CHAIN_ID", "s3cret")
    answered = call("doctor")
    assert answered.exit_code == 2
    assert "HOKUSAI_CHAIN_ID" in answered.stderr
    assert "s3cret" not in answered.stderr


def test_an_unexpected_error_says_so_and_keeps_its_traceback(call, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("ink ran out")

    monkeypatch.setattr("hokusai_mlflow.cli.doctor.examine", broken)
    answered = call("doctor")
    assert answered.exit_code == 70
    assert "unexpected ZeroDivisionError: ink ran out" in answered.stderr
    assert "Traceback" in answered.stderr


def test_interrupting_is_not_an_error_of_the_program(call, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("hokusai_mlflow.cli.doctor.examine", interrupted)
    answered = call("doctor")
    assert answered.exit_code == 130
    assert "interrupted" in answered.stderr
    assert "Traceback" not in answered.stderr


def test_documents_hold_null_where_json_has_no_number(capsys):
    from hokusai_mlflow.cli import output

    output.document({"a": float("nan"), "b": [float("inf"), 1.5], "c": (1,)})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.5], "c": [1]}
