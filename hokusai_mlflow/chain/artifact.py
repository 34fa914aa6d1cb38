"""The compiled contracts that ship with the package."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Artifact:
    """One compiled contract.

    `abi` is its interface, `bytecode` what creates it, `runtime` what then lies at its address
    with zeros at the places (`immutables`: start, length) that its creation fills in.
    """

    contract: str
    abi: list[dict[str, Any]]
    bytecode: str
    runtime: bytes
    immutables: tuple[tuple[int, int], ...]

    def code_digest(self, code: bytes) -> str:
        """SHA-256 of code at an address, blind to the places that creation fills in.

        Parameters
        ----------
        code : bytes

        Returns
        -------
        str
            Hexadecimal.
        """
        blank = bytearray(code)
        for start, length in self.immutables:
            if start + length <= len(blank):
                blank[start : start + length] = bytes(length)
        return hashlib.sha256(blank).hexdigest()

    @property
    def digest(self) -> str:
        """`code_digest` of this contract as compiled."""
        return self.code_digest(self.runtime)

    def __repr__(self) -> str:
        return f"Artifact({self.contract}, {len(self.runtime)} bytes, {self.digest[:12]}…)"


@cache
def artifact(contract: str) -> Artifact:
    """A compiled contract by its name.

    Parameters
    ----------
    contract : "DeltaOne", "DeltaOneVerifier", "InferenceVerifier" or "ProofVerifier"

    Returns
    -------
    Artifact
    """
    source = files("hokusai_mlflow.chain") / "artifacts" / f"{contract}.json"
    compiled = json.loads(source.read_text(encoding="utf-8"))
    return Artifact(
        contract=contract,
        abi=compiled["abi"],
        bytecode=compiled["bytecode"],
        runtime=bytes.fromhex(compiled["deployedBytecode"][2:]),
        immutables=tuple((place["start"], place["length"]) for place in compiled["immutables"]),
    )
