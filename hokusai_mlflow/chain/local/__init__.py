"""The embedded development chain: py-evm and one SQLite file, for any number of processes.

It executes Prague rules without gaps, mines a block per transaction, answers geth's errors and
keeps everything on disk. It has no consensus and no peers: whoever can write the file owns the
chain. For development and demonstration only.
"""

from hokusai_mlflow.chain.development import LOCAL_CHAIN_ID
from hokusai_mlflow.chain.local.node import LocalChain
from hokusai_mlflow.chain.local.provider import LocalProvider
from hokusai_mlflow.chain.local.server import serve

__all__ = ["LOCAL_CHAIN_ID", "LocalChain", "LocalProvider", "serve"]
