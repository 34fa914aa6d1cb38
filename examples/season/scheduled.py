"""A Prefect server, a process worker and the season's deployments, in a folder of their own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil

FIRST_DAY = date(2026, 1, 5)
"""The season's first day, a Monday."""
POOL = "hokusai"
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
WAIT = 600.0


class Prefect:
    """Runs the deployments of `prefect.yaml` on simulated days.

    A run is made through Prefect's API, scheduled for the hour that its deployment's cron names, on
    that day. The day is past, so the worker takes the run up at once.

    Parameters
    ----------
    folder : Path
        Has prefect.yaml and flows; the stores and logs go there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("HOKUSAI_", "MLFLOW_", "PREFECT_"))
        }
        bin_ = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self._environment = kept | {
            "PATH": bin_,
            "HOKUSAI_HOME": str(folder / ".hokusai"),
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
            "PREFECT_SERVER_API_HOST": "127.0.0.1",
            "PREFECT_SERVER_API_PORT": str(port),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            # How often a worker looks for runs, and a run for its turn; the defaults are for days.
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "2",
            # Several runs share two processors.
            "OMP_NUM_THREADS": "1",
        }
        self._api = httpx.Client(base_url=f"http://127.0.0.1:{port}/api", timeout=60)
        self._server: subprocess.Popen[bytes] | None = None
        self._worker: subprocess.Popen[bytes] | None = None
        self._deployments: dict[str, str] = {}
        self._crons: dict[str, str] = {}
        self._made = 0

    def __enter__(self) -> Prefect:
        try:
            self._server = self._start("server", "prefect", "server", "start")
            self._await(self._healthy, "server")
            self._run("prefect", "work-pool", "create", POOL, "--type", "process")
            self._run("prefect", "--no-prompt", "deploy", "--all")
            for one in self._ask("/deployments/filter", {}):
                self._deployments[one["name"]] = one["id"]
                self._crons[one["name"]] = one["schedules"][0]["schedule"]["cron"]
            self.start_worker()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *problem: object) -> None:
        for process in (self._worker, self._server):
            if process is not None:
                _end(process)
        self._api.close()

    def start_worker(self) -> None:
        """Start a worker; there is one at a time."""
        self._worker = self._start("worker", "prefect", "worker", "start", "--pool", POOL)

    def kill_worker(self) -> None:
        """End the worker and the runs in its hands by SIGKILL, as a machine that loses power."""
        assert self._worker is not None
        _kill(self._worker)
        self._worker = None

    def due(self, day: int, deployment: str) -> datetime | None:
        """When a deployment runs on a day; None when it does not."""
        return due(self._crons[deployment], FIRST_DAY + timedelta(days=day - 1))

    def begin(self, day: int, deployment: str) -> str:
        """Make the run that a deployment's schedule has for a day; its id."""
        at = self.due(day, deployment)
        assert at is not None, f"{deployment} does not run on day {day}"
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": at.isoformat()}}
        self._made += 1
        # Asked again after an answer that was lost, it makes no second run.
        asked = {"state": state, "tags": [f"day-{day:02d}"], "idempotency_key": str(self._made)}
        path = f"/deployments/{self._deployments[deployment]}/create_flow_run"
        return str(self._ask(path, asked)["id"])

    def finish(self, runs: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Wait until runs have ended; how, by id."""
        runs = list(runs)

        def ended() -> list[dict[str, Any]]:
            found = [self._state(run) for run in runs]
            return found if all(one["type"] in ENDED for one in found) else []

        return dict(zip(runs, self._await(ended, "worker"), strict=True))

    def has_ended(self, run: str) -> bool:
        """Whether a run is over, well or not."""
        return self._state(run)["type"] in ENDED

    def give_up(self, run: str) -> None:
        """Tell Prefect that a run died with its worker, so that its place is free again."""
        state = {"type": "CRASHED", "message": "the worker was killed"}
        self._ask(f"/flow_runs/{run}/set_state", {"state": state, "force": True})

    def log(self, name: str) -> str:
        """The end of what the server or the worker said."""
        said = (self._folder / f"{name}.log").read_text(errors="replace")
        return "\n".join(said.splitlines()[-40:])

    # ------------------------------------------------------------------------------- inside

    def _state(self, run: str) -> dict[str, Any]:
        (found,) = self._ask("/flow_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
        return dict(found["state"])

    def _ask(self, path: str, body: dict[str, Any]) -> Any:
        """Ask, again while the server is too busy to answer, as Prefect's own client does."""
        until = time.monotonic() + WAIT
        while True:
            try:
                answer = self._api.post(path, json=body)
            except httpx.TransportError:
                if time.monotonic() > until:
                    raise
            else:
                if (
                    answer.status_code != httpx.codes.SERVICE_UNAVAILABLE
                    or time.monotonic() > until
                ):
                    answer.raise_for_status()
                    return answer.json()
            time.sleep(0.5)

    def _healthy(self) -> bool:
        try:
            return self._api.get("/health").is_success
        except httpx.TransportError:
            return False

    def _start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        with (self._folder / f"{name}.log").open("ab") as output:
            return subprocess.Popen(
                command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C reaches this process alone, which then ends the others.
                start_new_session=True,
            )

    def _run(self, *command: str) -> None:
        ran = subprocess.run(
            command,
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise RuntimeError(f"{' '.join(command)}: {ran.stdout}{ran.stderr}")

    def _await(self, what: Callable[[], Any], log: str) -> Any:
        until = time.monotonic() + WAIT
        while not (found := what()):
            for process in (self._server, self._worker):
                if process is not None and process.poll() is not None:
                    raise RuntimeError(f"ended with {process.returncode}:\n{self.log(log)}")
            if time.monotonic() > until:
                raise TimeoutError(f"waited {WAIT:.0f} s:\n{self.log(log)}")
            time.sleep(0.2)
        return found


def due(cron: str, day: date) -> datetime | None:
    """When a daily or weekly cron fires on a day (UTC); None when it does not.

    Raises
    ------
    ValueError
        When the cron is neither ``minute hour * * *`` nor ``minute hour * * weekday[,weekday]``.
    """
    minute, hour, *dates, weekday = cron.split()
    if dates != ["*", "*"] or not (minute.isdigit() and hour.isdigit()):
        raise ValueError(f"expected 'minute hour * * weekdays or *', found {cron!r}")
    # Cron counts from Sunday.
    if weekday != "*" and day.isoweekday() % 7 not in {int(one) % 7 for one in weekday.split(",")}:
        return None
    return datetime(day.year, day.month, day.day, int(hour), int(minute), tzinfo=UTC)


def _kill(process: subprocess.Popen[bytes]) -> None:
    try:
        every = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    except psutil.NoSuchProcess:
        return
    for one in every:
        try:
            one.kill()
        except psutil.NoSuchProcess:
            continue
    process.wait(30)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        _kill(process)
