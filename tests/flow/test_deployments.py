"""prefect.yaml, deployed by the commands in its first lines, run by the scheduler and a worker."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from flow_project import MODEL, clean_environment, write_project

from hokusai_mlflow import scaffold
from hokusai_mlflow.ledger import Ledger

pytestmark = [pytest.mark.flow, pytest.mark.slow]

FILE = yaml.safe_load((scaffold.source() / "prefect.yaml").read_text())
HEADER = (scaffold.source() / "prefect.yaml").read_text().split("\nname:")[0]
START_SERVER, CREATE_POOL, DEPLOY, START_WORKER = re.findall(r"^#   (prefect .*\S)$", HEADER, re.M)
FLOWS = [f"flows/{name}.py" for name in ("improve", "monitor", "report", "settle")]
WAIT = 180.0


@dataclass(frozen=True)
class Api:
    """Prefect's REST API."""

    url: str

    def post(self, path: str, body: Any) -> Any:
        """Ask, again while the server's SQLite is busy, as Prefect's own client does."""
        answered = _await(lambda: self._answer(path, body))
        assert answered.ok, f"{answered.status_code}: {answered.text}"
        return answered.json()

    def _answer(self, path: str, body: Any) -> requests.Response | None:
        response = requests.post(self.url + path, json=body, timeout=30)
        return None if response.status_code == requests.codes.unavailable else response

    def deployments(self) -> dict[str, dict[str, Any]]:
        return {found["name"]: found for found in self.post("/deployments/filter", {})}

    def runs(self, deployment: str, schedule: str | None = None) -> list[dict[str, Any]]:
        """Flow runs of a deployment in the order they were due."""
        wanted = {"deployments": {"id": {"any_": [deployment]}}}
        found = self.post("/flow_runs/filter", wanted | {"sort": "EXPECTED_START_TIME_ASC"})
        return [run for run in found if schedule in (None, run["created_by"]["id"])]


@dataclass(frozen=True)
class Place:
    """A project that is deployed to a Prefect server of its own."""

    api: Api
    folder: Path
    environment: dict[str, str]

    def run(self, command: str) -> None:
        done = subprocess.run(
            command.split(),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=WAIT,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self, command: str, log: str) -> "subprocess.Popen[bytes]":
        with (self.folder.parent / log).open("wb") as output:
            return subprocess.Popen(
                command.split(),
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def log(self, name: str) -> str:
        return (self.folder.parent / name).read_text(errors="replace")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a process and all it started."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            return


def _await(what: Any, shown: Any = lambda: "") -> Any:
    until = time.monotonic() + WAIT
    while (found := what()) in (None, False, []):
        assert time.monotonic() < until, f"waited {WAIT:.0f} s\n{shown()}"
        time.sleep(0.2)
    return found


def _healthy(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=5).ok
    except requests.ConnectionError:
        return False


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A project with a server, a work pool and both deployments; no worker yet."""
    root = tmp_path_factory.mktemp("deployed")
    folder = root / "project"
    write_project(folder / "examples" / "digits")
    for path in (*FLOWS, "prefect.yaml"):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text((scaffold.source() / path).read_text())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    environment = clean_environment(
        PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        PREFECT_HOME=str(root / "prefect"),
        PREFECT_API_URL=url,
        PREFECT_SERVER_API_HOST="127.0.0.1",
        PREFECT_SERVER_API_PORT=str(port),
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        DO_NOT_TRACK="1",
        # How often server and worker look; their defaults are for days, not for a test.
        PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS="2",
        PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS="3",
        PREFECT_WORKER_QUERY_SECONDS="1",
    )
    made = Place(Api(url), folder, environment)
    server = made.start(START_SERVER, "server.log")
    try:
        _await(lambda: server.poll() is not None or _healthy(url), lambda: made.log("server.log"))
        assert server.poll() is None, made.log("server.log")
        made.run(CREATE_POOL)
        made.run(DEPLOY)
        yield made
    finally:
        _end(server)


@pytest.fixture
def worker(place):
    process = place.start(START_WORKER, "worker.log")
    yield process
    _end(process)


def _schedule(found: dict[str, Any]) -> dict[str, Any]:
    """A schedule of the API in the words of prefect.yaml."""
    kinds = {"cron", "interval", "rrule", "timezone"}
    rule = {key: value for key, value in found["schedule"].items() if key in kinds}
    return rule | {"slug": found["slug"], "active": found["active"]}


def _as_deployed(found: dict[str, Any]) -> dict[str, Any]:
    """A deployment of the API in the words of prefect.yaml."""
    limit = found["global_concurrency_limit"]
    return {
        key: found[key] for key in ("name", "description", "tags", "entrypoint", "parameters")
    } | {
        "work_pool": {
            "name": found["work_pool_name"],
            "work_queue_name": found["work_queue_name"],
        },
        "concurrency_limit": {
            "limit": limit and limit["limit"],
            "collision_strategy": (found["concurrency_options"] or {}).get("collision_strategy"),
        },
        "schedules": [_schedule(one) for one in found["schedules"]],
    }


def test_the_readme_gives_the_same_commands():
    readme = (scaffold.source() / "README.md").read_text()
    assert "\n".join((START_SERVER, CREATE_POOL, DEPLOY, START_WORKER)) in readme


def test_every_deployment_has_exactly_what_the_file_says(place):
    assert set(FILE) == {"name", "prefect-version", "definitions", "deployments"}
    deployed = place.api.deployments()
    assert set(deployed) == {given["name"] for given in FILE["deployments"]}
    for given in FILE["deployments"]:
        found = _as_deployed(deployed[given["name"]])
        schedules = [{"timezone": "UTC"} | schedule for schedule in given["schedules"]]
        assert found == given | {"schedules": schedules}
        assert deployed[given["name"]]["enforce_parameter_schema"]


def test_the_scheduler_makes_runs_of_the_schedules_in_the_file(place):
    for given, hours in (("improve-digits", 24), ("settle", 0.25)):
        found = place.api.deployments()[given]
        runs = _await(lambda found=found: place.api.runs(found["id"])[:2])
        due = [datetime.fromisoformat(run["expected_start_time"]) for run in runs]
        assert due[1] - due[0] == timedelta(hours=hours)
        assert all(run["state_name"] == "Scheduled" for run in runs)


def _due_soon(place: Place, deployment: str, times: int) -> str:
    """Add a schedule that fires soon, so often; its id."""
    # The scheduler makes runs of the future only: on a busy machine it comes round late.
    start = datetime.now(UTC) + timedelta(seconds=10)
    rule = f"DTSTART:{start:%Y%m%dT%H%M%SZ}\nRRULE:FREQ=SECONDLY;INTERVAL=2;COUNT={times}"
    found = place.api.deployments()[deployment]
    schedule = {"active": True, "schedule": {"rrule": rule, "timezone": "UTC"}}
    return place.api.post(f"/deployments/{found['id']}/schedules", [schedule])[0]["id"]


def _in_state(place: Place, deployment: str, schedule: str, *states: str) -> list[dict[str, Any]]:
    """Wait until the runs of a schedule are in these states, in the order they were due."""

    def there() -> list[dict[str, Any]]:
        runs = place.api.runs(place.api.deployments()[deployment]["id"], schedule)
        found = [run["state_type"] for run in runs]
        assert not {"FAILED", "CRASHED", "CANCELLED"} & set(found), place.log("worker.log")
        return runs if sorted(found) == sorted(states) else []

    return _await(there, lambda: place.log("worker.log"))


def _started(place: Place, deployment: str, parameters: dict[str, Any] | None = None) -> str:
    """Make a run of a deployment that is due at once; its id."""
    found = place.api.deployments()[deployment]["id"]
    made = place.api.post(f"/deployments/{found}/create_flow_run", {"parameters": parameters or {}})
    return made["id"]


def _until(place: Place, run: str, name: str) -> None:
    """Wait until a run is in the state of this name."""

    def there() -> bool:
        (found,) = place.api.post("/flow_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
        state = found["state"]["name"]
        assert state not in {"Failed", "Crashed", "Cancelled"} - {name}, place.log("worker.log")
        return state == name

    _await(there, lambda: place.log("worker.log"))


@pytest.mark.timeout(600)
def test_scheduled_runs_improve_the_model_and_settle_without_paying_twice(place, worker):
    improve = _due_soon(place, "improve-digits", 2)
    _in_state(place, "improve-digits", improve, "COMPLETED", "RUNNING")
    settle = _started(place, "settle")
    runs = _in_state(place, "improve-digits", improve, "COMPLETED", "COMPLETED")
    _until(place, settle, "Completed")

    first, second = sorted(runs, key=lambda run: run["start_time"])
    assert second["start_time"] >= first["end_time"], "the second run did not wait for the first"
    assert {run["name"] for run in runs} == {"examples/digits/pipeline.yaml"}
    assert _books(place) == {
        "outcomes": ["baseline", "promoted"],
        "champion": ("2", "promoted", "rewarded"),
        "payments": 1,
        "paid once": True,
    }
    assert worker.poll() is None
    assert "Warning" not in place.log("worker.log")


def _books(place: Place) -> dict[str, Any]:
    """What ledger, registry and chain in the folder of the deployments say."""
    from mlflow import MlflowClient

    from hokusai_mlflow.chain.connect import connect
    from hokusai_mlflow.chain.deployment import find_deployment
    from hokusai_mlflow.chain.verifier import Verifier
    from hokusai_mlflow.report.receipt import Receipt

    home = place.folder / ".hokusai"
    with Ledger(f"sqlite:///{home / 'ledger.db'}") as ledger:
        ledger.verify()
        closed = ledger.entries(kind="attempt.closed")
        receipt = closed[-1].body["receipt"]
        confirmed = ledger.entries(kind="settlement.confirmed")
    client = MlflowClient(*[f"sqlite:///{home / 'mlflow.db'}"] * 2)
    champion = client.get_model_version_by_alias(MODEL, "champion")
    outcome, settled = (champion.tags[f"hokusai.{tag}"] for tag in ("outcome", "settlement"))
    web3 = connect(rpc_url=None, chain_id=None, home=home)
    deployed = find_deployment(home, web3.eth.chain_id)
    verifier = Verifier.of(web3, deployed, home=home)
    try:
        return {
            "outcomes": [entry.body["outcome"] for entry in closed],
            "champion": (str(champion.version), outcome, settled),
            "payments": len(confirmed),
            "paid once": 0 < verifier.supply() == Receipt.from_dict(receipt).total_wei,
        }
    finally:
        web3.provider.chain.close()


@pytest.mark.exhaustive
@pytest.mark.usefixtures("worker")
def test_a_gate_that_asks_a_person_is_suspended_and_goes_on_after_the_form(place):
    """The process ends while nobody answers; the run is taken up from its first step."""
    folder = place.folder / "examples" / "asked"
    write_project(folder)
    spec = yaml.safe_load((folder / "pipeline.yaml").read_text())
    spec |= {"model": "asked", "approval": {"via": "prefect", "hours": 1}}
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(spec))
    given = {"spec": "examples/asked/pipeline.yaml"}
    _until(place, _started(place, "improve-digits", given), "Completed")
    asked = _started(place, "improve-digits", given)
    _until(place, asked, "Suspended")
    form = {"run_input": {"word": "approve", "reviewer": "the owner", "note": ""}}
    assert place.api.post(f"/flow_runs/{asked}/resume", form)["status"] == "ACCEPT"
    _until(place, asked, "Completed")
    with Ledger(f"sqlite:///{place.folder / '.hokusai' / 'ledger.db'}") as ledger:
        (word,) = ledger.entries(model="asked", kind="attempt.reviewed")
        closed = ledger.entries(model="asked", kind="attempt.closed")
        assert len(ledger.entries(model="asked", kind="look")) == 1
    assert word.body["by"] == "the owner"
    assert [entry.body["outcome"] for entry in closed] == ["baseline", "promoted"]
