"""snarkjs' files from the command line: circuits, witnesses, keys and proofs, there and back."""

import json
import stat

import pandas as pd
import pytest
from typer.testing import CliRunner

from hokusai_mlflow.cli import app
from hokusai_mlflow.verification.zk import files, independent, setup, zkey
from hokusai_mlflow.verification.zk.accuracy import Accuracy
from hokusai_mlflow.verification.zk.keys import KeyStore
from hokusai_mlflow.verification.zk.verifying import verify

OF = ["--kind", "accuracy", "--capacity", "4", "--bits", "2"]
ROWS = pd.DataFrame({"target": [1, 2, 3], "champion": [0, 2, 1], "candidate": [1, 2, 3]})


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with the key of a circuit for four rows."""
    folder = tmp_path_factory.mktemp("home")
    circuit = Accuracy(4, 2)
    r1cs = circuit.constraints()
    KeyStore(folder / "zk").add(
        circuit,
        setup.make_keys(r1cs),
        "auditor",
        digest=files.digest(r1cs),
        constraints=len(r1cs),
    )
    return folder


@pytest.fixture
def say(home, tmp_path, monkeypatch):
    """Run `hokusai zk …` in a folder of its own; what it printed, after checking its exit code."""
    monkeypatch.setenv("HOKUSAI_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    # The independent verifier has tests of its own; it takes seconds.
    monkeypatch.setattr(independent, "verify_independently", verify)

    def run(*words, code=0):
        ran = CliRunner().invoke(app, ["zk", *map(str, words)])
        assert ran.exit_code == code, ran.output
        return ran.output

    return run


@pytest.fixture
def proven(say, home, tmp_path):
    """A witness, and snarkjs' three files of its proof."""
    ROWS.to_csv("rows.csv", index=False)
    say("witness", "rows.csv", "rows.wtns", "--context", "0xabc", *OF)
    (key,) = home.rglob("*.zkey")
    say("prove", key, "rows.wtns", "--to", "proof")
    say("export-key", "vk.json", *OF)
    return tmp_path


def test_a_witness_is_proven_and_checked_in_files(say, home, proven):
    values = files.read_wtns(proven / "rows.wtns")
    Accuracy(4, 2).constraints().check(values)
    assert stat.S_IMODE((proven / "rows.wtns").stat().st_mode) == 0o600
    public = json.loads((proven / "proof/public.json").read_text())
    assert public == [str(value) for value in values[1:9]]
    assert (public[0], public[1], public[5:]) == (str(0xABC), "3", ["1", "3", "1"])
    (key,) = home.rglob("*.zkey")
    for by in ("vk.json", key):
        told = say("check-files", "proof/proof.json", "--public", "proof/public.json", "--key", by)
        assert "8 public inputs" in told
    assert files.key_from_json(json.loads((proven / "vk.json").read_text())) == (
        zkey.read(key).verifying_key()
    )


def test_changed_inputs_do_not_check(say, proven):
    public = json.loads((proven / "proof/public.json").read_text())
    (proven / "other.json").write_text(json.dumps([*public[:-1], "2"]))
    told = say(
        *("check-files", "proof/proof.json", "--public", "other.json", "--key", "vk.json"),
        "--json",
        code=4,
    )
    assert json.loads(told)["ok"] is False


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("proof/proof.json", "{}", "no proof and inputs as snarkjs writes"),
        ("proof/proof.json", "[]", "expected a JSON object"),
        ("proof/public.json", '["one"]', "no proof and inputs as snarkjs writes"),
        ("proof/public.json", '["1"]', "expected 8 public inputs"),
        ("vk.json", "{}", "expected a Groth16 key on bn128"),
        ("vk.json", '{"protocol": "groth16", "curve": "bn128"}', "no verification_key.json"),
        ("vk.json", "not JSON", "is not JSON"),
    ],
)
def test_files_of_another_form(say, proven, name, content, told):
    (proven / name).write_text(content)
    said = say(
        *("check-files", "proof/proof.json", "--public", "proof/public.json", "--key", "vk.json"),
        code=2,
    )
    assert told in " ".join(said.split())


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (ROWS.drop(columns="candidate"), "no column 'candidate'"),
        (ROWS.assign(target=[0.5, 1, 2]), "expected whole numbers"),
        (ROWS.assign(target=[4, 1, 2]), "from 0 to 3"),
        (pd.concat([ROWS, ROWS]), "larger capacity"),
    ],
)
def test_rows_that_no_witness_has(say, frame, told):
    frame.to_csv("rows.csv", index=False)
    said = say("witness", "rows.csv", "rows.wtns", *OF, code=2)
    assert told in " ".join(said.split())


def test_a_witness_of_another_circuit_is_not_proven(say, home, proven):
    ROWS.to_csv("rows.csv", index=False)
    say("witness", "rows.csv", "other.wtns", "--bits", "3", "--capacity", "4")
    (key,) = home.rglob("*.zkey")
    said = say("prove", key, "other.wtns", "--to", "other", code=2)
    assert "belongs to another circuit" in " ".join(said.split())
    assert not (proven / "other").exists()


def test_circuits_are_recognised(say):
    say("export-circuit", "c.r1cs", *OF)
    assert "✓ circuit" in say("check-circuit", "c.r1cs", *OF)
    assert "✗ circuit" in say("check-circuit", "c.r1cs", *OF[:-1], "3", code=4)


def test_circuits_of_inference_are_named_by_the_models_sizes(say):
    of = ["--kind", "inference", "--capacity", "4", "--bits", "1", "--slots", "1"]
    say("export-circuit", "i.r1cs", *of, "--shapes", "2x1")
    assert "inference-4-1-1-2x1" in say("check-circuit", "i.r1cs", *of, "--shapes", "2x1,2x1")
    assert "✗ circuit" in say("check-circuit", "i.r1cs", *of, "--shapes", "2x1,2x2", code=4)
    for shapes, told in (
        ([], "needs --shapes"),
        (["--shapes", "2"], "is no shape"),
        (["--shapes", "2xa"], "is no shape"),
        (["--shapes", "2x1,2x1,2x1"], "one or two"),
    ):
        assert told in say("export-circuit", "i.r1cs", *of, *shapes, code=2)
    said = say("export-circuit", "i.r1cs", *OF, "--shapes", "2x1", code=2)
    assert "--shapes is of inference" in said
    ROWS.to_csv("rows.csv", index=False)
    said = " ".join(say("witness", "rows.csv", "i.wtns", "--kind", "inference", code=2).split())
    assert "proven by `hokusai run` alone" in said


def test_the_proofs_of_an_improvement_in_snarkjs_files(say, home, tmp_path):
    """From the proof.json beside an evidence document."""
    from hokusai_mlflow.chain.improvement import Improvement, signing_domain
    from hokusai_mlflow.chain.proven import Proof, Proven, context_of
    from hokusai_mlflow.deltaone import PairedSums
    from hokusai_mlflow.verification.zk.circuit import Rows
    from hokusai_mlflow.verification.zk.proving import prove

    sums = PairedSums.of([1.0, 0.0], [1.0, 1.0])
    contract = "0x" + "0" * 38 + "c0"
    improvement = Improvement(
        *("digits", "accuracy", "0x" + "e1" * 32, "0x" + "01" * 32, "0x" + "02" * 32),
        *("0x" + "05" * 32, sums, sums, 500, 1, ("0x" + "0" * 38 + "a1",), (10_000,), 2**40),
    )
    store = KeyStore(home / "zk")
    columns = (ROWS[name].tolist() for name in ("target", "champion", "candidate"))
    found = prove(
        Accuracy(4, 2),
        Rows(*columns, (1, 2, 3)),
        context_of(improvement, signing_domain(31337, contract)),
        store,
    )
    _, n, labels, champion, candidate, *counts = found.inputs
    key = store.load(store.get(Accuracy(4, 2))).verifying_key()
    proof = Proof(n, champion, candidate, tuple(counts), tuple(found.proof.words()))
    told = {
        "chain_id": 31337,
        "contract": contract,
        "improvement": improvement.to_dict(),
        "proven": Proven(tuple(key.words()), (labels,), (proof,)).to_dict(),
    }
    (tmp_path / "proof.json").write_text(json.dumps(told))
    say("export-proofs", "proof.json", "out")
    assert [path.name for path in (tmp_path / "out").glob("*-*")] == ["gate-1"]
    at = tmp_path / "out" / "gate-1"
    say(
        *("check-files", at / "proof.json", "--public", at / "public.json"),
        *("--key", "out/verification_key.json"),
    )
    del told["proven"]
    (tmp_path / "proof.json").write_text(json.dumps(told))
    assert "has no proofs of an improvement" in " ".join(
        say("export-proofs", "proof.json", "out", code=2).split()
    )
