"""Proofs: what verifies, what does not, what a bad key lets pass, and what is kept on disk."""

import json
import secrets
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner
from zk_worlds import CONTEXT, random_rows

from hokusai_mlflow.cli import app
from hokusai_mlflow.errors import EvidenceMismatch, InputError, MissingInput
from hokusai_mlflow.verification.zk import (
    binfile,
    checking,
    files,
    importing,
    independent,
    points,
    prover,
    setup,
    zkey,
)
from hokusai_mlflow.verification.zk.accuracy import Accuracy
from hokusai_mlflow.verification.zk.field import Q, R
from hokusai_mlflow.verification.zk.independent import verify_independently
from hokusai_mlflow.verification.zk.keys import KeyStore, verifying_key
from hokusai_mlflow.verification.zk.proving import Proven, circuit, prove
from hokusai_mlflow.verification.zk.verifying import Proof, VerifyingKey, verify

FIXTURE = Path(__file__).parent / "fixtures" / "accuracy_128.json"


def test_a_proof_is_256_bytes_and_verifies_twice_over(proven):
    raw = proven.proof.to_bytes()
    assert len(raw) == 256
    assert Proof.from_bytes(raw) == proven.proof
    assert verify(proven.verifying, proven.proof, proven.inputs)
    assert verify_independently(proven.verifying, proven.proof, proven.inputs)
    other = [*proven.inputs[:-1], proven.inputs[-1] + 1]
    assert not verify_independently(proven.verifying, proven.proof, other)
    outside = replace(proven.proof, a=(1, 3))
    assert not verify_independently(proven.verifying, outside, proven.inputs)
    assert proven.inputs == proven.of.public_inputs(proven.rows, CONTEXT)


def test_two_proofs_of_one_statement_differ(proven):
    again = prove(proven.of, proven.rows, CONTEXT, proven.store)
    assert again.inputs == proven.proven.inputs
    assert again.proof != proven.proof


@pytest.mark.parametrize("at", range(8))
def test_no_other_public_input_verifies(proven, at):
    for other in ((proven.inputs[at] + 1) % R, 0):
        told = [*proven.inputs[:at], other, *proven.inputs[at + 1 :]]
        assert not verify(proven.verifying, proven.proof, told)


@pytest.mark.parametrize("at", range(8))
def test_no_other_proof_word_verifies(proven, at):
    words = proven.proof.words()
    changed = Proof.from_words([*words[:at], (words[at] + 1) % Q, *words[at + 1 :]])
    assert not verify(proven.verifying, changed, proven.inputs)


def test_points_that_are_swapped_negated_or_neutral_do_not_verify(proven):
    proof = proven.proof
    for changed in (
        replace(proof, a=proof.c, c=proof.a),
        replace(proof, a=(proof.a[0], Q - proof.a[1])),
        replace(proof, a=(0, 0)),
        replace(proof, b=(0, 0, 0, 0)),
        replace(proof, c=(0, 0)),
    ):
        assert not verify(proven.verifying, changed, proven.inputs)


def test_inputs_beyond_the_field_are_refused(proven):
    # x + r would be the same field element, and another number to a contract.
    told = [*proven.inputs[:-1], proven.inputs[-1] + R]
    with pytest.raises(InputError, match="out of range"):
        verify(proven.verifying, proven.proof, told)
    with pytest.raises(InputError, match="out of range"):
        verify_independently(proven.verifying, proven.proof, told)
    with pytest.raises(InputError, match="expected 8 public inputs"):
        verify(proven.verifying, proven.proof, proven.inputs[:-1])


def test_a_false_statement_cannot_be_proven(proven):
    witness = proven.of.witness(proven.rows, CONTEXT)
    witness[6] += 1
    with pytest.raises(EvidenceMismatch, match="does not satisfy"):
        prover.prove(proven.key, witness)
    with pytest.raises(InputError, match="another circuit"):
        prover.prove(proven.key, witness[:-1])


def test_a_kept_trapdoor_proves_anything(proven):
    """Why a development key shows nothing to anybody but its maker."""
    secret, curve = proven.trapdoor, points.curve()
    lie = [*proven.inputs[:5], 0, 3, 0]  # the candidate right everywhere, the champion nowhere
    m = proven.key.domain
    basis = setup.lagrange(m, secret.tau)
    sides = [
        setup.at_tau(matrix, proven.r1cs.wires, basis)
        for matrix in (proven.r1cs.a, proven.r1cs.b, proven.r1cs.c)
    ]
    ic = 0
    for wire, value in enumerate([1, *lie]):
        a = sides[0][wire] + basis[len(proven.r1cs) + wire]
        ic += value * (secret.beta * a + secret.alpha * sides[1][wire] + sides[2][wire])
    a, b = secrets.randbelow(R), secrets.randbelow(R)
    c = (a * b - secret.alpha * secret.beta - ic) * pow(secret.delta, -1, R) % R
    forged = Proof(
        *(
            points.affine(group * k)
            for group, k in zip((curve.g1(), curve.g2(), curve.g1()), (a, b, c), strict=True)
        )
    )
    assert verify(proven.verifying, forged, lie)


def test_a_key_whose_gamma_is_its_delta_lets_anybody_prove_anything(proven):
    """A = α, B = β, C = −Σ x_i·IC_i: refused by every check of a key here."""
    flawed = replace(proven.verifying, delta=proven.verifying.gamma)
    lie = [*proven.inputs[:5], 0, 3, 0]
    ic = points.combine([points.from_affine(one) for one in flawed.ic], [1, *lie])
    forged = Proof(flawed.alpha, flawed.beta, points.affine(ic * (R - 1)))
    assert verify(flawed, forged, lie)
    with pytest.raises(InputError, match="γ = δ"):
        flawed.require_sound()
    with pytest.raises(InputError, match="γ = δ"):
        verify_independently(flawed, forged, lie)
    assert not verify(proven.verifying, forged, lie)


def test_keys_off_their_curve_or_subgroup_are_refused(proven):
    key = proven.verifying
    outside = _outside_the_subgroup()
    assert checking.on_curve(outside)
    for flawed, told in (
        (replace(key, alpha=(1, 3)), "not on the curve"),
        (replace(key, ic=(*key.ic[:-1], (0, 0))), "not on the curve"),
        (replace(key, beta=outside), "subgroup"),
    ):
        with pytest.raises(InputError, match=told):
            flawed.require_sound()
    assert not verify(key, replace(proven.proof, b=outside), proven.inputs)


def _outside_the_subgroup():
    """A point of the twist that is in no group of order r, from a square root in F_q²."""
    for x in range(1, 50):
        cube = checking._times(checking._times((x, 1), (x, 1)), (x, 1))
        c0, c1 = (cube[0] + checking.TWIST[0]) % Q, (cube[1] + checking.TWIST[1]) % Q
        norm = pow(c0 * c0 + c1 * c1, (Q + 1) // 4, Q)
        for sign in (1, -1):
            half = (c0 + sign * norm) * pow(2, -1, Q) % Q
            y0 = pow(half, (Q + 1) // 4, Q)
            if y0 and y0 * y0 % Q == half:
                point = (x, 1, y0, c1 * pow(2 * y0, -1, Q) % Q)
                if checking.on_curve(point) and not checking.in_subgroup(point):
                    return point
    raise AssertionError("no such point found")


def test_points_of_a_key_are_checked_when_it_comes(proven):
    importing.require_points(proven.key)
    raw = bytearray(proven.key.sections[zkey.B2])
    outside = b"".join(points.montgomery(value) for value in _outside_the_subgroup())
    raw[128 * 20 : 128 * 21] = outside
    flawed = replace(proven.key, sections={**proven.key.sections, zkey.B2: bytes(raw)})
    with pytest.raises(InputError, match="subgroup"):
        importing.require_points(flawed)
    raw = bytearray(proven.key.sections[zkey.H])
    raw[0] ^= 1
    flawed = replace(proven.key, sections={**proven.key.sections, zkey.H: bytes(raw)})
    with pytest.raises(InputError, match="section 9 is not on the curve"):
        importing.require_points(flawed)


def test_points_load_alike_with_and_without_their_layout(proven, monkeypatch, caplog):
    raw = bytes(proven.key.sections[zkey.B2])[: 128 * 12]
    fast = points.load(raw, 128)
    assert points.dump(fast, 128) == raw
    monkeypatch.setattr(points, "_layout_is_known", lambda: False)
    assert points.load(raw, 128) == fast
    assert points.dump(fast, 128) == raw
    assert "one by one" in caplog.text


def test_a_key_hash_is_that_of_its_words(proven):
    from eth_utils.crypto import keccak

    key = proven.verifying
    words = key.words()
    assert len(words) == 14 + 2 * 9
    assert key.hash() == keccak(b"".join(word.to_bytes(32, "big") for word in words))
    assert VerifyingKey.from_words(words) == key
    # EIP-197 puts the imaginary part first.
    assert words[2:4] == [key.beta[1], key.beta[0]]
    assert files.key_from_json(json.loads(json.dumps(files.key_json(key)))) == key
    assert files.proof_from_json(files.proof_json(proven.proof)) == proven.proof


def test_the_committed_fixture_verifies():
    content = json.loads(FIXTURE.read_text())
    known = Proven.from_dict(content)
    key = VerifyingKey.from_words([int(word) for word in content["key_words"]])
    assert known.key == "0x" + key.hash().hex()
    assert [str(word) for word in known.proof.words()] == content["proof_words"]
    assert verify(key, known.proof, known.inputs)
    assert known.inputs[1] == 100


def test_keys_are_kept_whole_and_noticed_when_changed(proven, tmp_path):
    store = KeyStore(tmp_path)
    assert list(store) == []
    with pytest.raises(MissingInput, match="zk setup"):
        store.get(proven.of)
    record = store.add(proven.of, proven.key, "development", digest="ab" * 32, constraints=3)
    assert list(store) == [record]
    assert store.find(proven.of, "auditor") is None
    better = store.add(proven.of, proven.key, "ceremony", digest="ab" * 32, constraints=3)
    assert store.get(proven.of) == better
    assert verifying_key(better) == proven.verifying
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".zkey"}
    raw = bytearray(record.path.read_bytes())
    raw[-100] ^= 1
    record.path.write_bytes(raw)
    with pytest.raises(InputError, match="has changed"):
        store.load(record)
    record.path.unlink()
    with pytest.raises(MissingInput, match="is gone"):
        store.load(record)


def test_an_interrupted_setup_leaves_nothing(tmp_path):
    def stop(stage, done, whole):
        if stage == "A":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        KeyStore(tmp_path).make(Accuracy(1, 1), progress=stop)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="import"):
        KeyStore(tmp_path).make(Accuracy(1, 1), "ceremony")


@pytest.mark.parametrize("damage", ["empty", "magic", "short", "curve", "section"])
def test_damaged_key_files_are_refused(proven, tmp_path, damage):
    path = tmp_path / "key.zkey"
    raw = bytearray(proven.record.path.read_bytes())
    if damage == "empty":
        raw = b""
    elif damage == "magic":
        raw[:4] = b"ptau"
    elif damage == "short":
        raw = raw[: len(raw) // 2]
    elif damage == "curve":
        at = raw.index(Q.to_bytes(32, "little"))
        raw[at] ^= 2
    path.write_bytes(raw)
    if damage == "section":
        sections = {**proven.key.sections, zkey.A: bytes(64)}
        zkey.write(path, replace(proven.key, sections=sections))
    with pytest.raises(InputError):
        zkey.read(path)
    with pytest.raises(MissingInput):
        binfile.read(tmp_path / "none", b"zkey")


def test_a_proof_document_reads_back(proven):
    document = json.loads(json.dumps(proven.proven.to_dict()))
    assert Proven.from_dict(document) == proven.proven
    assert "21" not in repr(proven.rows)
    for field in ("proof", "inputs", "bits"):
        with pytest.raises(InputError):
            Proven.from_dict({name: value for name, value in document.items() if name != field})
    with pytest.raises(InputError, match="public inputs"):
        Proven.from_dict(document | {"inputs": {"n": "1"}})


def test_commands_make_list_and_check(proven, tmp_path, monkeypatch):
    monkeypatch.setenv("HOKUSAI_HOME", str(proven.store.root.parent))
    # The independent verifier has tests of its own; it takes seconds.
    monkeypatch.setattr(independent, "verify_independently", verify)
    runner = CliRunner()
    ask = ["--kind", "accuracy", "--capacity", "4", "--bits", "2", "--json"]
    made = runner.invoke(app, ["zk", "setup", *ask])
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["keys"][0]["hash"] == proven.record.hash
    listed = runner.invoke(app, ["zk", "keys"])
    assert "can prove anything" in listed.output
    document = tmp_path / "proof.json"
    document.write_text(json.dumps(proven.proven.to_dict()))
    checked = runner.invoke(app, ["zk", "check", str(document)])
    assert checked.exit_code == 0, checked.output
    assert "does not show that labels are true" in checked.output
    told = proven.proven.to_dict()
    told["inputs"]["both"] = "2"
    document.write_text(json.dumps(told))
    assert runner.invoke(app, ["zk", "check", str(document), "--json"]).exit_code == 4
    document.write_text(json.dumps(told | {"key": "0x00"}))
    assert "import it" in runner.invoke(app, ["zk", "check", str(document)]).output
    refused = runner.invoke(app, ["zk", "setup", "--mode", "ceremony"])
    assert refused.exit_code == 2
    written = tmp_path / "c.r1cs"
    assert runner.invoke(app, ["zk", "export-circuit", str(written), *ask[:-1]]).exit_code == 0
    assert files.digest(files.read_r1cs(written)) == files.digest(proven.r1cs)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "asked",
    [
        ("accuracy", 128, 2, 4),
        ("confusion", 128, 3, 5),
        ("absolute_loss", 128, 6, 50),
        ("squared_loss", 128, 6, 50),
    ],
)
def test_every_kind_proves(asked, tmp_path):
    """30 s in all on one core."""
    of = circuit(*asked)
    store = KeyStore(tmp_path)
    record = store.make(of)
    for n in (1, 127, 128):
        found = prove(of, random_rows(of, n, seed=n), CONTEXT, store)
        assert verify(verifying_key(record), found.proof, found.inputs)
    with pytest.raises(InputError, match="larger capacity"):
        prove(of, random_rows(of, 129), CONTEXT, store)
    for at in range(len(found.inputs)):
        told = list(found.inputs)
        told[at] += 1
        assert not verify(verifying_key(record), found.proof, told)
