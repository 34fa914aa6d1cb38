"""The flow in processes of its own, on a small project, with one Prefect server per session."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from flow_project import Project, Runner, clean_environment, write_project


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def _processes(tmp_path_factory):
    """A Prefect API and the process that runs are forked from; both take seconds to come up."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}/api"
    quiet = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    serving = clean_environment(
        PREFECT_HOME=str(tmp_path_factory.mktemp("prefect-server")),
        PREFECT_LOGGING_LEVEL="ERROR",
        **quiet,
    )
    running = clean_environment(
        PREFECT_HOME=str(tmp_path_factory.mktemp("prefect-client")),
        PREFECT_API_URL=url,
        PREFECT_LOGGING_LEVEL="WARNING",
        PREFECT_LOGGING_TO_API_ENABLED="false",
        **quiet,
    )
    command = [sys.executable, str(Path(__file__).with_name("flow_server.py")), str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=serving) as server:
        forks = Runner(running)
        _await(f"{url}/health", server)
        forks.await_ready()
        yield url, forks
        forks.close()
        server.terminate()


def _await(url: str, server: "subprocess.Popen[bytes]", seconds: float = 120.0) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            if server.poll() is not None or time.monotonic() > until:
                raise
        time.sleep(0.1)


@pytest.fixture(scope="session")
def prefect_server(_processes):
    """URL of a Prefect API that is this test process's own."""
    return _processes[0]


@pytest.fixture(scope="session")
def runner(_processes):
    """The process that runs are forked from."""
    return _processes[1]


@pytest.fixture(scope="session")
def _fresh(runner, tmp_path_factory):
    """A project that was never run, with an empty MLflow store: its migrations are paid once."""
    folder = tmp_path_factory.mktemp("fresh") / "project"
    write_project(folder)
    made = Project(folder, runner)
    made.run(times=0)
    return made


@pytest.fixture(scope="session")
def _founded(_fresh, tmp_path_factory):
    """A project whose baseline is registered."""
    made = _fresh.copy_to(tmp_path_factory.mktemp("founded") / "project")
    assert made.run().receipt["outcome"] == "baseline"
    return made


@pytest.fixture
def project(_fresh, tmp_path):
    """A project that was never run."""
    return _fresh.copy_to(tmp_path / "project")


@pytest.fixture
def founded(_founded, tmp_path):
    """A project with a baseline: the next run tests the contributions against it."""
    return _founded.copy_to(tmp_path / "project")
