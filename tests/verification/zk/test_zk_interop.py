"""snarkjs verifies our proofs, proves with our keys, and makes keys for our prover.

Needs Node and `make zk-interop`, which installs snarkjs beside this file; a minute.
"""

import json
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest
from zk_worlds import CONTEXT, random_rows

from hokusai_mlflow.errors import EvidenceMismatch, InputError
from hokusai_mlflow.verification.zk import files, gadgets, importing, setup, zkey
from hokusai_mlflow.verification.zk.accuracy import Accuracy
from hokusai_mlflow.verification.zk.circuit import Circuit, Kind, Rows
from hokusai_mlflow.verification.zk.keys import KeyStore
from hokusai_mlflow.verification.zk.prover import prove
from hokusai_mlflow.verification.zk.proving import prove as prove_rows
from hokusai_mlflow.verification.zk.verifying import verify

SNARKJS = Path(__file__).parent / "node_modules" / ".bin" / "snarkjs"

pytestmark = [
    pytest.mark.exhaustive,
    pytest.mark.skipif(
        not SNARKJS.exists() or shutil.which("node") is None,
        reason="snarkjs is not installed; `make zk-interop` installs it",
    ),
]


def snarkjs(*words, cwd):
    ran = subprocess.run(
        [SNARKJS, *map(str, words)], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@dataclass(frozen=True, repr=False)
class Hits(Circuit):
    """Accuracy without commitments: small enough for a ceremony in JavaScript."""

    kind: ClassVar[Kind] = Kind.ACCURACY
    weaker: bool = False

    parameter = property(lambda self: 1 << self.bits)
    public = property(lambda _: ("context", "n", "correct_b", "correct_c", "both"))
    counted = property(lambda _: ("correct_b", "correct_c", "both"))

    def require_parameters(self):
        pass

    def counts(self, rows):
        return Accuracy(self.capacity, self.bits).counts(rows)

    def constrain(self, builder, rows, live):
        builder.require({live: 1}, {0: 1}, {0: self.capacity}, "full")
        found = ({}, {}, {})
        for y, b, c in zip(rows.labels, rows.champion, rows.candidate, strict=True):
            wires = [gadgets.number(gadgets.bits(builder, v, self.bits, "bits")) for v in (y, b, c)]
            hits = [
                gadgets.is_zero(
                    builder, {**wires[0], **{w: -f for w, f in said.items()}}, "is right"
                )
                for said in wires[1:]
            ]
            both = builder.wire(builder.value({hits[0]: 1}) * builder.value({hits[1]: 1}))
            # A weaker circuit of the same A and B: with a spare wire in C, "both" may be anything.
            slack = {builder.wire(0): 1} if self.weaker else {builder.wire(0): 0}
            builder.require({hits[0]: 1}, {hits[1]: 1}, {both: 1, **slack}, "both")
            for sums, wire in zip(found, (*hits, both), strict=True):
                sums[wire] = 1
        for name, sums in zip(self.counted, found, strict=True):
            builder.output(name, sums)

    def constraints(self):
        blank = [0] * self.capacity
        return self.built(Rows(blank, blank, blank, (0, 0, 0)), 0, record=True).constraints()


OF = Hits(4, 2)
ROWS = Rows([0, 1, 2, 3], [0, 1, 1, 1], [0, 1, 2, 0], (1, 2, 3))


@pytest.fixture(scope="module")
def ceremony(tmp_path_factory):
    """A first phase of two parties, and a second of one, for `OF`."""
    folder = tmp_path_factory.mktemp("ceremony")
    (folder / "c.r1cs").write_bytes(files.r1cs_bytes(OF.constraints()))
    run = lambda *words: snarkjs(*words, cwd=folder)  # noqa: E731
    run("powersoftau", "new", "bn128", 7, "0.ptau")
    run("powersoftau", "contribute", "0.ptau", "1.ptau", "--name=first", "-e=some words")
    run("powersoftau", "prepare", "phase2", "1.ptau", "final.ptau")
    run("groth16", "setup", "c.r1cs", "final.ptau", "0.zkey")
    run("zkey", "contribute", "0.zkey", "final.zkey", "--name=second", "-e=other words")
    assert "ZKey Ok!" in run("zkey", "verify", "c.r1cs", "final.ptau", "final.zkey")
    return folder


def witness():
    found = OF.built(ROWS, CONTEXT, record=True)
    found.constraints().check(found.values)
    return found.values


def hand_over(folder, key, proof, inputs):
    files.write_json(folder / "vk.json", files.key_json(key))
    files.write_json(folder / "proof.json", files.proof_json(proof))
    files.write_json(folder / "public.json", files.public_json(inputs))


def test_a_key_of_snarkjs_serves_our_prover(ceremony, tmp_path):
    record = importing.import_key(
        OF, ceremony / "final.zkey", ceremony / "final.ptau", KeyStore(tmp_path)
    )
    assert record.mode == "ceremony"
    key = KeyStore(tmp_path).load(record)
    proof, inputs = prove(key, witness()), witness()[1:6]
    assert inputs == [CONTEXT, 4, 2, 3, 2]
    snarkjs("zkey", "export", "verificationkey", ceremony / "final.zkey", "vk.json", cwd=tmp_path)
    theirs = files.key_from_json(json.loads((tmp_path / "vk.json").read_text()))
    assert theirs == key.verifying_key()
    hand_over(tmp_path, key.verifying_key(), proof, inputs)
    said = snarkjs("groth16", "verify", "vk.json", "public.json", "proof.json", cwd=tmp_path)
    assert "OK!" in said


def test_a_key_of_ours_serves_snarkjs_prover(tmp_path):
    key = setup.make_keys(OF.constraints())
    zkey.write(tmp_path / "ours.zkey", key)
    (tmp_path / "w.wtns").write_bytes(files.wtns_bytes(witness()))
    snarkjs("groth16", "prove", "ours.zkey", "w.wtns", "proof.json", "public.json", cwd=tmp_path)
    proof = files.proof_from_json(json.loads((tmp_path / "proof.json").read_text()))
    inputs = [int(value) for value in json.loads((tmp_path / "public.json").read_text())]
    assert inputs == witness()[1:6]
    assert verify(key.verifying_key(), proof, inputs)


def test_snarkjs_checks_our_witness_and_reads_our_circuit(tmp_path):
    (tmp_path / "c.r1cs").write_bytes(files.r1cs_bytes(OF.constraints()))
    (tmp_path / "w.wtns").write_bytes(files.wtns_bytes(witness()))
    assert "WITNESS IS CORRECT" in snarkjs("wtns", "check", "c.r1cs", "w.wtns", cwd=tmp_path)
    assert f"of Constraints: {len(OF.constraints())}" in snarkjs(
        "r1cs", "info", "c.r1cs", cwd=tmp_path
    )


def test_snarkjs_verifies_a_proof_of_accuracy(tmp_path):
    of = Accuracy(6, 2)
    store = KeyStore(tmp_path)
    record = store.make(of)
    proven = prove_rows(of, random_rows(of, 5), CONTEXT, store)
    key = store.load(record).verifying_key()
    hand_over(tmp_path, key, proven.proof, proven.inputs)
    say = ("groth16", "verify", "vk.json", "public.json", "proof.json")
    assert "OK!" in snarkjs(*say, cwd=tmp_path)
    hand_over(tmp_path, key, proven.proof, [*proven.inputs[:-1], proven.inputs[-1] + 1])
    with pytest.raises(AssertionError, match="Invalid proof"):
        snarkjs(*say, cwd=tmp_path)


def test_a_key_without_a_second_phase_is_refused(ceremony, tmp_path):
    with pytest.raises(InputError, match="γ = δ"):
        importing.import_key(OF, ceremony / "0.zkey", ceremony / "final.ptau", KeyStore(tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_key_of_another_circuit_is_refused(ceremony, tmp_path):
    with pytest.raises(EvidenceMismatch, match="wires"):
        importing.import_key(
            Hits(5, 2), ceremony / "final.zkey", ceremony / "final.ptau", KeyStore(tmp_path)
        )


def test_a_key_of_another_ceremony_is_refused(ceremony, tmp_path):
    ours = tmp_path / "ours.zkey"
    zkey.write(ours, setup.make_keys(OF.constraints()))
    with pytest.raises(EvidenceMismatch, match="α and β"):
        importing.import_key(OF, ours, ceremony / "final.ptau", KeyStore(tmp_path))


def test_a_weaker_circuit_behind_the_same_coefficients_is_refused(ceremony, tmp_path):
    """C is in no section of its own: only the points tell."""
    weaker = replace(OF, weaker=True)
    (tmp_path / "c.r1cs").write_bytes(files.r1cs_bytes(weaker.constraints()))
    snarkjs("groth16", "setup", "c.r1cs", ceremony / "final.ptau", "0.zkey", cwd=tmp_path)
    snarkjs("zkey", "contribute", "0.zkey", "final.zkey", "-e=words", cwd=tmp_path)
    with pytest.raises(EvidenceMismatch, match="ceremony: C"):
        importing.import_key(
            OF, tmp_path / "final.zkey", ceremony / "final.ptau", KeyStore(tmp_path / "store")
        )


@pytest.mark.parametrize("section", [zkey.IC, zkey.A, zkey.B1, zkey.B2, zkey.C, zkey.H])
def test_points_that_were_exchanged_are_refused(ceremony, tmp_path, section):
    key = zkey.read(ceremony / "final.zkey")
    size = 128 if section == zkey.B2 else 64
    raw = bytes(key.sections[section])
    filled = [at for at in range(0, len(raw), size) if any(raw[at : at + size])]
    one, two = (
        filled[1],
        next(at for at in filled[2:] if raw[at : at + size] != raw[filled[1] : filled[1] + size]),
    )
    moved = bytearray(raw)
    moved[one : one + size] = raw[two : two + size]
    changed = replace(key, sections={**key.sections, section: bytes(moved)})
    zkey.write(tmp_path / "changed.zkey", changed)
    with pytest.raises(EvidenceMismatch):
        importing.import_key(
            OF, tmp_path / "changed.zkey", ceremony / "final.ptau", KeyStore(tmp_path / "store")
        )


def test_files_read_back(ceremony, tmp_path):
    r1cs = OF.constraints()
    again = files.read_r1cs(ceremony / "c.r1cs")
    again.check(witness())
    assert files.digest(again) == files.digest(r1cs)
    (tmp_path / "w.wtns").write_bytes(files.wtns_bytes(witness()))
    assert files.read_wtns(tmp_path / "w.wtns") == witness()
