"""What the parties share: the exchange that all can read, the chain, and the proof's statement."""

import json
import os
from pathlib import Path

from hokusai_mlflow.bench import open_chain
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.spec import ChainSpec
from hokusai_mlflow.verification.statement import statement_of
from hokusai_mlflow.verification.zk import proving

DATA = Path(os.environ.get("EXAMPLE_DATA", Path(__file__).parent / "data"))
EXCHANGE = DATA / "exchange"
MODEL = "tumours"
OWNER = "0x00000000000000000000000000000000000000AA"
CONTRIBUTOR = "0x00000000000000000000000000000000000000A1"
STATEMENT = statement_of(metric("accuracy", classes=(0, 1)), (0, 1), capacity=1_024)


def publish(name: str, document: dict) -> None:
    """Let everybody read something."""
    (EXCHANGE / name).write_text(json.dumps(document, indent=1))


def published(name: str) -> dict:
    """Read what somebody let everybody read."""
    return json.loads((EXCHANGE / name).read_text())


def chain():
    """The chain that all parties use: here the development chain in the Hokusai home."""
    return open_chain(ChainSpec(), Settings().prepare())


def circuit():
    """The circuit of the statement, as the prover knows it."""
    sizes = STATEMENT.circuit
    return proving.circuit(sizes.counted, sizes.capacity, sizes.bits, sizes.range)
