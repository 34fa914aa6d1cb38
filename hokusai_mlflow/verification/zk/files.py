"""snarkjs' other files: circuits (`.r1cs`), witnesses (`.wtns`), and JSON of keys and proofs."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.verification.zk import binfile
from hokusai_mlflow.verification.zk.field import BYTES, R
from hokusai_mlflow.verification.zk.r1cs import R1CS, Matrix
from hokusai_mlflow.verification.zk.verifying import Affine, Proof, VerifyingKey

_PRIME = struct.pack("<I", BYTES) + R.to_bytes(BYTES, "little")


def r1cs_bytes(r1cs: R1CS) -> bytes:
    """A circuit as a `.r1cs` file; public wires are outputs, as those of circom are."""
    known: dict[int, bytes] = {}
    parts = []
    for sides in zip(r1cs.a.rows(), r1cs.b.rows(), r1cs.c.rows(), strict=True):
        for wires, coefficients in sides:
            parts.append(struct.pack("<I", len(wires)))
            for wire, coefficient in sorted(zip(wires, coefficients, strict=True)):
                if coefficient not in known:
                    known[coefficient] = (coefficient % R).to_bytes(BYTES, "little")
                parts.append(wire.to_bytes(4, "little") + known[coefficient])
    header = _PRIME + struct.pack(
        "<IIIIQI", r1cs.wires, len(r1cs.public), 0, 0, r1cs.wires, len(r1cs)
    )
    labels = b"".join(struct.pack("<Q", wire) for wire in range(r1cs.wires))
    file = BytesIO()
    binfile.write(file, b"r1cs", 1, {1: header, 2: b"".join(parts), 3: labels})
    return file.getvalue()


def digest(r1cs: R1CS) -> str:
    """SHA-256 of the `.r1cs` file: what a circuit's keys are known by."""
    return sha256(r1cs_bytes(r1cs)).hexdigest()


def read_r1cs(path: Path) -> R1CS:
    """A circuit from a `.r1cs` file; constraints and public wires are named by number.

    Raises
    ------
    MissingInput, InputError
        There is no such file, or it is not of BN254's scalar field.
    """
    sections = binfile.read(path, b"r1cs")
    head, body = bytes(sections[1]), bytes(sections[2])
    if not head.startswith(_PRIME):
        raise InputError(f"{path} is over another field; expected BN254's (bn128)")
    wires, outputs, inputs, _, _, count = struct.unpack_from("<IIIIQI", head, len(_PRIME))
    matrices = (Matrix(), Matrix(), Matrix())
    at = 0
    for _ in range(count):
        for matrix in matrices:
            (terms,) = struct.unpack_from("<I", body, at)
            at += 4
            row = {}
            for _ in range(terms):
                row[int.from_bytes(body[at : at + 4], "little")] = int.from_bytes(
                    body[at + 4 : at + 36], "little"
                )
                at += 36
            matrix.append(row)
    public = tuple(f"public_{number}" for number in range(outputs + inputs))
    return R1CS(public, wires, *matrices, [f"constraint {number}" for number in range(count)])


def wtns_bytes(witness: Sequence[int]) -> bytes:
    """A witness as a `.wtns` file."""
    file = BytesIO()
    values = b"".join(value.to_bytes(BYTES, "little") for value in witness)
    binfile.write(file, b"wtns", 2, {1: _PRIME + struct.pack("<I", len(witness)), 2: values})
    return file.getvalue()


def read_wtns(path: Path) -> list[int]:
    """A witness from a `.wtns` file.

    Raises
    ------
    MissingInput, InputError
        There is no such file, or it is not of BN254's scalar field.
    """
    sections = binfile.read(path, b"wtns")
    if not bytes(sections[1]).startswith(_PRIME):
        raise InputError(f"{path} is over another field; expected BN254's (bn128)")
    raw = bytes(sections[2])
    return [int.from_bytes(raw[at : at + BYTES], "little") for at in range(0, len(raw), BYTES)]


def _json_point(point: Affine) -> list[Any]:
    if len(point) == 2:
        return [str(point[0]), str(point[1]), "1"]
    x0, x1, y0, y1 = map(str, point)
    return [[x0, x1], [y0, y1], ["1", "0"]]


def _from_json(point: Sequence[Any]) -> Affine:
    flat = [
        int(part) for value in point[:2] for part in (value if isinstance(value, list) else [value])
    ]
    if point[2] not in ("1", 1, ["1", "0"]):
        raise InputError("expected affine points, as snarkjs writes them")
    return tuple(flat)


def proof_json(proof: Proof) -> dict[str, Any]:
    """A proof as snarkjs' ``proof.json``."""
    named = {"pi_a": proof.a, "pi_b": proof.b, "pi_c": proof.c}
    return {name: _json_point(point) for name, point in named.items()} | {
        "protocol": "groth16",
        "curve": "bn128",
    }


def proof_from_json(given: Mapping[str, Any]) -> Proof:
    """Inverse of `proof_json`."""
    return Proof(*(_from_json(given[name]) for name in ("pi_a", "pi_b", "pi_c")))


def public_json(inputs: Sequence[int]) -> list[str]:
    """Public inputs as snarkjs' ``public.json``."""
    return [str(value) for value in inputs]


def key_json(key: VerifyingKey) -> dict[str, Any]:
    """A verifying key as snarkjs' ``verification_key.json``."""
    return {
        "protocol": "groth16",
        "curve": "bn128",
        "nPublic": key.inputs,
        "vk_alpha_1": _json_point(key.alpha),
        "vk_beta_2": _json_point(key.beta),
        "vk_gamma_2": _json_point(key.gamma),
        "vk_delta_2": _json_point(key.delta),
        "IC": [_json_point(point) for point in key.ic],
    }


def key_from_json(given: Mapping[str, Any]) -> VerifyingKey:
    """Inverse of `key_json`.

    Raises
    ------
    InputError
        When it is a key of another system or curve.
    """
    if (given.get("protocol"), given.get("curve")) != ("groth16", "bn128"):
        raise InputError("expected a Groth16 key on bn128")
    alpha, beta, gamma, delta = (
        _from_json(given[f"vk_{name}"]) for name in ("alpha_1", "beta_2", "gamma_2", "delta_2")
    )
    return VerifyingKey(alpha, beta, gamma, delta, tuple(map(_from_json, given["IC"])))


def write_json(path: Path, content: Any) -> None:
    """Write one of the JSON files."""
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
