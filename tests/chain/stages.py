"""Where a campaign plays: the embedded chain, or anvil; both undo blocks when they are told to."""

import json
import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

from outbox_world import FaultyProvider, FaultyRpcProvider
from reorganising import drop_blocks
from web3 import HTTPProvider

from hokusai_mlflow.chain.connect import open_local_chain
from hokusai_mlflow.chain.signer import development_keys


class Embedded:
    """The embedded chain of a home folder.

    Parameters
    ----------
    home : Path
    """

    rpc_url = None

    def __init__(self, home):
        self.chain = open_local_chain(home)

    def provider(self):
        """A way to it that may be interfered with."""
        return FaultyProvider(self.chain)

    def mine(self):
        """An empty block."""
        self.chain.answer("evm_mine", [])

    def undo(self, depth, keep):
        """Other blocks instead of the newest; see `drop_blocks`."""
        drop_blocks(self.chain, depth, keep)


class Anvil:
    """A running anvil.

    Parameters
    ----------
    rpc_url : str
    """

    def __init__(self, rpc_url):
        self.rpc_url = rpc_url
        self._plain = HTTPProvider(rpc_url)

    def provider(self):
        """A way to it that may be interfered with."""
        return FaultyRpcProvider(self.rpc_url)

    def mine(self):
        """An empty block."""
        self._ask("evm_mine")

    def undo(self, depth, keep):
        """Other blocks instead of the newest; of their transactions the first ones are kept."""
        top = int(self._ask("eth_blockNumber"), 16)
        kept = []
        for place in range(depth):
            block = self._ask("eth_getBlockByNumber", hex(top - depth + 1 + place), False)
            for tx_hash in block["transactions"] if block else []:
                raw = self._ask("eth_getRawTransactionByHash", tx_hash)
                if raw is None or not keep(bytes.fromhex(raw[2:])):
                    break
                kept.append([raw, place])
            else:
                continue
            break
        self._ask("anvil_reorg", depth, kept)

    def endow(self, home):
        """Give the development keys of a home folder what transactions cost."""
        for address in development_keys(home).addresses:
            self._ask("anvil_setBalance", address, hex(10**24))

    def _ask(self, method, *params):
        answered = self._plain.make_request(method, list(params))
        if "error" in answered:
            raise AssertionError(f"{method}: {json.dumps(answered['error'])}")
        return answered["result"]


def anvil_binary():
    """Where anvil is: named by the environment, with the contract tests, or on the path."""
    installed = Path(__file__).parents[1] / "contracts" / "node_modules" / ".bin" / "anvil"
    named = os.environ.get("HOKUSAI_TEST_ANVIL") or (installed if installed.exists() else None)
    return str(named or shutil.which("anvil") or "")


@contextmanager
def anvil(binary, *options):
    """An anvil of its own, ended with the context; its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [binary, "--port", str(port), "--silent", "--hardfork", "prague", *options],
        stdout=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        until = time.monotonic() + 30
        while not HTTPProvider(url).is_connected():
            if server.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"{binary} does not start")
            time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait(10)
