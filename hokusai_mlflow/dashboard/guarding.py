"""What surrounds every answer: read-only, of a bounded request, under a strict policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse

from hokusai_mlflow.dashboard.rendering import POLICY

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_QUERY, MOST_PATH = 4_096, 2_048

HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


class Guarded:
    """An application that is only read: GET and HEAD, short addresses, strict headers.

    Parameters
    ----------
    app : ASGIApp
        What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = _refusal(scope)
        asked = scope["method"]
        if asked == "HEAD":
            scope = {**scope, "method": "GET"}

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            elif asked == "HEAD":
                message = {**message, "body": b""}
            await send(message)

        await (refusal or self._app)(scope, receive, guarded)


def _refusal(scope: Scope) -> PlainTextResponse | None:
    if scope["method"] not in ("GET", "HEAD"):
        return PlainTextResponse(
            "these pages are only read: GET and HEAD\n", 405, {"allow": "GET, HEAD"}
        )
    if len(scope["query_string"]) > MOST_QUERY or len(scope["path"]) > MOST_PATH:
        return PlainTextResponse(
            f"expected at most {MOST_QUERY} bytes of query and {MOST_PATH} of path\n", 414
        )
    return None
