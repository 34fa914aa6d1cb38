"""The way to a chain: the embedded one, or any EVM node by URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from web3 import HTTPProvider, Web3
from web3.exceptions import BadResponseFormat
from web3.middleware import ExtraDataToPOAMiddleware
from web3.types import RPCEndpoint, RPCResponse

from hokusai_mlflow.chain.development import LOCAL_CHAIN_ID
from hokusai_mlflow.chain.local import LocalChain, LocalProvider
from hokusai_mlflow.chain.signer import development_keys
from hokusai_mlflow.errors import ChainUnreachable, InputError, WrongChain

CONNECT_SECONDS, ANSWER_SECONDS = 3.0, 8.0


class RpcProvider(HTTPProvider):
    """HTTP to a node, without retries of its own, with errors that show no secret.

    A request that was sent but not answered raises `ChainUnreachable` too: whoever sends
    transactions must look up their hash before concluding anything.

    Parameters
    ----------
    url : str
    """

    def __init__(self, url: str) -> None:
        super().__init__(
            url,
            request_kwargs={"timeout": (CONNECT_SECONDS, ANSWER_SECONDS)},
            # web3 would send transactions again by itself; sending is the outbox's business.
            exception_retry_configuration=None,
        )
        self.place = place_of(url)

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Ask the node."""
        try:
            return super().make_request(method, params)
        except requests.HTTPError as error:
            told = "nothing" if error.response is None else f"HTTP {error.response.status_code}"
            reason = f"answered {told}; check the URL and its access key"
        except requests.Timeout:
            reason = f"did not answer within {ANSWER_SECONDS:.0f} s; check that the node is up"
        except requests.RequestException:
            reason = "cannot be reached; check the URL, the network and that the node is up"
        except (ValueError, BadResponseFormat):
            reason = "does not answer in JSON-RPC; check the URL"
        # Raised here, without the cause: the libraries' messages hold the URL and its key.
        raise ChainUnreachable(f"the RPC endpoint {self.place} {reason}")


def connect(*, rpc_url: str | None, chain_id: int | None, home: Path | str) -> Web3:
    """A connection to the chain, checked.

    Parameters
    ----------
    rpc_url : str, optional
        HTTP(S) URL of a node; None is the embedded local chain in `home`, made on first use.
    chain_id : int, optional
        The id that the chain must have.
    home : path-like
        Where the local chain and the development keys lie.

    Returns
    -------
    web3.Web3

    Raises
    ------
    ChainUnreachable
        The node does not answer, within a few seconds.
    WrongChain
        It serves another chain.
    """
    if rpc_url is None:
        if chain_id not in {None, LOCAL_CHAIN_ID}:
            raise WrongChain(
                f"chain {chain_id} is asked for without an RPC URL; the embedded development "
                f"chain is {LOCAL_CHAIN_ID}, other chains need their node's URL"
            )
        return Web3(LocalProvider(open_local_chain(home)))
    web3 = Web3(RpcProvider(_checked(rpc_url)))
    # Chains with signed headers have longer extra data than web3 expects.
    web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
    served = web3.eth.chain_id
    if chain_id is not None and served != chain_id:
        raise WrongChain(
            f"the RPC endpoint {place_of(rpc_url)} serves chain {served}, but chain {chain_id} "
            "is configured; correct the URL or the chain id"
        )
    return web3


def open_local_chain(home: Path | str) -> LocalChain:
    """The embedded chain of a home folder; its development keys are endowed at its beginning.

    Parameters
    ----------
    home : path-like

    Returns
    -------
    LocalChain
    """
    path = Path(home) / "chain" / f"{LOCAL_CHAIN_ID}.sqlite"
    return LocalChain(path, endow=development_keys(home).addresses)


def is_development(web3: Web3) -> bool:
    """Whether the chain is one where development keys are in order.

    Parameters
    ----------
    web3 : Web3

    Returns
    -------
    bool
    """
    return isinstance(web3.provider, LocalProvider) or web3.eth.chain_id == LOCAL_CHAIN_ID


def place_of(url: str) -> str:
    """Scheme, host and port of a URL: what may be shown of it.

    Parameters
    ----------
    url : str

    Returns
    -------
    str
    """
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}"


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        valid = False
    if not valid:
        raise InputError("an RPC URL starts with http:// or https:// and names a host")
    return url
