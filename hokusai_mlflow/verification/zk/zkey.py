"""Proving keys, in the format of snarkjs (`.zkey`, Groth16 on BN254).

Ten sections: the protocol; the header (field sizes, number of wires and public inputs, domain
size, and the points α₁ β₁ β₂ γ₂ δ₁ δ₂); IC; the coefficients of A and B; the points of A, B (in
both groups), the private wires' (βA + αB + C)/δ, and H; the contributions. Points are affine in
Montgomery form, a coefficient v is stored as v·2^512 mod r. H_i is L_{2i+1}(τ)/δ, with L the
Lagrange polynomials on the 2m-th roots of unity, m the domain size.
"""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.verification.zk import binfile, points
from hokusai_mlflow.verification.zk.field import BYTES, Q, R
from hokusai_mlflow.verification.zk.points import G1_BYTES, G2_BYTES, coordinates
from hokusai_mlflow.verification.zk.r1cs import R1CS
from hokusai_mlflow.verification.zk.verifying import VerifyingKey

MAGIC = b"zkey"
PROTOCOL, HEADER, IC, COEFFICIENTS, A, B1, B2, C, H, CONTRIBUTIONS = range(1, 11)

COEFFICIENT = np.dtype([("matrix", "<u4"), ("row", "<u4"), ("wire", "<u4"), ("value", "V32")])

_TWICE = pow(2, 512, R)
_TWICE_INVERSE = pow(_TWICE, -1, R)


@dataclass(frozen=True, slots=True, repr=False)
class ProvingKey:
    """A key file's sections, and what its header says."""

    wires: int
    inputs: int
    domain: int
    alpha1: bytes
    beta1: bytes
    beta2: bytes
    gamma2: bytes
    delta1: bytes
    delta2: bytes
    sections: Mapping[int, bytes | memoryview]

    def __repr__(self) -> str:
        return f"ProvingKey({self.wires} wires, {self.inputs} public inputs, domain {self.domain})"

    def verifying_key(self) -> VerifyingKey:
        """The part that verifiers need."""
        ic = bytes(self.sections[IC])
        return VerifyingKey(
            coordinates(self.alpha1),
            coordinates(self.beta2),
            coordinates(self.gamma2),
            coordinates(self.delta2),
            tuple(coordinates(ic[at : at + G1_BYTES]) for at in range(0, len(ic), G1_BYTES)),
        )

    def points(self, section: int) -> list[points.Point]:
        """The points of a section, for `prover`."""
        return points.load(self.sections[section], G2_BYTES if section == B2 else G1_BYTES)

    def coefficients(self) -> npt.NDArray[np.void]:
        """Entries of A and B, with the rows that tie public wires; values as stored."""
        raw = self.sections[COEFFICIENTS]
        return np.frombuffer(raw, dtype=COEFFICIENT, offset=4)


def header(key: ProvingKey) -> bytes:
    """The header section."""
    return b"".join(
        (
            struct.pack("<I", BYTES) + Q.to_bytes(BYTES, "little"),
            struct.pack("<I", BYTES) + R.to_bytes(BYTES, "little"),
            struct.pack("<III", key.wires, key.inputs, key.domain),
            *(key.alpha1, key.beta1, key.beta2, key.gamma2, key.delta1, key.delta2),
        )
    )


def coefficient_section(r1cs: R1CS) -> bytes:
    """Entries of A and B, constraint by constraint, then one per public wire.

    The last rows, x_i·0 = 0, make the polynomials of public wires independent, without which a
    proof's public inputs could be changed.
    """
    stored: dict[int, bytes] = {}
    entries = []
    pack = struct.pack
    rows = zip(r1cs.a.rows(), r1cs.b.rows(), strict=True)
    for number, sides in enumerate(rows):
        for matrix, (wires, coefficients) in enumerate(sides):
            for wire, coefficient in zip(wires, coefficients, strict=True):
                if coefficient not in stored:
                    stored[coefficient] = (coefficient * _TWICE % R).to_bytes(BYTES, "little")
                entries.append(pack("<III", matrix, number, wire) + stored[coefficient])
    one = _TWICE.to_bytes(BYTES, "little")
    entries += [
        pack("<III", 0, len(r1cs) + wire, wire) + one for wire in range(len(r1cs.public) + 1)
    ]
    return pack("<I", len(entries)) + b"".join(entries)


def coefficient_values(stored: npt.NDArray[np.void]) -> list[int]:
    """Values of stored coefficients; few of them are distinct."""
    known: dict[bytes, int] = {}
    found = []
    for raw in stored.tolist():
        value = known.get(raw)
        if value is None:
            value = known[raw] = int.from_bytes(raw, "little") * _TWICE_INVERSE % R
        found.append(value)
    return found


def read(path: Path) -> ProvingKey:
    """A key from its file; points are not checked (see `importing`).

    Parameters
    ----------
    path : Path

    Raises
    ------
    MissingInput, InputError
        There is no such file, or it is no whole Groth16 key on BN254.
    """
    sections = binfile.read(path, MAGIC)
    try:
        if struct.unpack("<I", sections[PROTOCOL])[0] != 1:
            raise InputError(f"{path} is a key of another proof system; expected Groth16")
        raw = bytes(sections[HEADER])
        n8q, n8r = raw[:4], raw[36:40]
        fields = (int.from_bytes(raw[4:36], "little"), int.from_bytes(raw[40:72], "little"))
        if n8q != n8r or fields != (Q, R):
            raise InputError(f"{path} is a key on another curve; expected BN254 (bn128)")
        wires, inputs, domain = struct.unpack_from("<III", raw, 72)
        at, parts = 84, []
        for size in (G1_BYTES, G1_BYTES, G2_BYTES, G2_BYTES, G1_BYTES, G2_BYTES):
            parts.append(raw[at : at + size])
            at += size
        alpha1, beta1, beta2, gamma2, delta1, delta2 = parts
        key = ProvingKey(
            *(wires, inputs, domain),
            *(alpha1, beta1, beta2, gamma2, delta1, delta2),
            sections,
        )
        expected = {
            HEADER: at,
            IC: (inputs + 1) * G1_BYTES,
            A: wires * G1_BYTES,
            B1: wires * G1_BYTES,
            B2: wires * G2_BYTES,
            C: (wires - inputs - 1) * G1_BYTES,
            H: domain * G1_BYTES,
            COEFFICIENTS: 4
            + COEFFICIENT.itemsize * int.from_bytes(sections[COEFFICIENTS][:4], "little"),
        }
    except (KeyError, struct.error) as problem:
        raise InputError(f"{path} is not a whole proving key: {problem!r}") from None
    for number, size in expected.items():
        if len(sections[number]) != size:
            raise InputError(
                f"{path}: section {number} has {len(sections[number])} bytes, expected {size}; "
                "the file is damaged"
            )
    return key


def write(path: Path, key: ProvingKey) -> None:
    """Write a key; the file appears when it is whole."""
    sections = {
        PROTOCOL: struct.pack("<I", 1),
        HEADER: header(key),
        CONTRIBUTIONS: bytes(64 + 4),
        **key.sections,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
    try:
        with os.fdopen(handle, "wb") as file:
            binfile.write(file, MAGIC, 1, sections)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
