"""Chains by URL, and what is said when there is none."""

import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from chain_world import MODEL

from hokusai_mlflow.chain.connect import connect, open_local_chain, place_of
from hokusai_mlflow.chain.deployment import find_deployment
from hokusai_mlflow.chain.local import serve
from hokusai_mlflow.chain.verifier import Verifier
from hokusai_mlflow.errors import ChainUnreachable, ContractRefused, InputError, WrongChain


@contextmanager
def running(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def url(world):
    with running(serve(world.web3.provider.chain)) as url:
        yield url


def close(web3):
    for session in web3.provider._request_session_manager.session_cache._data.values():
        session.close()


def test_a_payment_through_a_node_by_url(world, url):
    web3 = connect(rpc_url=url, chain_id=31_337, home=world.home)
    deployment = find_deployment(world.home, 31_337)
    verifier = Verifier.of(web3, deployment, home=world.home)
    improvement = world.improvement()
    verifier.transact(
        world.keys.admin, "processImprovement", improvement.message(), world.attest(improvement)
    )
    assert verifier.supply() == world.verifier.supply() == 5 * 10**18
    assert verifier.recorded(improvement.evidence) == world.verifier.recorded(improvement.evidence)
    with pytest.raises(ContractRefused, match="EvidenceUsed"):
        verifier.expected_reward(improvement, world.attest(improvement))
    assert verifier.head(MODEL) == improvement.candidate
    close(web3)


def test_another_chain_than_configured(world, url):
    with pytest.raises(WrongChain, match="serves chain 31337, but chain 1 is configured"):
        connect(rpc_url=url, chain_id=1, home=world.home)
    with pytest.raises(WrongChain, match="need their node's URL"):
        connect(rpc_url=None, chain_id=1, home=world.home)


def test_nobody_listens(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        began = time.perf_counter()
        secret = f"http://user:password@127.0.0.1:{port}/v3/secret-key?token=hidden"
        with pytest.raises(ChainUnreachable) as caught:
            connect(rpc_url=secret, chain_id=None, home=tmp_path)
    assert time.perf_counter() - began < 5
    assert f"http://127.0.0.1:{port}" in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    for hidden in ("secret-key", "password", "hidden"):
        assert hidden not in str(caught.value)


def test_somebody_else_listens(tmp_path):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(403 if "locked" in self.path else 200)
            self.end_headers()
            self.wfile.write(b"<html>hello</html>")

        def log_message(self, *_):
            pass

    with running(HTTPServer(("127.0.0.1", 0), Handler)) as url:
        with pytest.raises(ChainUnreachable, match="does not answer in JSON-RPC"):
            connect(rpc_url=url, chain_id=None, home=tmp_path)
        with pytest.raises(ChainUnreachable, match="answered HTTP 403"):
            connect(rpc_url=url + "/locked", chain_id=None, home=tmp_path)


@pytest.mark.parametrize("url", ["localhost:8545", "ftp://x", "http://", "http://x:port", ""])
def test_urls_that_are_none(tmp_path, url):
    with pytest.raises(InputError, match="http://"):
        connect(rpc_url=url, chain_id=None, home=tmp_path)


def test_what_is_shown_of_a_url():
    assert place_of("https://user:pw@Node.example:8545/v3/key?x=1") == "https://node.example:8545"


def test_the_local_chain_lies_in_the_home_folder(tmp_path):
    open_local_chain(tmp_path).close()
    assert (tmp_path / "chain" / "31337.sqlite").exists()
