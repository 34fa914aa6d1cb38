"""Keys of a ceremony, checked before they are kept.

What is checked of a `.zkey` beside the `.ptau` that it was made from, for a circuit that is built
here anew:

1. every point is on its curve, those of the second group in the subgroup;
2. γ = 1·G₂ as snarkjs leaves it or anything else, but γ ≠ δ and δ ≠ neutral;
3. sizes, and every coefficient of A and B, are the circuit's;
4. the points are those of the circuit's A, B **and C** at the ceremony's τ, α, β and this key's
   δ: with random ρ, one equation per section holds for Σ ρ_i·P_i. C is not in a `.zkey` in any
   other form, and a key for a weaker circuit would look the same without this.

What is not: that somebody forgot their part. That rests on who took part in both phases, so
compare the hash of the `.ptau` that is recorded with the published one.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hokusai_mlflow.errors import EvidenceMismatch, InputError
from hokusai_mlflow.verification.zk import checking, files, points, ptau, zkey
from hokusai_mlflow.verification.zk.field import R
from hokusai_mlflow.verification.zk.keys import Keyed, KeyRecord, KeyStore
from hokusai_mlflow.verification.zk.points import G1_BYTES, G2_BYTES
from hokusai_mlflow.verification.zk.r1cs import R1CS, Matrix
from hokusai_mlflow.verification.zk.setup import domain_size
from hokusai_mlflow.verification.zk.zkey import ProvingKey

SUBGROUP_ROUNDS = 10
SUBGROUP_BITS = 16
CHALLENGE_BITS = 128


def import_key(circuit: Keyed, path: Path, powers: Path, store: KeyStore) -> KeyRecord:
    """Check a ceremony's key and keep it.

    Parameters
    ----------
    circuit : Keyed
        Which circuit it claims to be of.
    path : Path
        The `.zkey`, after its last contribution.
    powers : Path
        The prepared `.ptau` that it was made from.
    store : KeyStore

    Raises
    ------
    MissingInput, InputError, EvidenceMismatch
        A file is missing or damaged, or the key is not a sound one of this circuit.
    """
    key, tau = zkey.read(path), ptau.read(powers)
    r1cs = circuit.constraints()
    require_points(key)
    key.verifying_key().require_sound()
    require_coefficients(key, r1cs)
    require_circuit(key, r1cs, tau)
    return store.add(
        circuit,
        key,
        "ceremony",
        digest=files.digest(r1cs),
        constraints=len(r1cs),
        source=f"{path.name}; powers of tau {tau.hash}",
    )


def require_points(key: ProvingKey) -> None:
    """Check every point of a key.

    Of the second group's points, ten random combinations are tested for the subgroup: the
    cofactor's smallest prime factor is 10 069, so that a bad point passes with a chance below
    2⁻¹²⁸.

    Raises
    ------
    InputError
        When one is not on its curve, or not in the subgroup.
    """
    for section in (zkey.IC, zkey.A, zkey.B1, zkey.C, zkey.H):
        _require_on_curve(bytes(key.sections[section]), G1_BYTES, section)
    raw = bytes(key.sections[zkey.B2])
    _require_on_curve(raw, G2_BYTES, zkey.B2)
    for fixed in (key.alpha1, key.beta1, key.delta1, key.beta2, key.gamma2, key.delta2):
        checking.require_point(points.coordinates(fixed))
    second = points.load(raw, G2_BYTES)
    for _ in range(SUBGROUP_ROUNDS):
        total = points.combine(second, [secrets.randbits(SUBGROUP_BITS) for _ in second])
        if not total.is_zero() and not checking.in_subgroup(points.affine(total)):
            raise InputError("a point of the second group is not in its subgroup")


def _require_on_curve(raw: bytes, size: int, section: int) -> None:
    empty = bytes(size)
    for at in range(0, len(raw), size):
        piece = raw[at : at + size]
        if piece != empty and not checking.on_curve(points.coordinates(piece)):
            raise InputError(f"point {at // size} of section {section} is not on the curve")


def require_coefficients(key: ProvingKey, r1cs: R1CS) -> None:
    """Check that a key's sizes and its entries of A and B are a circuit's.

    Raises
    ------
    EvidenceMismatch
        When they are not.
    """
    sizes = (r1cs.wires, len(r1cs.public), domain_size(len(r1cs), len(r1cs.public)))
    if sizes != (key.wires, key.inputs, key.domain):
        raise EvidenceMismatch(
            f"the key has {key.wires} wires, {key.inputs} public inputs and a domain of "
            f"{key.domain}; the circuit has {sizes[0]}, {sizes[1]} and {sizes[2]}"
        )
    ours = np.frombuffer(zkey.coefficient_section(r1cs), dtype=zkey.COEFFICIENT, offset=4)
    if sorted(ours.tolist()) != sorted(key.coefficients().tolist()):
        raise EvidenceMismatch("the key's coefficients of A and B are not the circuit's")


def require_circuit(key: ProvingKey, r1cs: R1CS, tau: ptau.PowersOfTau) -> None:
    """Check that a key's points are a circuit's at a ceremony's τ, α, β and this key's δ, γ.

    Raises
    ------
    EvidenceMismatch
        Names the section that is not.
    """
    curve = points.curve()
    g1, g2 = curve.g1(), curve.g2()
    alpha, beta1 = tau.first(ptau.ALPHA_TAU_G1), tau.first(ptau.BETA_TAU_G1)
    beta2 = tau.first(ptau.BETA_G2)
    delta1, delta2, gamma2 = (
        points.from_affine(points.coordinates(raw)) for raw in (key.delta1, key.delta2, key.gamma2)
    )

    def require(holds: bool, what: str) -> None:
        if not holds:
            raise EvidenceMismatch(f"the key does not belong to circuit and ceremony: {what}")

    def same(a: tuple[Any, Any], b: tuple[Any, Any]) -> bool:
        return bool(curve.pairing(*a) == curve.pairing(*b))

    own = [points.from_affine(points.coordinates(raw)) for raw in (key.alpha1, key.beta1)]
    require(own[0] == alpha and own[1] == beta1, "α and β")
    require(points.from_affine(points.coordinates(key.beta2)) == beta2, "β")
    require(same((beta1, g2), (g1, beta2)), "β in both groups")
    require(same((delta1, g2), (g1, delta2)), "δ in both groups")

    basis = tau.lagrange(key.domain)
    rho = [secrets.randbits(CHALLENGE_BITS) for _ in range(key.wires)]
    ties = {len(r1cs) + wire: rho[wire] for wire in range(len(r1cs.public) + 1)}
    a, b = (_weighted(matrix, rho, basis) for matrix in (r1cs.a, r1cs.b))
    a = a + points.combine([basis[row] for row in ties], list(ties.values()))
    require(points.combine(key.points(zkey.A), rho) == a, "A")
    require(points.combine(key.points(zkey.B1), rho) == b, "B")
    second = points.combine(key.points(zkey.B2), rho)
    require(same((b, g2), (g1, second)), "B in the second group")

    cut = key.inputs + 1
    for section, scale, some in (
        (zkey.IC, gamma2, [*rho[:cut], *([0] * (key.wires - cut))]),
        (zkey.C, delta2, [*([0] * cut), *rho[cut:]]),
    ):
        x, y, z = (_weighted(matrix, some, basis) for matrix in (r1cs.a, r1cs.b, r1cs.c))
        if section == zkey.IC:
            x = x + points.combine([basis[row] for row in ties], list(ties.values()))
        # e(Σ ρ_i·P_i, scale) = e(Σ ρ_i(β·a_i + α·b_i + c_i), 1); β and α come in by pairing.
        b2 = points.combine(key.points(zkey.B2), some)
        mine = points.combine(key.points(section), some[:cut] if section == zkey.IC else some[cut:])
        require(
            bool(curve.pairing(mine, scale) == curve.multi_pairing([x, alpha, z], [beta2, b2, g2])),
            "public wires" if section == zkey.IC else "C",
        )
        del y

    odd = tau.lagrange(2 * key.domain)[1::2]
    some = [secrets.randbits(CHALLENGE_BITS) for _ in odd]
    mine = points.combine(key.points(zkey.H), some)
    require(same((mine, delta2), (points.combine(odd, some), g2)), "H")


def _weighted(matrix: Matrix, rho: Sequence[int], basis: Sequence[Any]) -> Any:
    """Σ_i ρ_i·[M_i(τ)]₁ = Σ_j (Σ_i ρ_i·M_ji)·[L_j(τ)]₁."""
    rows = [
        sum(rho[wire] * coefficient for wire, coefficient in zip(*row, strict=True)) % R
        for row in matrix.rows()
    ]
    return points.combine(basis[: len(rows)], rows)
