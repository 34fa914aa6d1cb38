"""What a proof costs: CPU seconds and memory of a process that reads its key, and EZKL beside it.

Keys of 10 240 rows take a minute to make and are kept in HOKUSAI_BENCH_KEYS when that is set.
EZKL runs where HOKUSAI_EZKL_PYTHON names a Python that has `ezkl` (23.0.5) and `onnx`; it has no
licence in its wheel and is no dependency. Its structured reference string is made locally.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

pytest.importorskip("zksnake")

from hokusai_mlflow.verification.zk.keys import KeyStore
from hokusai_mlflow.verification.zk.proving import circuit

pytestmark = pytest.mark.large
EZKL = os.environ.get("HOKUSAI_EZKL_PYTHON")
GIB = 2**30

PROVING = """
    import json, random, resource, sys, time
    from pathlib import Path
    from hokusai_mlflow.verification.zk.circuit import Rows
    from hokusai_mlflow.verification.zk.keys import KeyStore
    from hokusai_mlflow.verification.zk.proving import chunks, circuit, prove
    asked, n, classes, folder = json.loads(sys.argv[1])
    used = lambda: sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    rng = random.Random(1)
    y = [rng.randrange(classes) for _ in range(n)]
    said = [[v if rng.random() < p else rng.randrange(classes) for v in y] for p in (0.85, 0.86)]
    of, store = circuit(*asked), KeyStore(Path(folder))
    before, started = used(), time.perf_counter()
    salts = [(3 * i + 1, 3 * i + 2, 3 * i + 3) for i in range(-(-n // of.capacity))]
    found = []
    for part in chunks(Rows(y, *said, (0, 0, 0)), of.capacity, salts):
        found.append(prove(of, part, 77, store))
    print(json.dumps({
        "cpu": used() - before,
        "seconds": time.perf_counter() - started,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "bytes": [len(one.proof.to_bytes()) for one in found],
        "rows": sum(one.inputs[1] for one in found),
        "correct": [sum(one.inputs[at] for one in found) for at in (5, 6)],
        "expected": [sum(a == b for a, b in zip(y, one)) for one in said],
    }))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    kept = os.environ.get("HOKUSAI_BENCH_KEYS")
    return Path(kept) if kept else tmp_path_factory.mktemp("keys")


def measured(asked, n, classes, folder):
    """Seconds and memory of a process of its own; the key is made before."""
    key = KeyStore(folder).make(circuit(*asked)).path
    ran = subprocess.run(
        [sys.executable, "-c", dedent(PROVING), json.dumps([asked, n, classes, str(folder)])],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(ran.stdout) | {"key": key.stat().st_size}


def shown(name, found, benchmark):
    benchmark.extra_info.update({each: found[each] for each in ("cpu", "seconds", "peak", "key")})
    print(
        f"\n{name}: {found['cpu']:.1f} CPU-seconds, {found['seconds']:.1f} s, "
        f"{found['peak'] / 2**20:.0f} MiB, key {found['key'] / 2**20:.0f} MiB"
    )


@pytest.mark.parametrize(
    ("asked", "classes", "bar"),
    [(("accuracy", 10_240, 4, 16), 16, 15), (("confusion", 10_240, 4, 10), 10, 20)],
)
@pytest.mark.timeout(900)
def test_proving_ten_thousand_examples(benchmark, folder, asked, classes, bar):
    found = benchmark.pedantic(measured, args=(asked, 10_000, classes, folder), rounds=1)
    shown(asked[0], found, benchmark)
    assert found["bytes"] == [256]
    assert found["cpu"] <= bar
    assert found["peak"] <= GIB


@pytest.mark.timeout(1800)
def test_proving_a_hundred_thousand_binary_examples(benchmark, folder):
    asked = ("accuracy", 10_240, 1, 2)
    found = benchmark.pedantic(measured, args=(asked, 100_000, 2, folder), rounds=1)
    shown("100 000 binary examples", found, benchmark)
    assert found["rows"] == 100_000
    assert found["correct"] == found["expected"]
    assert len(found["bytes"]) == 10
    assert found["peak"] <= 4 * GIB


@pytest.mark.skipif(EZKL is None, reason="HOKUSAI_EZKL_PYTHON names no Python with ezkl and onnx")
@pytest.mark.timeout(3600)
def test_proving_a_thousand_examples_beside_ezkl(benchmark, folder, tmp_path):
    # The same statement: three hashed columns, three public counts.
    ours = benchmark.pedantic(
        measured, args=(("accuracy", 1_024, 4, 16), 1_000, 16, folder), rounds=1
    )
    shown("accuracy, n = 1 000", ours, benchmark)
    ran = subprocess.run(
        [EZKL, Path(__file__).parent / "ezkl_accuracy.py", tmp_path, "1000"],
        stdout=subprocess.PIPE,
        env=os.environ | {"RAYON_NUM_THREADS": "1"},
        text=True,
        check=True,
    )
    theirs = json.loads(ran.stdout.splitlines()[-1])
    assert theirs["counts"] == theirs["expected"]
    faster, smaller = theirs["cpu"] / ours["cpu"], theirs["key"] / ours["key"]
    benchmark.extra_info.update(ezkl=theirs, faster=faster, smaller=smaller)
    print(
        f"\nEZKL: {theirs['cpu']:.1f} CPU-seconds, key {theirs['key'] / 2**20:.0f} MiB: ours is "
        f"{faster:.0f} times faster to prove with a key {smaller:.0f} times smaller"
    )
    assert faster >= 10
    assert smaller >= 10
