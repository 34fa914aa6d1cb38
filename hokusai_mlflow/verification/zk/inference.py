"""Committed predictions come from a committed model, on the rows that were drawn.

**Statement.** For the public `context, n, C_p, C_W, D` the prover knows a column p of predictions
(n values of B bits) that opens C_p as a champion's or candidate's, weights W that open C_W, and s
rows (j_k, x_k) of features on the grid with salts, such that D is `sampling.opened_digest` of the
pairs (j_k, digest of x_k), and for every k

    p_{j_k} = predict(W, x_k),

`predict` as in `quantised`. C_p has the form that metric circuits use, so that the same number
stands in both proofs: that is the link. C_W binds the weights of one shape, D the drawn rows.

**How.** Weights and features are range-checked, so that no sum can wrap around r (see
`Shape.score_bits`). That (j_k, prediction) is among the pairs (i, p_i) is shown by logarithmic
derivatives (U. Haböck, https://eprint.iacr.org/2022/1530): with t_k = j_k·2^B + prediction_k,
T_i = i·2^B + p_i and m_i in {0, 1}, at X = Poseidon(all public inputs, all m_i)

    Σ_k 1/(X − t_k) = Σ_i m_i/(X − T_i).

Everything in it is fixed before X: p by C_p, t by D and C_W, m by the hash. A false claim holds at
X with a chance of (N + s)/r < 2⁻²⁴⁰ per attempt.

**Size**, at N = 1 024, B = 4: a linear model of 30 features, 16 rows 48 420 constraints, 64 rows
156 923; a network 30-16-2, 16 rows 78 656.

**Not proven**: rows that were not drawn (see `sampling.rows_to_draw`); that the features are those
of the evaluation set, unless their digests were published with its labels; anything that `circuit`
lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.verification.zk import columns, gadgets
from hokusai_mlflow.verification.zk.circuit import CONTEXT_BITS, padded
from hokusai_mlflow.verification.zk.columns import Column
from hokusai_mlflow.verification.zk.field import R
from hokusai_mlflow.verification.zk.opening import (
    FEATURES_TAG,
    WEIGHTS_TAG,
    Opening,
    opened,
    predicted,
    weights_commitment,
)
from hokusai_mlflow.verification.zk.poseidon import ARITY
from hokusai_mlflow.verification.zk.quantised import (
    BIAS_BITS,
    FEATURE_BITS,
    SHIFT,
    WEIGHT_BITS,
    QuantisedModel,
    Shape,
    flat_weights,
)
from hokusai_mlflow.verification.zk.r1cs import ONE, R1CS, Builder, Linear, times, total
from hokusai_mlflow.verification.zk.sampling import opened_digest

LIMB_BITS = columns.LIMB_BITS
MASK_BITS = 253


@dataclass(frozen=True, repr=False)
class Inference:
    """The circuit of predictions on drawn rows.

    Parameters
    ----------
    capacity : int
        N, as in the metric circuit.
    bits : int
        B, as in the metric circuit; classes of the model must fit.
    slots : int
        s: rows that one proof opens.
    shape : Shape
    column : Column
        Whose predictions.
    """

    capacity: int
    bits: int
    slots: int
    shape: Shape
    column: Column = Column.CANDIDATE

    public = ("context", "n", "predictions", "weights", "opened")

    def __post_init__(self) -> None:
        scores = self.shape.layers[-1]
        if not 0 < self.slots <= self.capacity or max(2, scores) > 1 << self.bits:
            raise InputError(
                f"inference: expected 1 to {self.capacity} slots and at most {1 << self.bits} "
                f"classes, found {self.slots} and {max(2, scores)}"
            )

    @property
    def name(self) -> str:
        """All parameters, as in the names of key files."""
        whose = self.column.name.lower()
        return f"inference-{whose}-{self.capacity}-{self.bits}-{self.slots}-{self.shape.name}"

    def __repr__(self) -> str:
        return f"<circuit {self.name}>"

    def committed_predictions(self, opening: Opening) -> int:
        """C_p, the same number as in the metric proof."""
        return columns.commit(
            opening.predictions,
            salt=opening.prediction_salt,
            bits=self.bits,
            capacity=self.capacity,
            column=self.column,
        )

    def public_inputs(self, opening: Opening, context: int) -> list[int]:
        """The statement, computed without a circuit.

        Raises
        ------
        InputError
            When the opening has another shape, or the model predicts otherwise than committed.
        """
        if opening.model.shape != self.shape or len(opening.rows) != self.slots:
            raise InputError(
                f"expected a model of shape {self.shape.name} and {self.slots} rows, found "
                f"{opening.model.shape.name} and {len(opening.rows)}"
            )
        if len(set(opening.rows)) != self.slots or not 0 <= context < 1 << CONTEXT_BITS:
            raise InputError("expected distinct rows, and a context of at most 248 bits")
        commitment = self.committed_predictions(opening)
        said = predicted(opening)
        for row, code in zip(opening.rows, said, strict=True):
            if int(opening.predictions[row]) != code:
                raise InputError(
                    f"row {row}: the model predicts class {code}, {opening.predictions[row]} was "
                    "committed; commit to the predictions of the quantised model"
                )
        return [
            context,
            len(opening.predictions),
            commitment,
            weights_commitment(opening.model, opening.model_salt),
            opened_digest(opened(opening)),
        ]

    def witness(self, opening: Opening, context: int) -> list[int]:
        """Values of all wires."""
        self.public_inputs(opening, context)
        return self.built(opening, context, record=False).values

    def constraints(self) -> R1CS:
        """The constraints, which depend on the parameters alone."""
        sizes = (self.shape.inputs, *self.shape.layers)
        blank = QuantisedModel(
            tuple(np.zeros((b, a), np.int64) for a, b in pairwise(sizes)),
            tuple(np.zeros(b, np.int64) for b in sizes[1:]),
            np.zeros(sizes[0]),
            np.ones(sizes[0]),
            (),
        )
        opening = Opening(
            [0] * self.capacity,
            0,
            blank,
            0,
            list(range(self.slots)),
            np.zeros((self.slots, sizes[0]), np.int64),
            [0] * self.slots,
        )
        return self.built(opening, 0, record=True).constraints()

    def built(self, opening: Opening, context: int, *, record: bool) -> Builder:
        """A builder that went through the whole circuit; the opening is not checked."""
        builder = Builder(self.public, record=record)
        bound = builder.input("context", context)
        builder.product({bound: 1}, {bound: 1}, "context")
        live = builder.input("n", len(opening.predictions))
        predictions = [
            gadgets.number(gadgets.bits(builder, value, self.bits, "predictions"))
            for value in padded(opening.predictions, self.capacity)
        ]
        commitment = columns.commit_rows(
            builder,
            predictions,
            live=live,
            salt=opening.prediction_salt,
            width=self.bits,
            column=self.column,
        )
        committed = builder.output("predictions", {commitment: 1})
        weights, biases, of_weights = self._weights(builder, opening)
        bound_weights = builder.output("weights", {of_weights: 1})
        index_bits = (self.capacity - 1).bit_length()
        flat: list[Linear] = []
        claims: list[dict[int, int]] = []
        for row, codes, salt in zip(opening.rows, opening.codes, opening.salts, strict=True):
            index = gadgets.number(gadgets.bits(builder, row, index_bits, "row"))
            features, digest = self._row(builder, codes, salt)
            said = self._predict(builder, weights, biases, features)
            claims.append(total(times(1 << self.bits, index), said))
            flat += [index, {digest: 1}]
        chain: Linear = {ONE: self.slots}
        for at in range(0, len(flat), ARITY - 2):
            inputs = [chain, *flat[at : at + ARITY - 2]]
            chain = {gadgets.poseidon(builder, inputs, "opened rows"): 1}
        drawn = builder.output("opened", chain)
        known = [
            total({ONE: row << self.bits}, prediction) for row, prediction in enumerate(predictions)
        ]
        public = [bound, live, committed, bound_weights, drawn]
        self._require_among(builder, claims, known, opening.rows, public)
        return builder

    def _weights(
        self, builder: Builder, opening: Opening
    ) -> tuple[list[int], list[dict[int, int]], int]:
        """Wires of the weights, biases, and the wire of their commitment."""
        values, offsets = flat_weights(opening.model)
        half, half_bias = 1 << WEIGHT_BITS - 1, 1 << BIAS_BITS - 1
        coded = [
            gadgets.number(gadgets.bits(builder, w + half, WEIGHT_BITS, "weights")) for w in values
        ]
        coded_biases = [
            gadgets.number(gadgets.bits(builder, v + half_bias, BIAS_BITS, "biases"))
            for v in offsets
        ]
        limbs = [*_packed(coded, WEIGHT_BITS), *_packed(coded_biases, BIAS_BITS)]
        head: list[Linear] = [
            {ONE: WEIGHTS_TAG},
            {ONE: self.shape.inputs},
            {ONE: len(coded)},
            {ONE: len(coded_biases)},
            {builder.wire(opening.model_salt): 1},
        ]
        found = gadgets.poseidon(builder, head, "commitment to weights")
        for at in range(0, len(limbs), ARITY - 1):
            inputs = [{found: 1}, *limbs[at : at + ARITY - 1]]
            found = gadgets.poseidon(builder, inputs, "commitment to weights")
        wires = [builder.copy(total(of, {ONE: -half}), "weights") for of in coded]
        return wires, [total(of, {ONE: -half_bias}) for of in coded_biases], found

    def _row(
        self, builder: Builder, codes: Sequence[int], salt: int
    ) -> tuple[list[dict[int, int]], int]:
        """Features of one opened row, each a wire, and the wire of their digest."""
        coded = [
            gadgets.number(gadgets.bits(builder, int(code), FEATURE_BITS, "features"))
            for code in codes
        ]
        head: list[Linear] = [
            {ONE: FEATURES_TAG},
            {ONE: self.shape.inputs},
            {builder.wire(salt): 1},
        ]
        found = gadgets.poseidon(builder, head, "digest of a row")
        limbs = _packed(coded, FEATURE_BITS)
        for at in range(0, len(limbs), ARITY - 1):
            inputs = [{found: 1}, *limbs[at : at + ARITY - 1]]
            found = gadgets.poseidon(builder, inputs, "digest of a row")
        return [{builder.copy(of, "features"): 1} for of in coded], found

    def _predict(
        self,
        builder: Builder,
        weights: Sequence[int],
        biases: Sequence[Linear],
        features: list[dict[int, int]],
    ) -> dict[int, int]:
        """The predicted class of one row."""
        now, w, v = features, iter(weights), iter(biases)
        sizes = self.shape.score_bits()
        for at, (width, size) in enumerate(zip(self.shape.layers, sizes, strict=True)):
            scores = []
            for _ in range(width):
                terms = [{builder.product(x, {next(w): 1}, f"layer {at + 1}"): 1} for x in now]
                scores.append(total(next(v), *terms))
            if at < len(sizes) - 1:
                now = [self._rectified(builder, score, size) for score in scores]
        if len(scores) == 1:
            return {_signed(builder, total(scores[0], {ONE: -1}), sizes[-1])[-1]: 1}
        return self._greatest(builder, scores, sizes[-1])

    def _rectified(self, builder: Builder, score: Linear, size: int) -> dict[int, int]:
        """max(z, 0) >> SHIFT: the bits of z + 2^{L−1}, whose highest says that z ≥ 0."""
        of = _signed(builder, score, size)
        return {
            builder.product(gadgets.number(of[SHIFT:-1]), {of[-1]: 1}, "rectified linear unit"): 1
        }

    def _greatest(
        self, builder: Builder, scores: list[dict[int, int]], size: int
    ) -> dict[int, int]:
        """The first of the greatest scores, by one-hot bits h.

        With g = Σ h_t·z_t, g − z_t ≥ 0 for every t, and ≥ 1 where t stands before the chosen one.
        """
        values = [_as_signed(builder.value(score)) for score in scores]
        chosen = self._chosen(values)
        name = "greatest score"
        hot = [gadgets.boolean(builder, int(at == chosen), name) for at in range(len(scores))]
        builder.require(dict.fromkeys(hot, 1), {ONE: 1}, {ONE: 1}, name)
        greatest = dict.fromkeys(
            (
                builder.product(score, {wire: 1}, name)
                for score, wire in zip(scores, hot, strict=True)
            ),
            1,
        )
        for at, score in enumerate(scores):
            later = dict.fromkeys(hot[at + 1 :], -1)
            ahead = total(greatest, times(-1, score), later)
            margin = gadgets.bits(builder, builder.value(ahead), size + 1, name)
            builder.require(ahead, {ONE: 1}, gadgets.number(margin), name)
        return {wire: at for at, wire in enumerate(hot) if at}

    def _chosen(self, scores: list[int]) -> int:
        return scores.index(max(scores))

    def _require_among(
        self,
        builder: Builder,
        claims: Sequence[Linear],
        known: Sequence[Linear],
        rows: Sequence[int],
        public: Sequence[int],
    ) -> None:
        name = "the prediction of the drawn row"
        drawn = set(rows)
        taken = [gadgets.boolean(builder, int(row in drawn), "drawn") for row in range(len(known))]
        words: list[Linear] = [
            gadgets.number(taken[at : at + MASK_BITS]) for at in range(0, len(taken), MASK_BITS)
        ]
        inputs: list[Linear] = [{wire: 1} for wire in public]
        x = gadgets.poseidon(builder, inputs, "challenge")
        for at in range(0, len(words), ARITY - 1):
            x = gadgets.poseidon(builder, [{x: 1}, *words[at : at + ARITY - 1]], "challenge")
        left: dict[int, int] = {}
        for claim in claims:
            below = total({x: 1}, times(-1, claim))
            inverse = builder.wire(pow(builder.value(below), -1, R))
            builder.require({inverse: 1}, below, {ONE: 1}, name)
            left[inverse] = 1
        for wire, one in zip(taken, known, strict=True):
            below = total({x: 1}, times(-1, one))
            part = builder.wire(builder.values[wire] and pow(builder.value(below), -1, R))
            builder.require({part: 1}, below, {wire: 1}, name)
            left[part] = -1
        builder.require(left, {ONE: 1}, {}, name)


def _packed(values: Sequence[Linear], width: int) -> list[dict[int, int]]:
    per = LIMB_BITS // width
    return [
        total(*(times(1 << width * at, one) for at, one in enumerate(values[first : first + per])))
        for first in range(0, len(values), per)
    ]


def _as_signed(value: int) -> int:
    return value - R if value > R // 2 else value


def _signed(builder: Builder, of: Linear, size: int) -> list[int]:
    """Bits of z + 2^{L−1}; z must be known to lie in −2^{L−1} … 2^{L−1} − 1."""
    shifted = total(of, {ONE: 1 << size - 1})
    wires = gadgets.bits(builder, builder.value(shifted), size, "sign")
    builder.require(shifted, {ONE: 1}, gadgets.number(wires), "sign")
    return wires
