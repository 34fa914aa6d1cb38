"""The local chain over HTTP, for other programs on this machine."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from hokusai_mlflow.chain.local.node import LocalChain
from hokusai_mlflow.chain.local.provider import respond


def serve(chain: LocalChain, port: int = 0) -> ThreadingHTTPServer:
    """A JSON-RPC server on loopback; run it with ``serve_forever()``, end it with ``shutdown()``.

    Parameters
    ----------
    chain : LocalChain
    port : int
        0 takes a free one; read it from ``server_port``.

    Returns
    -------
    http.server.ThreadingHTTPServer
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if isinstance(asked, list):
                answered: object = [respond(chain, request) for request in asked]
            else:
                answered = respond(chain, asked)
            body = json.dumps(answered).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: requests are not news."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)
