"""Make the committed proof that the contract's tests use: a development key, a proof, its inputs.

Run once: `python tests/verification/zk/make_zk_fixture.py`. Only what is in the file is used.
"""

import json
import random
import tempfile
from pathlib import Path

from hokusai_mlflow.verification.zk.circuit import Rows
from hokusai_mlflow.verification.zk.keys import KeyStore, verifying_key
from hokusai_mlflow.verification.zk.proving import circuit, prove

FIXTURE = Path(__file__).parent / "fixtures" / "accuracy_128.json"
CONTEXT = int.from_bytes(b"hokusai proof fixture", "big")


def rows(n=100, classes=16, seed=0):
    """Labels, and a candidate that is right more often than the champion."""
    rng = random.Random(seed)
    labels = [rng.randrange(classes) for _ in range(n)]
    said = [
        [y if rng.random() < right else rng.randrange(classes) for y in labels]
        for right in (0.6, 0.9)
    ]
    return Rows(labels, *said, (11, 12, 13))


def main():
    of = circuit("accuracy", 128, 4)
    with tempfile.TemporaryDirectory() as folder:
        store = KeyStore(Path(folder))
        record = store.make(of)
        proven = prove(of, rows(), CONTEXT, store)
        words = verifying_key(record).words()
    content = proven.to_dict() | {"key_words": [str(word) for word in words]}
    content["proof_words"] = [str(word) for word in proven.proof.words()]
    FIXTURE.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
