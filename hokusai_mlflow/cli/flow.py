"""Finding the flow that `hokusai run` runs, and keeping Prefect quiet around it."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hokusai_mlflow import scaffold
from hokusai_mlflow.errors import HokusaiError, InputError, MissingInput, UnknownName, did_you_mean

LOCAL_FLOW = Path("flows/improve.py")
FUNCTION = "improve"

QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    # A cold start of the temporary server takes longer than Prefect's 20 s on a small machine.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
}

TOLD_BY_US = (
    "Finished in state",
    "Encountered exception",
    "Task run failed with exception",
    "Crash detected!",
)
"""What Prefect logs, with tracebacks, of an exception that the command reports by itself."""


class FlowUnreachable(HokusaiError, ConnectionError):
    """The Prefect API did not answer."""

    exit_code = 3


class _AlreadyTold(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith(TOLD_BY_US)


def prepare_prefect(*, verbose: bool) -> None:
    """Set Prefect's environment, where nothing is set, and import it; say nothing twice."""
    quiet = QUIET if verbose else QUIET | {"PREFECT_LOGGING_LEVEL": "WARNING"}
    for name, value in quiet.items():
        os.environ.setdefault(name, value)
    import prefect.main  # noqa: F401, PLC0415 - reads the environment when it is imported

    if not verbose:
        for handler in logging.getLogger().handlers:
            handler.addFilter(_AlreadyTold())


def load_flow(given: str | None) -> Callable[[str], Any]:
    """The flow to run.

    Parameters
    ----------
    given : str, optional
        ``FILE`` or ``FILE:FUNCTION``; by default `flows/improve.py` of the current folder, or the
        packaged one where there is none.

    Raises
    ------
    MissingInput
        When there is no such file.
    UnknownName
        When the file defines no such function.
    InputError
        When the file does not run.
    """
    path, function = _named(given)
    if not path.is_file():
        raise MissingInput(f"no flow at {path}; expected a Python file with a function {function}")
    module_name = f"hokusai_flow_{path.stem}"
    found = importlib.util.spec_from_file_location(module_name, path.resolve())
    if found is None or found.loader is None:
        raise InputError(f"{path} is not a Python file; expected --flow FILE.py[:FUNCTION]")
    module = importlib.util.module_from_spec(found)
    sys.modules[module_name] = module
    # As `python flows/improve.py` does: steps of one's own lie beside the flow.
    sys.path.insert(0, str(path.resolve().parent))
    try:
        found.loader.exec_module(module)
    except HokusaiError:
        raise
    except Exception as problem:
        raise InputError(
            f"the flow {path} does not run: {type(problem).__name__}: {problem}"
        ) from problem
    flow = getattr(module, function, None)
    if not callable(flow):
        functions = [name for name, value in vars(module).items() if callable(value)]
        raise UnknownName(f"{path} defines no flow {function!r}{did_you_mean(function, functions)}")
    return flow


def call_flow(flow: Callable[[str], Any], spec: Path) -> Any:
    """Run a flow on one spec.

    Raises
    ------
    FlowUnreachable
        When the Prefect API that is configured does not answer.
    """
    try:
        return flow(str(spec))
    except RuntimeError as problem:
        if isinstance(problem, HokusaiError) or "Failed to reach API" not in str(problem):
            raise
        raise FlowUnreachable(
            f"Prefect: {problem}; start that server, or correct PREFECT_API_URL "
            "(unset: a temporary server of its own)"
        ) from problem


def _named(given: str | None) -> tuple[Path, str]:
    if given is None:
        path = LOCAL_FLOW if LOCAL_FLOW.is_file() else scaffold.source() / LOCAL_FLOW
        return path, FUNCTION
    path, separator, function = given.rpartition(":")
    if not separator or not function.isidentifier():
        return Path(given), FUNCTION
    return Path(path), function
