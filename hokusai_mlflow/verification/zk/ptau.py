"""Powers of tau: the first phase of a ceremony, which every circuit shares (`.ptau` of snarkjs)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.verification.zk import binfile, points
from hokusai_mlflow.verification.zk.field import BYTES, Q
from hokusai_mlflow.verification.zk.points import G1_BYTES, G2_BYTES

HEADER, TAU_G1, TAU_G2, ALPHA_TAU_G1, BETA_TAU_G1, BETA_G2 = range(1, 7)
LAGRANGE_G1, LAGRANGE_G2, LAGRANGE_ALPHA_G1, LAGRANGE_BETA_G1 = range(12, 16)


@dataclass(frozen=True, slots=True, repr=False)
class PowersOfTau:
    """A prepared file: its power p, for domains of up to 2^p points, and its sections."""

    power: int
    sections: dict[int, memoryview]
    hash: str

    def __repr__(self) -> str:
        return f"PowersOfTau(2^{self.power}, {self.hash[:16]}…)"

    def lagrange(self, size: int) -> list[Any]:
        """[L_j(τ)]₁ for the roots of unity of order `size`, a power of two."""
        raw = self.sections[LAGRANGE_G1]
        start = (size - 1) * G1_BYTES
        if start + size * G1_BYTES > len(raw):
            raise InputError(
                f"powers of tau of 2^{self.power} do not reach a domain of {size:,}; "
                "use a larger file"
            )
        return points.load(raw[start : start + size * G1_BYTES], G1_BYTES)

    def first(self, section: int) -> Any:
        """The first point of a section: τ⁰ times the section's factor."""
        size = G2_BYTES if section in (TAU_G2, BETA_G2) else G1_BYTES
        return points.from_affine(points.coordinates(bytes(self.sections[section][:size])))


def read(path: Path) -> PowersOfTau:
    """A prepared powers-of-tau file.

    Parameters
    ----------
    path : Path
        After `snarkjs powersoftau prepare phase2`.

    Raises
    ------
    MissingInput, InputError
        There is no such file, or it is not prepared, or of another curve.
    """
    sections = binfile.read(path, b"ptau")
    head = bytes(sections[HEADER])
    if head[:4] != struct.pack("<I", BYTES) or int.from_bytes(head[4:36], "little") != Q:
        raise InputError(f"{path} is of another curve; expected BN254 (bn128)")
    (power,) = struct.unpack_from("<I", head, 36)
    if LAGRANGE_G1 not in sections:
        raise InputError(f"{path} is not prepared; run: snarkjs powersoftau prepare phase2")
    hashed = blake2b()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            hashed.update(block)
    return PowersOfTau(power, sections, hashed.hexdigest())
