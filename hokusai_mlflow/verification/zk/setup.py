"""Groth16 setup: a key pair from a circuit and five secret numbers.

Whoever keeps the five numbers can prove anything with the key. Here they exist in one process,
which forgets them without wiping its memory; its keys are only as good as whoever runs it:
`development` keys are for trying things out, `auditor` keys for those who trust one auditor. A
ceremony of many parties makes keys that hold if one of them was honest; those are imported (see
`importing`).

J. Groth: *On the Size of Pairing-Based Non-interactive Arguments*, EUROCRYPT 2016,
https://eprint.iacr.org/2016/260.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from hokusai_mlflow.verification.zk import points, zkey
from hokusai_mlflow.verification.zk.field import R, inverses, powers, root_of_unity
from hokusai_mlflow.verification.zk.points import G1_BYTES, G2_BYTES, FixedBase
from hokusai_mlflow.verification.zk.r1cs import R1CS, Matrix

Progress = Callable[[str, int, int], None]
"""Called with a stage, what is done of it, and all there is."""

BATCH = 4_096
_MOST_INPUTS = 2_000  # a confusion circuit of 32 classes has 1 826


def silent(stage: str, done: int, whole: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, slots=True)
class Trapdoor:
    """The five secrets of a setup, uniform in 1 … r − 1; to be forgotten."""

    tau: int = field(repr=False)
    alpha: int = field(repr=False)
    beta: int = field(repr=False)
    gamma: int = field(repr=False)
    delta: int = field(repr=False)

    @classmethod
    def random(cls) -> Trapdoor:
        """From the operating system's randomness."""
        return cls(*(1 + secrets.randbelow(R - 1) for _ in range(5)))


def domain_size(constraints: int, inputs: int) -> int:
    """The power of two that holds the constraints and one row per public wire."""
    return 1 << (constraints + inputs).bit_length()


def memory_bound(constraints: int) -> int:
    """Most bytes that making a key, or proving with it, adds to what a process uses.

    64 MiB, and 3 KiB for each point of the domain; measured were 2.5 KiB at most.

    Parameters
    ----------
    constraints : int
    """
    return (64 << 20) + (3 << 10) * domain_size(constraints, _MOST_INPUTS)


def lagrange(size: int, at: int, offset: int = 0, step: int = 1) -> list[int]:
    """L_j(at) on the roots of unity of order `size`, for j = offset, offset + step and so on.

    L_j(x) = (x^size − 1)/size · w^j/(x − w^j).
    """
    root = root_of_unity(size)
    first, stride = pow(root, offset, R), pow(root, step, R)
    roots = [first * power % R for power in powers(stride, size // step)]
    factor = (pow(at, size, R) - 1) * pow(size, -1, R) % R
    below = inverses([(at - one) % R for one in roots])
    return [factor * one % R * inverse % R for one, inverse in zip(roots, below, strict=True)]


def at_tau(matrix: Matrix, wires: int, basis: Sequence[int]) -> list[int]:
    """Each wire's polynomial at τ: Σ_j M_ji·L_j(τ)."""
    found = [0] * wires
    for value, (row, coefficients) in zip(basis, matrix.rows(), strict=False):
        for wire, coefficient in zip(row, coefficients, strict=True):
            found[wire] += value * coefficient
    return [value % R for value in found]


def make_keys(
    r1cs: R1CS, trapdoor: Trapdoor | None = None, progress: Progress = silent
) -> zkey.ProvingKey:
    """A proving key, which contains the verifying key.

    Parameters
    ----------
    r1cs : R1CS
    trapdoor : Trapdoor, optional
        For demonstrations of what it can do; random and forgotten otherwise.
    progress : callable, optional

    Returns
    -------
    ProvingKey
    """
    secret = trapdoor or Trapdoor.random()
    inputs = len(r1cs.public)
    m = domain_size(len(r1cs), inputs)
    basis = lagrange(m, secret.tau)
    a, b, c = (at_tau(matrix, r1cs.wires, basis) for matrix in (r1cs.a, r1cs.b, r1cs.c))
    for wire in range(inputs + 1):
        a[wire] = (a[wire] + basis[len(r1cs) + wire]) % R
    inverse_gamma, inverse_delta = (pow(one, -1, R) for one in (secret.gamma, secret.delta))
    mixed = [(secret.beta * x + secret.alpha * y + z) % R for x, y, z in zip(a, b, c, strict=True)]
    curve = points.curve()
    window = 8 if r1cs.wires < 1 << 14 else 13
    first = FixedBase(curve.g1(), window)
    second = FixedBase(curve.g2(), min(window, 10))

    def dump(stage: str, base: FixedBase, size: int, scalars: Iterable[int]) -> bytes:
        listed = list(scalars)
        found = []
        for at in range(0, len(listed), BATCH):
            some = [base.times(scalar) for scalar in listed[at : at + BATCH]]
            found.append(points.dump(some, size))
            progress(stage, min(at + BATCH, len(listed)), len(listed))
        return b"".join(found)

    def one(base: FixedBase, size: int, scalar: int) -> bytes:
        return points.dump([base.times(scalar)], size)

    private = slice(inputs + 1, None)
    sections = {
        zkey.IC: dump("IC", first, G1_BYTES, (x * inverse_gamma % R for x in mixed[: inputs + 1])),
        zkey.COEFFICIENTS: zkey.coefficient_section(r1cs),
        zkey.A: dump("A", first, G1_BYTES, a),
        zkey.B1: dump("B in the first group", first, G1_BYTES, b),
        zkey.B2: dump("B in the second group", second, G2_BYTES, b),
        zkey.C: dump("C", first, G1_BYTES, (x * inverse_delta % R for x in mixed[private])),
        zkey.H: dump(
            "H",
            first,
            G1_BYTES,
            (x * inverse_delta % R for x in lagrange(2 * m, secret.tau, offset=1, step=2)),
        ),
    }
    return zkey.ProvingKey(
        r1cs.wires,
        inputs,
        m,
        one(first, G1_BYTES, secret.alpha),
        one(first, G1_BYTES, secret.beta),
        one(second, G2_BYTES, secret.beta),
        one(second, G2_BYTES, secret.gamma),
        one(first, G1_BYTES, secret.delta),
        one(second, G2_BYTES, secret.delta),
        sections,
    )
