"""Groth16 proofs and verifying keys as numbers, bytes and hashes, and their verification.

The order of words is that of the contract and of EIP-197: a point of the second group is
x.c1, x.c0, y.c1, y.c0, the imaginary part first. Points here are tuples of coordinates x.c0, x.c1,
y.c0, y.c1, the real part first, as in key files.

A proof is never an identifier: whoever holds one can make others of the same statement from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.verification.zk import checking, points
from hokusai_mlflow.verification.zk.circuit import require_public_inputs
from hokusai_mlflow.verification.zk.field import BYTES, Q

Affine = tuple[int, ...]
"""Coordinates of a point: 2 in the first group, 4 in the second."""

PROOF_WORDS = 8
PROOF_BYTES = PROOF_WORDS * BYTES
FIXED_KEY_WORDS = 14


def _eip197(point: Affine) -> list[int]:
    return list(point) if len(point) == 2 else [point[1], point[0], point[3], point[2]]


def _from_eip197(words: Sequence[int]) -> Affine:
    return tuple(_eip197(tuple(words)))


@dataclass(frozen=True, slots=True)
class Proof:
    """A Groth16 proof: points a, c of the first group and b of the second."""

    a: Affine
    b: Affine
    c: Affine

    def words(self) -> list[int]:
        """The 8 words that the contract takes."""
        return [*self.a, *_eip197(self.b), *self.c]

    def to_bytes(self) -> bytes:
        """The words, 32 bytes each, big-endian: 256 bytes."""
        return b"".join(word.to_bytes(BYTES, "big") for word in self.words())

    @classmethod
    def from_words(cls, words: Sequence[int]) -> Proof:
        """Inverse of `words`; points are not checked yet."""
        if len(words) != PROOF_WORDS or any(not 0 <= word < Q for word in words):
            raise InputError(f"expected {PROOF_WORDS} words below q as a proof")
        return cls(tuple(words[:2]), _from_eip197(words[2:6]), tuple(words[6:]))

    @classmethod
    def from_bytes(cls, raw: bytes) -> Proof:
        """Inverse of `to_bytes`.

        Raises
        ------
        InputError
            When it is not 256 bytes of numbers below q.
        """
        if len(raw) != PROOF_BYTES:
            raise InputError(f"expected {PROOF_BYTES} bytes as a proof, found {len(raw)}")
        return cls.from_words(
            [int.from_bytes(raw[at : at + BYTES], "big") for at in range(0, PROOF_BYTES, BYTES)]
        )


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """What a verifier needs: α in the first group; β, γ, δ in the second; one point per input."""

    alpha: Affine
    beta: Affine
    gamma: Affine
    delta: Affine
    ic: tuple[Affine, ...]

    @property
    def inputs(self) -> int:
        """Number of public inputs."""
        return len(self.ic) - 1

    def __repr__(self) -> str:
        return f"VerifyingKey(0x{self.hash().hex()[:8]}…, {self.inputs} public inputs)"

    def words(self) -> list[int]:
        """The points alpha (2), beta (4), gamma (4), delta (4), ic (2 each), for the contract."""
        several = (self.alpha, self.beta, self.gamma, self.delta, *self.ic)
        return [word for point in several for word in _eip197(point)]

    def hash(self) -> bytes:
        """Keccak-256 of the words end to end, by which the contract knows the key."""
        from eth_utils.crypto import keccak  # noqa: PLC0415

        return bytes(keccak(b"".join(word.to_bytes(BYTES, "big") for word in self.words())))

    @classmethod
    def from_words(cls, words: Sequence[int]) -> VerifyingKey:
        """Inverse of `words`; `require_sound` checks the points."""
        if len(words) < FIXED_KEY_WORDS + 2 or len(words) % 2:
            raise InputError(f"expected 16 or more words as a verifying key, found {len(words)}")
        beta, gamma, delta = (_from_eip197(words[at : at + 4]) for at in (2, 6, 10))
        ic = (tuple(words[at : at + 2]) for at in range(FIXED_KEY_WORDS, len(words), 2))
        return cls(tuple(words[:2]), beta, gamma, delta, tuple(ic))

    def require_sound(self) -> None:
        """Check what of a key can be seen to be wrong.

        Raises
        ------
        InputError
            When a point is not of its group or is neutral, or γ = δ: a key that went through no
            second phase, for which anybody can prove anything.
        """
        for point in (self.alpha, self.beta, self.gamma, self.delta, *self.ic):
            checking.require_point(point)
        if self.gamma == self.delta:
            raise InputError(
                "γ = δ: this key went through no second phase, and anybody can prove anything with "
                "it; contribute to it first (snarkjs zkey contribute)"
            )


def verify(key: VerifyingKey, proof: Proof, inputs: Sequence[int]) -> bool:
    """Whether a proof shows that its public inputs are true, up to the key's trust.

    e(A, B) = e(α, β) · e(Σ x_i·IC_i, γ) · e(C, δ), with x_0 = 1. Uses zksnake; `independent` has
    another implementation.

    Parameters
    ----------
    key : VerifyingKey
    proof : Proof
    inputs : sequence of int
        Public inputs in order, without the leading 1.

    Raises
    ------
    InputError
        When the number of inputs is not the key's, or one is not below r.
    """
    require_public_inputs(inputs, key.inputs)
    try:
        a, b, c = (points.from_affine(point) for point in (proof.a, proof.b, proof.c))
    except InputError:
        return False
    curve: Any = points.curve()
    ic = points.combine([points.from_affine(point) for point in key.ic], [1, *inputs])
    fixed = [points.from_affine(point) for point in (key.alpha, key.beta, key.gamma, key.delta)]
    right = curve.multi_pairing([fixed[0], ic, c], fixed[1:])
    return bool(curve.pairing(a, b) == right)
