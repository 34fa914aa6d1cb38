"""What `hokusai doctor` sees of packages and stores. Nothing is made that was not there."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

from hokusai_mlflow.cli.finding import NOT_YET, Finding
from hokusai_mlflow.cli.options import database_file
from hokusai_mlflow.settings import Settings

SHOWN = ("mlflow", "prefect", "scikit-learn", "web3")


def versions() -> Iterator[Finding]:
    """Python and every package that is required."""
    unmet = []
    for line in requires("hokusai-mlflow") or ():
        required = Requirement(line)
        if required.marker is not None and not required.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(required.name)
        except PackageNotFoundError:
            found = "missing"
        if found == "missing" or not required.specifier.contains(found, prereleases=True):
            unmet.append(f"{required.name} is {found}, needed is {required.specifier}")
    yield Finding("Python", True, platform.python_version())
    told = ", ".join(f"{name} {version(name)}" for name in SHOWN)
    if unmet:
        yield Finding("packages", False, "; ".join(unmet), "pip install -U hokusai-mlflow")
    else:
        yield Finding("packages", True, told)


def folder(settings: Settings) -> Finding:
    """The Hokusai home."""
    home = settings.home.resolve()
    if not home.exists():
        return Finding("home", None, f"{home}: {NOT_YET}")
    if not os.access(home, os.W_OK | os.X_OK):
        return Finding(
            "home", False, f"{home} cannot be written", "change its owner, or set HOKUSAI_HOME"
        )
    return Finding("home", True, str(home))


def store(settings: Settings) -> Finding:
    """The MLflow store."""
    file = database_file(settings.mlflow_uri)
    if file is not None and not _has_content(file):
        return Finding("MLflow store", None, f"{file}: {NOT_YET}")
    from hokusai_mlflow.tracking.store import connect  # noqa: PLC0415

    models = connect(settings).search_registered_models()
    where = str(file) if file else settings.mlflow_uri.split("@")[-1]
    return Finding("MLflow store", True, f"{where}, {len(models)} registered models")


def ledger(settings: Settings) -> Finding:
    """The ledger: it opens, its hash chain holds, and what in it is unfinished."""
    file = database_file(settings.ledger)
    if file is not None and not _has_content(file):
        return Finding("ledger", None, f"{file}: {NOT_YET}")
    from sqlalchemy import inspect  # noqa: PLC0415

    from hokusai_mlflow.ledger import Ledger  # noqa: PLC0415
    from hokusai_mlflow.ledger.database import explained, open_engine, parse  # noqa: PLC0415

    url = parse(settings.ledger)
    with explained(url, 5.0):
        engine = open_engine(url, wait=5.0)
        try:
            there = inspect(engine).has_table("entries")
        finally:
            engine.dispose()
    if not there:
        return Finding("ledger", None, f"{url.render_as_string()}: {NOT_YET}")
    with Ledger(settings.ledger, wait=5.0) as opened:
        count = opened.verify()
        closed = {entry.attempt for entry in opened.entries(kind="attempt.closed")}
        begun = {entry.attempt for entry in opened.entries(kind="attempt.opened")}
    told = f"{count} entries, every digest holds"
    if begun - closed:
        told += f"; {len(begun - closed)} attempts unfinished: the next `hokusai run` finishes them"
    return Finding("ledger", True, told)


def _has_content(file: Path) -> bool:
    return file.is_file() and file.stat().st_size > 0
