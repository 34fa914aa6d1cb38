"""Verification by another implementation: py_ecc, plain Python by the Ethereum Foundation.

It shares no curve arithmetic with the prover, and takes words as the contract does.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.verification.zk.circuit import require_public_inputs
from hokusai_mlflow.verification.zk.verifying import Affine, Proof, VerifyingKey


def verify_independently(key: VerifyingKey, proof: Proof, inputs: Sequence[int]) -> bool:
    """Whether a proof holds; about two seconds.

    Parameters
    ----------
    key : VerifyingKey
    proof : Proof
    inputs : sequence of int
        Public inputs in order, without the leading 1.

    Raises
    ------
    InputError
        When the key is unsound, or inputs are not field elements of its number.
    """
    # The optimised variant is the same library's; the plain one takes ten times as long.
    bn: Any = import_module("py_ecc.optimized_bn128")

    require_public_inputs(inputs, key.inputs)

    def point(values: Affine, group: Any) -> Any:
        if len(values) == 2:
            x, y, one = bn.FQ(values[0]), bn.FQ(values[1]), bn.FQ(1)
        else:
            x, y, one = bn.FQ2(values[:2]), bn.FQ2(values[2:]), bn.FQ2.one()
        found = (x, y, one)
        if not bn.is_on_curve(found, group):
            raise InputError("a point is not on the curve")
        if len(values) == 4 and not bn.is_inf(bn.multiply(found, bn.curve_order)):
            raise InputError("a point of the second group is not in its subgroup")
        return found

    if key.gamma == key.delta:
        raise InputError("γ = δ: anybody can prove anything with this key")
    alpha = point(key.alpha, bn.b)
    beta, gamma, delta = (point(one, bn.b2) for one in (key.beta, key.gamma, key.delta))
    total = point(key.ic[0], bn.b)
    for value, one in zip(inputs, key.ic[1:], strict=True):
        total = bn.add(total, bn.multiply(point(one, bn.b), value))
    try:
        a, b, c = point(proof.a, bn.b), point(proof.b, bn.b2), point(proof.c, bn.b)
    except InputError:
        return False
    pairs = ((b, bn.neg(a)), (beta, alpha), (gamma, total), (delta, c))
    product = bn.FQ12.one()
    for second, first in pairs:
        product *= bn.pairing(second, first, final_exponentiate=False)
    return bool(bn.final_exponentiate(product) == bn.FQ12.one())
