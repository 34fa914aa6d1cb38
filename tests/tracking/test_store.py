import os
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from hokusai_mlflow.errors import TrackingUnreachable
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.tracking.store import connect


class _Gateway(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503)
        self.end_headers()

    def log_message(self, *given):
        pass


@pytest.fixture
def gateway():
    """A gateway whose server is down."""
    with HTTPServer(("127.0.0.1", 0), _Gateway) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def silent():
    """A port that accepts and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def closed():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("kind", ["gateway", "silent", "closed"])
def test_a_server_that_does_not_answer_is_told_within_seconds(kind, request, tmp_path, monkeypatch):
    monkeypatch.setattr("hokusai_mlflow.tracking.store.ANSWER_SECONDS", 1.0)
    url = request.getfixturevalue(kind)
    started = time.monotonic()
    with pytest.raises(TrackingUnreachable, match="correct MLFLOW_TRACKING_URI"):
        connect(Settings(home=tmp_path, tracking_uri=url))
    assert time.monotonic() - started < 5


def test_a_password_in_the_address_is_not_repeated(closed, tmp_path):
    secret = closed.replace("//", "//user:pass-word@")
    with pytest.raises(TrackingUnreachable) as caught:
        connect(Settings(home=tmp_path, tracking_uri=secret))
    assert "pass-word" not in str(caught.value)


def test_a_file_that_is_no_database_is_told(tmp_path):
    (tmp_path / "mlflow.db").write_text("not a database, but long enough to look like one" * 50)
    with pytest.raises(TrackingUnreachable, match="cannot be used"):
        connect(Settings(home=tmp_path, tracking_uri=f"sqlite:///{tmp_path}/mlflow.db"))


def test_connecting_leaves_the_environment_as_it_was(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    first, second = (Settings(home=tmp_path / name).prepare() for name in ("a", "b"))
    connect(first)
    assert "MLFLOW_TRACKING_URI" not in os.environ
    assert second.mlflow_uri.endswith("b/mlflow.db")
