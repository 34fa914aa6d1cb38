"""`hokusai init` and `hokusai ui`."""

import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request

import pytest
import yaml

from hokusai_mlflow import scaffold
from hokusai_mlflow.cli.project import EXAMPLES


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A checkout with two examples."""
    root = tmp_path / "checkout"
    whole = ("pipeline.yaml", "recipe.py", "make_data.py", "data/pool.csv")
    for name, files in {
        "digits": whole,
        "doctor_visits": whole,
        "add_a_step": ("improve.py",),
    }.items():
        for file in files:
            path = root / "examples" / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
    (root / "flows" / "__pycache__").mkdir(parents=True)
    (root / "flows" / "__pycache__" / "improve.pyc").write_text("")
    (root / "flows" / "improve.py").write_text("flow")
    (root / "prefect.yaml").write_text(
        "spec: examples/digits/pipeline.yaml\nname: improve-digits\n"
    )
    monkeypatch.setattr(scaffold, "source", lambda: root)
    return root


def _files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_init_copies_flows_deployments_and_an_example_without_data(call, source, folder):
    answered = call("init", "mine")
    assert answered.exit_code == 0, answered.output
    assert _files(folder / "mine") == [
        ".gitignore",
        "examples/add_a_step/improve.py",
        "examples/digits/make_data.py",
        "examples/digits/pipeline.yaml",
        "examples/digits/recipe.py",
        "flows/improve.py",
        "prefect.yaml",
    ]
    assert "cd mine && python examples/digits/make_data.py" in answered.stdout
    assert "hokusai run examples/digits/pipeline.yaml" in answered.stdout
    assert ".hokusai/" in (folder / "mine" / ".gitignore").read_text()


def test_init_schedules_the_example_that_was_chosen(call, source, folder):
    assert call("init", "--example", "doctor_visits").exit_code == 0
    schedules = yaml.safe_load((folder / "prefect.yaml").read_text())
    assert schedules["spec"] == "examples/doctor_visits/pipeline.yaml"


def test_init_overwrites_nothing(call, source, folder):
    (folder / "mine").mkdir()
    (folder / "mine" / "prefect.yaml").write_text("precious")
    answered = call("init", "mine")
    assert answered.exit_code == 2
    assert "mine already has prefect.yaml; nothing was written" in answered.stderr
    assert _files(folder / "mine") == ["prefect.yaml"]
    assert (folder / "mine" / "prefect.yaml").read_text() == "precious"


def test_init_leaves_a_gitignore_as_it_is_and_says_what_belongs_in_it(call, source, folder):
    (folder / ".gitignore").write_text("mine")
    answered = call("init")
    assert answered.exit_code == 0
    assert "add .hokusai/ to your .gitignore" in answered.stdout
    assert (folder / ".gitignore").read_text() == "mine"


def test_init_names_the_examples_there_are(call, source):
    answered = call("init", "mine", "--example", "digit")
    assert answered.exit_code == 2
    assert "did you mean 'digits'?" in answered.stderr


def test_a_file_where_the_folder_should_be(call, source, folder):
    (folder / "mine").write_text("")
    answered = call("init", "mine")
    assert answered.exit_code == 2
    assert "cannot write to mine" in answered.stderr


def test_the_installed_copy_serves_where_there_is_no_checkout(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "hokusai_mlflow"
    (package / "_scaffold" / "flows").mkdir(parents=True)
    monkeypatch.setattr(scaffold, "__file__", str(package / "scaffold.py"))
    assert scaffold.source() == package / "_scaffold"


def test_an_incomplete_installation_says_so(call, tmp_path, monkeypatch):
    monkeypatch.setattr(scaffold, "__file__", str(tmp_path / "a" / "b" / "scaffold.py"))
    answered = call("init", "mine")
    assert answered.exit_code == 2
    assert "install hokusai-mlflow again" in answered.stderr


def test_this_checkout_has_what_init_copies(call, folder):
    for example in EXAMPLES.split(", "):
        assert example in scaffold.examples()
        assert call("init", example, "--example", example).exit_code == 0
        made = folder / example / "examples" / example
        assert {"pipeline.yaml", "recipe.py", "make_data.py"} <= {p.name for p in made.iterdir()}
        assert not (made / "data").exists()
        assert (folder / example / "flows" / "improve.py").is_file()
        entries = yaml.safe_load((folder / example / "prefect.yaml").read_text())["deployments"]
        assert all(example in entry["parameters"]["spec"] for entry in entries)
        # A monitor without fresh labels would fail every day.
        (monitor,) = [one for one in entries if one["name"].startswith("monitor-")]
        watched = "monitor" in yaml.safe_load((made / "pipeline.yaml").read_text())
        assert [one["active"] for one in monitor["schedules"]] == [watched]
        assert sum(one["schedules"][0]["active"] for one in entries) == 3 + watched


def test_an_installation_has_what_init_copies():
    root = scaffold.source()
    told = tomllib.loads((root / "pyproject.toml").read_text())
    included = told["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert set(EXAMPLES.split(", ")) == set(scaffold.examples())
    for name in (*scaffold.COPIED, *(f"examples/{one}" for one in scaffold.examples())):
        for path in scaffold._files(root, (name,)):
            assert included[str(path)] == f"hokusai_mlflow/_scaffold/{path}"


def test_ui_points_to_the_server_that_is_used_already(call, monkeypatch, folder):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example:5000")
    answered = call("ui")
    assert answered.exit_code == 0
    assert "http://mlflow.example:5000" in answered.stdout
    assert not (folder / ".hokusai").exists()


def test_ui_says_which_port_is_taken(call):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        answered = call("ui", "--port", taken.getsockname()[1])
    assert answered.exit_code == 2
    assert "choose another --port" in answered.stderr


@pytest.mark.slow
@pytest.mark.exhaustive
def test_ui_serves_until_interrupted(folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "hokusai_mlflow.cli", "ui", "--port", str(port)]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert f"http://127.0.0.1:{port}" in server.stdout.readline()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=30) as page:
                assert page.status == 200
            os.kill(server.pid, signal.SIGINT)
            assert server.wait(90) == 0
        finally:
            server.terminate()
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.2)
    raise AssertionError("the MLflow server outlived the command")
