"""`hokusai init` and `hokusai ui`: a folder to start in, and a page to look at."""

# ruff: noqa: PLC0415

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hokusai_mlflow.cli import output
from hokusai_mlflow.cli.options import read_settings
from hokusai_mlflow.errors import InputError, TrackingUnreachable

if TYPE_CHECKING:
    from hokusai_mlflow.settings import Settings

EXAMPLES = "digits, doctor_visits, language_model, translation, human_ratings, proven_predictions"
START_SECONDS = 120.0
STOP_SECONDS = 10.0


def init(
    folder: Annotated[Path, typer.Argument(help="Where to; made when missing.")] = Path(),
    example: Annotated[str, typer.Option(help=f"One of: {EXAMPLES}.")] = "digits",
) -> None:
    """Copy the flows, prefect.yaml and an example into a folder, overwriting nothing.

    Example: hokusai init my-project --example digits
    """
    from hokusai_mlflow import scaffold

    written = scaffold.create(folder, example=example)
    output.say(f"{len(written)} files written to {folder.resolve()}. Next:", "bold")
    if Path(".gitignore") not in written:
        output.say("  add .hokusai/ to your .gitignore: it will hold keys")
    home = "" if folder == Path() else f"cd {shlex.quote(str(folder))} && "
    output.say(f"  {home}python examples/{example}/make_data.py")
    output.say(f"  hokusai run examples/{example}/pipeline.yaml")


def ui(
    host: Annotated[str, typer.Option(help="Interface to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535)] = 5000,
    prefix: Annotated[str, typer.Option(help="Path in front of all pages, behind a proxy.")] = "",
    build: Annotated[
        Path | None, typer.Option(help="Write the dashboard as files into this folder instead.")
    ] = None,
    mlflow_url: Annotated[
        str, typer.Option(help="With --build: where MLflow is, for the pages to link to.")
    ] = "",
) -> None:
    """Serve MLflow's pages and the dashboard beside them, until Ctrl-C.

    Example: hokusai ui --port 5001
    """
    settings = read_settings()
    if build is not None:
        _build(settings, build, mlflow_url)
        return
    uri = settings.mlflow_uri
    if uri.startswith(("http://", "https://")):
        output.say(f"the store is an MLflow server already: open {uri}")
        output.say("the dashboard goes beside it: start that server with --app-name hokusai, or")
        output.say("write the pages as files, for any web server: hokusai ui --build FOLDER")
        return
    _require_free(host, port)
    settings.prepare()
    serve = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--no-serve-artifacts"]
    serve += ["--backend-store-uri", uri, "--host", host, "--port", str(port)]
    serve += ["--uvicorn-opts", "--log-level warning", "--app-name", "hokusai"]
    prefix = f"/{prefix.strip('/')}" if prefix.strip("/") else ""
    if prefix:
        serve += ["--static-prefix", prefix]
    if settings.artifact_root:
        serve += ["--default-artifact-root", settings.artifact_root]
    # The server must not outlive this process: whatever ends it politely is an interruption, also
    # where a shell that started it in the background has it ignore SIGINT.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    # A session of its own: Ctrl-C reaches this process alone, which then ends the server.
    server = subprocess.Popen(
        serve,
        # What it says there is about defaults; errors come on standard error.
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        env=os.environ
        | {
            "MLFLOW_LOGGING_LEVEL": "WARNING",
            "PYTHONWARNINGS": "ignore",
            "HOKUSAI_HOME": str(settings.home.resolve()),
        },
    )
    try:
        _await(server, host, port)
        shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
        where = f"http://{shown}:{port}{prefix}"
        output.say(f"Dashboard on {settings.home}: {where}/hokusai/  (Ctrl-C ends it)", "bold")
        output.say(f"MLflow: {where}/")
        server.wait()
    except KeyboardInterrupt:
        output.say("stopped")
    finally:
        _stop(server)
    if server.returncode and server.returncode > 0:
        raise TrackingUnreachable(f"the MLflow server ended with {server.returncode}; see above")


def _build(settings: Settings, folder: Path, mlflow_url: str) -> None:
    from hokusai_mlflow.dashboard.site import build
    from hokusai_mlflow.dashboard.views import Site
    from hokusai_mlflow.dashboard.watching import compare_with_chain
    from hokusai_mlflow.history import History, costs

    if mlflow_url and not mlflow_url.startswith(("http://", "https://")):
        raise InputError(f"--mlflow-url is an http address, found {mlflow_url!r}")
    with History.of(settings) as history:
        compare_with_chain(history, settings)
        count = build(Site(history, costs.read(settings), mlflow=mlflow_url), folder)
    output.say(f"{count:,} files in {folder}: serve them with any web server", "bold")


def _require_free(host: str, port: int) -> None:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as problem:
        raise InputError(
            f"cannot listen on {host}:{port}: {problem.strerror or problem}; choose another --port"
        ) from None


def _await(server: subprocess.Popen[bytes], host: str, port: int) -> None:
    until = time.monotonic() + START_SECONDS
    target = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    while server.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection((target, port), timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise TrackingUnreachable(
        f"the MLflow server on {host}:{port} did not start within {START_SECONDS:.0f} s; see above"
    )


def _stop(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is not None:
        return
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
