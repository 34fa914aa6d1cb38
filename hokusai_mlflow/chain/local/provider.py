"""web3's way to the local chain, without a network."""

from __future__ import annotations

import json
from typing import Any

from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from hokusai_mlflow.chain.local.node import LocalChain
from hokusai_mlflow.chain.local.reader import RpcError


class LocalProvider(JSONBaseProvider):
    """A web3 provider that asks a `LocalChain` in this process.

    Parameters
    ----------
    chain : LocalChain
    """

    def __init__(self, chain: LocalChain) -> None:
        super().__init__()
        self.chain = chain

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Answer one request as a node would, errors included."""
        request = json.loads(self.encode_rpc_request(method, params))
        return respond(self.chain, request)  # type: ignore[return-value]

    def is_connected(self, show_traceback: bool = False) -> bool:
        """The chain is in this process."""
        return True


def respond(chain: LocalChain, request: dict[str, Any]) -> dict[str, Any]:
    """The JSON-RPC response to a request.

    Parameters
    ----------
    chain : LocalChain
    request : dict
        With method, params and id.

    Returns
    -------
    dict
    """
    response: dict[str, Any] = {"jsonrpc": "2.0", "id": request.get("id")}
    try:
        response["result"] = chain.answer(request["method"], request.get("params") or [])
    except RpcError as error:
        response["error"] = error.error
    return response
