"""A quantised model's forward pass in a circuit; what it requires is `QuantisedModel.scores`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hokusai_mlflow.verification.zk import gadgets
from hokusai_mlflow.verification.zk.field import R
from hokusai_mlflow.verification.zk.quantised import SHIFT, Shape
from hokusai_mlflow.verification.zk.r1cs import ONE, Builder, Linear, times, total

Choose = Callable[[list[int]], int]
"""Which of several scores a prover claims to be the greatest."""


def first_greatest(scores: list[int]) -> int:
    """The place of the greatest score, the first of equal ones."""
    return scores.index(max(scores))


def predict(
    builder: Builder,
    shape: Shape,
    weights: tuple[Sequence[int], Sequence[Linear]],
    features: Sequence[Linear],
    choose: Choose,
) -> dict[int, int]:
    """The predicted class of one row.

    Weights, a wire each, biases, and features must be known to be in range.
    """
    now, w, v = list(features), iter(weights[0]), iter(weights[1])
    sizes = shape.score_bits()
    scores: list[dict[int, int]] = []
    for at, (width, size) in enumerate(zip(shape.layers, sizes, strict=True)):
        scores = []
        for _ in range(width):
            terms = [{builder.product(x, {next(w): 1}, f"layer {at + 1}"): 1} for x in now]
            scores.append(total(next(v), *terms))
        if at < len(sizes) - 1:
            now = [_rectified(builder, score, size) for score in scores]
    if len(scores) == 1:
        return {_signed(builder, total(scores[0], {ONE: -1}), sizes[-1])[-1]: 1}
    return _greatest(builder, scores, sizes[-1], choose)


def _rectified(builder: Builder, score: Linear, size: int) -> dict[int, int]:
    """max(z, 0) >> SHIFT: the bits of z + 2^{L−1}, whose highest says that z ≥ 0."""
    of = _signed(builder, score, size)
    return {builder.product(gadgets.number(of[SHIFT:-1]), {of[-1]: 1}, "rectified linear unit"): 1}


def _greatest(
    builder: Builder, scores: list[dict[int, int]], size: int, choose: Choose
) -> dict[int, int]:
    """The first of the greatest scores, by one-hot bits h.

    With g = Σ h_t·z_t, g − z_t ≥ 0 for every t, and ≥ 1 where t stands before the chosen one.
    """
    chosen = choose([_as_signed(builder.value(score)) for score in scores])
    name = "greatest score"
    hot = [gadgets.boolean(builder, int(at == chosen), name) for at in range(len(scores))]
    builder.require(dict.fromkeys(hot, 1), {ONE: 1}, {ONE: 1}, name)
    greatest = dict.fromkeys(
        (builder.product(score, {wire: 1}, name) for score, wire in zip(scores, hot, strict=True)),
        1,
    )
    for at, score in enumerate(scores):
        later = dict.fromkeys(hot[at + 1 :], -1)
        ahead = total(greatest, times(-1, score), later)
        margin = gadgets.bits(builder, builder.value(ahead), size + 1, name)
        builder.require(ahead, {ONE: 1}, gadgets.number(margin), name)
    return {wire: at for at, wire in enumerate(hot) if at}


def _as_signed(value: int) -> int:
    return value - R if value > R // 2 else value


def _signed(builder: Builder, of: Linear, size: int) -> list[int]:
    """Bits of z + 2^{L−1}; z must be known to lie in −2^{L−1} … 2^{L−1} − 1."""
    shifted = total(of, {ONE: 1 << size - 1})
    wires = gadgets.bits(builder, builder.value(shifted), size, "sign")
    builder.require(shifted, {ONE: 1}, gadgets.number(wires), "sign")
    return wires
