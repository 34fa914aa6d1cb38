"""One small key for all tests of proofs: 3 s to make on a busy core."""

from types import SimpleNamespace

import pytest
from zk_worlds import CONTEXT, random_rows

from hokusai_mlflow.verification.zk import setup
from hokusai_mlflow.verification.zk.accuracy import Accuracy
from hokusai_mlflow.verification.zk.keys import KeyStore
from hokusai_mlflow.verification.zk.proving import prove


@pytest.fixture(scope="session")
def proven(tmp_path_factory):
    """A circuit, its development key with the trapdoor that made it, and a proof."""
    of = Accuracy(4, 2)
    trapdoor = setup.Trapdoor.random()
    store = KeyStore(tmp_path_factory.mktemp("home") / "zk")
    r1cs = of.constraints()
    key = setup.make_keys(r1cs, trapdoor)
    record = store.add(of, key, "development", digest="0" * 64, constraints=len(r1cs))
    rows = random_rows(of, 3, seed=1)
    made = prove(of, rows, CONTEXT, store)
    return SimpleNamespace(
        of=of,
        r1cs=r1cs,
        trapdoor=trapdoor,
        store=store,
        record=record,
        rows=rows,
        proven=made,
        proof=made.proof,
        inputs=list(made.inputs),
        key=store.load(record),
        verifying=store.load(record).verifying_key(),
    )
