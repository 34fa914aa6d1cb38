"""A small project that passes the gate clearly, and a way to run the flow on it."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

FLOW = Path(__file__).parents[2] / "flows" / "improve.py"
MODEL = "board"
OWNER = "0x00000000000000000000000000000000000000aa"
ADDRESSES = {
    "east": "0x00000000000000000000000000000000000000a1",
    "west": "0x00000000000000000000000000000000000000a2",
    "mirror": "0x00000000000000000000000000000000000000a3",
}
RECIPE = '''"""The nearest example decides."""
from sklearn.neighbors import KNeighborsClassifier


def build(seed):
    return KNeighborsClassifier(n_neighbors=1)
'''
SPEC: dict[str, Any] = {
    "model": MODEL,
    "task": "classification",
    "recipe": "recipe.py",
    "metric": "accuracy",
    "also_log": ["f1"],
    "owner": OWNER,
    "seed": 7,
    "data": {
        "pool": "data/pool.csv",
        "target": "colour",
        "id": "square",
        "split": {"reference": 0.12, "payment": 0.24, "holdouts": 2, "key": "flow-tests"},
    },
    "contributors": [
        {"name": name, "address": address, "data": f"data/{name}.csv"}
        for name, address in ADDRESSES.items()
    ],
    "gate": {"detectable_bps": 900},
    "cross_validation": {"repeats": 2, "folds": 2},
    "valuation": {"repeats": 2, "folds": 3},
}


def _board(rng: np.random.Generator, places: np.ndarray, name: str) -> pd.DataFrame:
    """Points on a board of 8 × 8 fields in two colours, one in fifty mislabelled."""
    x, y = 8 * places.T
    colour = (x.astype(int) + y.astype(int)) % 2
    colour = np.where(rng.random(len(places)) < 0.02, 1 - colour, colour)
    squares = [f"{name}-{i}" for i in range(len(places))]
    return pd.DataFrame({"square": squares, "x": x, "y": y, "colour": colour})


def write_project(folder: Path) -> None:
    """Write spec, recipe and data: two contributors with useful rows, one with copies only."""
    rng = np.random.default_rng(5)
    data = folder / "data"
    data.mkdir(parents=True)
    pool = _board(rng, rng.random((3000, 2)), "pool")
    pool.to_csv(data / "pool.csv", index=False)
    pool.sample(200, random_state=1).to_csv(data / "mirror.csv", index=False)
    # Well apart from each other, so that none of them counts as another's repetition.
    lattice = np.stack(np.meshgrid(np.arange(36), np.arange(36)), axis=-1).reshape(-1, 2)
    apart = (rng.permutation(lattice) + rng.uniform(0.2, 0.8, lattice.shape)) / 36
    _board(rng, apart[:720], "east").to_csv(data / "east.csv", index=False)
    _board(rng, apart[720:], "west").to_csv(data / "west.csv", index=False)
    (folder / "recipe.py").write_text(RECIPE)
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(SPEC, sort_keys=False))


class Runner:
    """Starts runs in processes of their own; see flow_process.py."""

    def __init__(self, env: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("flow_process.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
        )

    def await_ready(self) -> None:
        """Wait until it has imported everything."""
        assert json.loads(self._process.stdout.readline()) == "ready"

    def _ask(self, **request: Any) -> Any:
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the process that runs are forked from has ended"
        return json.loads(answer)

    def start(self, **request: Any) -> int:
        return self._ask(do="start", **request)

    def end(self, child: int, seconds: float = 120.0) -> int | None:
        return self._ask(do="end", child=child, seconds=seconds)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()


@dataclass
class Ran:
    """How a run ended."""

    code: int | None
    receipts: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""
    error_type: str = ""
    trace: str = ""
    output: str = ""

    @property
    def receipt(self) -> dict[str, Any]:
        """The last receipt."""
        return self.receipts[-1]

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


@dataclass
class Project:
    """A folder with a spec, its Hokusai home, and runs of `improve` in it."""

    folder: Path
    runner: Runner
    env: dict[str, str] = field(default_factory=dict)
    flow: Path = FLOW
    _count: int = 0

    @property
    def spec_path(self) -> Path:
        return self.folder / "pipeline.yaml"

    @property
    def home(self) -> Path:
        return self.folder / ".hokusai"

    @property
    def spec(self) -> dict[str, Any]:
        return yaml.safe_load(self.spec_path.read_text())

    def edit(self, **changes: Any) -> None:
        """Change keys of the spec; dictionaries are merged, None removes a key."""
        self.spec_path.write_text(yaml.safe_dump(_merged(self.spec, changes), sort_keys=False))

    def data(self, name: str) -> pd.DataFrame:
        """A data file as a frame."""
        return pd.read_csv(self.folder / "data" / f"{name}.csv")

    def write(self, name: str, frame: pd.DataFrame) -> None:
        """Replace a data file."""
        frame.to_csv(self.folder / "data" / f"{name}.csv", index=False)

    def start(
        self, times: int = 1, *, kill: Any = None, flow: str = "improve"
    ) -> tuple[int, dict[str, Any]]:
        """Start a run without waiting for it; `end` waits."""
        self._count += 1
        scratch = self.folder / "runs"
        scratch.mkdir(exist_ok=True)
        request = {
            "folder": str(self.folder),
            "spec": str(self.spec_path),
            "flow": str(self.flow if flow == "improve" else f"{FLOW.parent / flow}.py:{flow}"),
            "env": self.env,
            "times": times,
            "kill": kill,
            "result": str(scratch / f"{self._count}.json"),
            "output": str(scratch / f"{self._count}.log"),
        }
        return self.runner.start(**request), request

    def end(self, started: tuple[int, dict[str, Any]], seconds: float = 120.0) -> Ran:
        """Wait for a run that was started."""
        child, request = started
        code = self.runner.end(child, seconds)
        result, output = Path(request["result"]), Path(request["output"])
        told = json.loads(result.read_text()) if result.exists() else {}
        shown = output.read_text(errors="replace") if output.exists() else ""
        return Ran(code, **told, output=shown)

    def run(
        self, times: int = 1, expect: int | None = 0, *, kill: Any = None, flow: str = "improve"
    ) -> Ran:
        """Run a flow in a process of its own, so often; `expect` is its exit code.

        0 is success, else the error's `exit_code`; -9 is a process that was killed; None does not
        check.
        """
        ran = self.end(self.start(times, kill=kill, flow=flow))
        if expect is not None:
            assert ran.code == expect, f"exit {ran.code}\n{ran.trace or ran.output}"
        return ran

    def copy_to(self, folder: Path) -> "Project":
        """The same project and its stores in another place."""
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("runs"))
        copied = Project(folder, self.runner, dict(self.env))
        # MLflow keeps absolute places of artifacts in its database.
        if (copied.home / "mlflow.db").exists():
            _replace_text(copied.home / "mlflow.db", str(self.folder), str(folder))
        return copied


def _merged(old: Any, changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(old)
    for key, value in changes.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merged(merged[key], value)
        else:
            merged[key] = value
    return merged


def _replace_text(database: Path, before: str, after: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            for column in connection.execute(f"PRAGMA table_info('{table}')").fetchall():
                if "CHAR" in column[2].upper() or "TEXT" in column[2].upper():
                    connection.execute(
                        f'UPDATE "{table}" SET "{column[1]}" = replace("{column[1]}", ?, ?) '
                        f'WHERE instr("{column[1]}", ?)',
                        (before, after, before),
                    )


def clean_environment(**added: str) -> dict[str, str]:
    """The environment without settings of Hokusai, MLflow and Prefect."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("HOKUSAI_", "MLFLOW_", "PREFECT_"))
    }
    # Two workers share the processors: libraries that start threads for each only get in the way.
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return kept | threads | added
