"""Databases for the ledger's tests: a SQLite file, and a PostgreSQL server where there is one."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest


def _as_server_user():
    """Arguments that start the server unprivileged: it refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    try:
        account = pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no user 'postgres'")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


@pytest.fixture(scope="session")
def postgresql():
    pytest.importorskip("psycopg", reason="the PostgreSQL driver psycopg is not installed")
    if not shutil.which("initdb") or not shutil.which("postgres"):
        pytest.skip("the PostgreSQL server is not installed")
    account = _as_server_user()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="ledger-pg-") as folder:
        if account:
            os.chown(folder, account["user"], account["group"])
        data = Path(folder) / "data"
        run = {"stdout": subprocess.DEVNULL, "cwd": folder, **account}
        subprocess.run(
            ["initdb", "-D", data, "-A", "trust", "-U", "ledger", "-N"], check=True, **run
        )
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
        log = str(Path(folder) / "log")
        subprocess.run(
            ["pg_ctl", "-D", data, "-w", "-l", log, "-o", options, "start"], check=True, **run
        )
        try:
            yield f"postgresql+psycopg://ledger@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run(["pg_ctl", "-D", data, "-m", "immediate", "stop"], check=True, **run)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """URL of an empty database, of both kinds."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    server = request.getfixturevalue("postgresql")
    import psycopg
    from sqlalchemy import make_url

    plain = make_url(server).set(drivername="postgresql")
    name = f"test_{os.urandom(6).hex()}"
    with psycopg.connect(plain.render_as_string(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield make_url(server).set(database=name).render_as_string()
