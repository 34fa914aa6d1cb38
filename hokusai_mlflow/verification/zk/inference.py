"""Two models' committed predictions come from their committed weights, on the rows that were drawn.

**Statement.** For the public `context, n, C_b, C_c, W_b, W_c, F` and s row numbers j_k, packed
into words, the prover knows columns b and c of predictions (n values of B bits) that open C_b and
C_c as the champion's and candidate's, weights that open W_b and W_c, and digests d of n rows that
open F, such that for every k there are features x_k on the grid with

    digest(x_k) = d_{j_k},   predict(W_b, x_k) = b_{j_k},   predict(W_c, x_k) = c_{j_k},

`predict` as in `quantised`. C_b and C_c have the form that metric circuits use, so that the same
numbers stand in both proofs: that is the link. A contract draws the rows, and so knows them.

**How.** Weights and features are range-checked, so that no sum can wrap around r (see
`Shape.score_bits`). That (j_k, b_k, c_k, digest_k) is among the (i, b_i, c_i, d_i) is shown by
logarithmic derivatives (U. Haböck, https://eprint.iacr.org/2022/1530): with

    t_k = (j_k·2^2B + c_k·2^B + b_k) + Y·digest_k,   T_i likewise, and m_i how often row i is drawn,

    Σ_k 1/(X − t_k) = Σ_i m_i/(X − T_i)

at Y = Poseidon(all public inputs, all m_i, all digest_k) and X = Poseidon(Y, 1). Everything in it
is fixed before Y: b, c and d by C_b, C_c and F, features by their digests, m by the hash. A false
claim holds with a chance of about (N + s)²/r < 2⁻²²⁰ per attempt.

**Size**: about 54 constraints for each of N rows, and for each of s drawn ones about 700 and 13
per feature, plus what the layers cost: one product per weight, and the bits of scores.

**Not proven**: rows that were not drawn (see `sampling.rows_to_draw`); that weights are those of
the files whose digest an improvement names; that features are true. And what `circuit` lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.verification.zk import columns, gadgets
from hokusai_mlflow.verification.zk.circuit import CONTEXT_BITS, padded
from hokusai_mlflow.verification.zk.columns import LIMB_BITS, Column
from hokusai_mlflow.verification.zk.field import R
from hokusai_mlflow.verification.zk.forward import first_greatest, predict
from hokusai_mlflow.verification.zk.opening import (
    FEATURES_TAG,
    ROW_TAG,
    WEIGHTS_TAG,
    Opening,
    Side,
    features_commitment,
    predicted,
    row_digest,
)
from hokusai_mlflow.verification.zk.poseidon import ARITY
from hokusai_mlflow.verification.zk.quantised import (
    BIAS_BITS,
    FEATURE_BITS,
    WEIGHT_BITS,
    QuantisedModel,
    Shape,
    flat_weights,
)
from hokusai_mlflow.verification.zk.r1cs import ONE, R1CS, Builder, Linear, times, total

FIXED = (
    "context",
    "n",
    "champion",
    "candidate",
    "champion_weights",
    "candidate_weights",
    "features",
)
"""Names of the public inputs before the drawn rows."""

SLOTS = 64
"""Rows that one proof opens, where the flow chooses."""


@dataclass(frozen=True, repr=False)
class Inference:
    """The circuit of both models' predictions on drawn rows.

    Parameters
    ----------
    capacity : int
        N, as in the metric circuit.
    bits : int
        B, as in the metric circuit; classes of the models must fit.
    slots : int
        s: rows that one proof opens; one may stand there several times.
    champion, candidate : Shape
        Of the two models, with equally many inputs.
    """

    capacity: int
    bits: int
    slots: int
    champion: Shape
    candidate: Shape

    choose = staticmethod(first_greatest)

    def __post_init__(self) -> None:
        scores = max(shape.layers[-1] for shape in self.shapes)
        if not 0 < self.slots <= self.capacity or max(2, scores) > 1 << self.bits:
            raise InputError(
                f"inference: expected 1 to {self.capacity} slots and at most {1 << self.bits} "
                f"classes, found {self.slots} and {max(2, scores)}"
            )
        if self.champion.inputs != self.candidate.inputs:
            raise InputError(
                f"the champion takes {self.champion.inputs} features, the candidate "
                f"{self.candidate.inputs}; both must be proven on the same"
            )
        if len(self.public) > ARITY:
            raise InputError(
                f"{self.slots} slots of {self.capacity:,} rows need {len(self.public)} public "
                f"inputs, {ARITY} fit; use fewer slots"
            )

    @property
    def shapes(self) -> tuple[Shape, Shape]:
        """Of champion and candidate."""
        return self.champion, self.candidate

    @property
    def index_bits(self) -> int:
        """Bits of a row number."""
        return max(1, (self.capacity - 1).bit_length())

    @property
    def public(self) -> tuple[str, ...]:
        """Names of the public inputs, in order."""
        words = -(-self.slots // (LIMB_BITS // self.index_bits))
        return (*FIXED, *(f"rows_{at}" for at in range(words)))

    @property
    def name(self) -> str:
        """All parameters, as in the names of key files."""
        shapes = "-".join(dict.fromkeys(shape.name for shape in self.shapes))
        return f"inference-{self.capacity}-{self.bits}-{self.slots}-{shapes}"

    def __repr__(self) -> str:
        return f"<circuit {self.name}>"

    def row_words(self, rows: Sequence[int]) -> list[int]:
        """Row numbers as they stand among the public inputs, the first in the lowest bits."""
        per, width = LIMB_BITS // self.index_bits, self.index_bits
        return [
            sum(int(row) << width * place for place, row in enumerate(rows[at : at + per]))
            for at in range(0, len(rows), per)
        ]

    def public_inputs(self, opening: Opening, context: int) -> list[int]:
        """The statement, computed without a circuit.

        Raises
        ------
        InputError
            When the opening has another shape, or a model predicts otherwise than committed.
        """
        n = len(opening.digests)
        for side, shape in zip(opening.sides, self.shapes, strict=True):
            if side.model.shape != shape or len(side.predictions) != n:
                raise InputError(
                    f"expected a model of shape {shape.name} and {n} predictions, found "
                    f"{side.model.shape.name} and {len(side.predictions)}"
                )
        if len(opening.rows) != self.slots or not 0 <= context < 1 << CONTEXT_BITS:
            raise InputError(f"expected {self.slots} rows, and a context of at most 248 bits")
        for row, codes in zip(opening.rows, opening.codes, strict=True):
            if opening.digests[row] != row_digest(codes):
                raise InputError(f"row {row}: these are not the features that were committed to")
        committed = []
        for name, side in (("champion", opening.champion), ("candidate", opening.candidate)):
            said = predicted(side.model, opening.codes)
            for row, code in zip(opening.rows, said, strict=True):
                if int(side.predictions[row]) != code:
                    raise InputError(
                        f"row {row}: the {name} predicts class {code}, {side.predictions[row]} "
                        "was committed; commit to the predictions of the quantised model"
                    )
            column = Column.CHAMPION if name == "champion" else Column.CANDIDATE
            committed.append(
                columns.commit(
                    side.predictions,
                    salt=side.prediction_salt,
                    bits=self.bits,
                    capacity=self.capacity,
                    column=column,
                )
            )
        return [
            context,
            n,
            *committed,
            *(side.weights for side in opening.sides),
            features_commitment(opening.digests, self.capacity, opening.features_salt),
            *self.row_words(opening.rows),
        ]

    def witness(self, opening: Opening, context: int) -> list[int]:
        """Values of all wires."""
        self.public_inputs(opening, context)
        return self.built(opening, context, record=False).values

    def constraints(self) -> R1CS:
        """The constraints, which depend on the parameters alone."""
        first, second = (Side([0], 0, _blank(shape), 0) for shape in self.shapes)
        codes = np.zeros((self.slots, self.champion.inputs), np.int64)
        opening = Opening(first, second, [0], 0, [0] * self.slots, codes)
        return self.built(opening, 0, record=True).constraints()

    def built(self, opening: Opening, context: int, *, record: bool) -> Builder:
        """A builder that went through the whole circuit; the opening is not checked."""
        builder = Builder(self.public, record=record)
        bound = builder.input("context", context)
        builder.product({bound: 1}, {bound: 1}, "context")
        live = builder.input("n", len(opening.digests))
        said = []
        for column, side in zip(Column, (None, *opening.sides), strict=True):
            if side is None:
                continue  # Labels are the metric circuits'.
            rows = [
                gadgets.number(gadgets.bits(builder, value, self.bits, "predictions"))
                for value in padded(side.predictions, self.capacity)
            ]
            commitment = columns.commit_rows(
                builder,
                rows,
                live=live,
                salt=side.prediction_salt,
                width=self.bits,
                column=column,
            )
            builder.output(column.name.lower(), {commitment: 1})
            said.append(rows)
        models = [self._weights(builder, side) for side in opening.sides]
        for name, (_, _, found) in zip(FIXED[4:6], models, strict=True):
            builder.output(name, {found: 1})
        digests = [builder.wire(digest) for digest in padded(opening.digests, self.capacity)]
        head = [{live: 1}, {ONE: self.capacity}, {builder.wire(opening.features_salt): 1}]
        found = _chained(
            builder,
            [{ONE: FEATURES_TAG}, *head],
            [{digest: 1} for digest in digests],
            "features",
        )
        builder.output("features", {found: 1})

        index: list[int] = []
        claims = []
        for row, codes in zip(opening.rows, opening.codes, strict=True):
            of_row = gadgets.bits(builder, row, self.index_bits, "row")
            index += of_row
            features, digest = self._row(builder, codes)
            first, second = (
                predict(builder, shape, (weights, biases), features, self.choose)
                for shape, (weights, biases, _) in zip(self.shapes, models, strict=True)
            )
            claims.append((self._packed_row(gadgets.number(of_row), first, second), digest))
        per = LIMB_BITS // self.index_bits * self.index_bits
        for at, name in enumerate(self.public[len(FIXED) :]):
            builder.output(name, gadgets.number(index[at * per : (at + 1) * per]))
        known = [
            (self._packed_row({ONE: row}, first, second), digest)
            for row, (first, second, digest) in enumerate(zip(*said, digests, strict=True))
        ]
        self._require_among(builder, claims, known, opening.rows)
        return builder

    def _packed_row(self, row: Linear, first: Linear, second: Linear) -> dict[int, int]:
        return total(times(1 << 2 * self.bits, row), times(1 << self.bits, second), first)

    def _weights(self, builder: Builder, side: Side) -> tuple[list[int], list[dict[int, int]], int]:
        """Wires of the weights, biases, and the wire of their commitment."""
        values, offsets = flat_weights(side.model)
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
            {ONE: side.model.shape.inputs},
            {ONE: len(coded)},
            {ONE: len(coded_biases)},
            {builder.wire(side.model_salt): 1},
        ]
        found = _chained(builder, head, limbs, "commitment to weights")
        wires = [builder.copy(total(of, {ONE: -half}), "weights") for of in coded]
        return wires, [total(of, {ONE: -half_bias}) for of in coded_biases], found

    def _row(self, builder: Builder, codes: Sequence[int]) -> tuple[list[dict[int, int]], int]:
        """Features of one opened row, each a wire, and the wire of their digest."""
        coded = [
            gadgets.number(gadgets.bits(builder, int(code), FEATURE_BITS, "features"))
            for code in codes
        ]
        head: list[Linear] = [{ONE: ROW_TAG}, {ONE: len(coded)}]
        found = _chained(builder, head, _packed(coded, FEATURE_BITS), "digest of a row")
        return [{builder.copy(of, "features"): 1} for of in coded], found

    def _require_among(
        self,
        builder: Builder,
        claims: Sequence[tuple[Linear, int]],
        known: Sequence[tuple[Linear, int]],
        rows: Sequence[int],
    ) -> None:
        name, width = "the prediction of the drawn row", self.slots.bit_length()
        times_drawn = [
            gadgets.bits(builder, list(rows).count(row), width, "times drawn")
            for row in range(len(known))
        ]
        counts = [gadgets.number(of) for of in times_drawn]
        fixed: list[Linear] = [{1 + at: 1} for at in range(len(self.public))]
        more = [*_packed(counts, width), *({digest: 1} for _, digest in claims)]
        y = _chained(builder, fixed, more, "challenge")
        x = gadgets.poseidon(builder, [{y: 1}, {ONE: 1}], "challenge")
        left: dict[int, int] = {}

        def below(packed: Linear, digest: int) -> dict[int, int]:
            mixed = builder.product({digest: 1}, {y: 1}, name)
            return total({x: 1}, times(-1, packed), {mixed: -1})

        for claim in claims:
            under = below(*claim)
            inverse = builder.wire(pow(builder.value(under), -1, R))
            builder.require({inverse: 1}, under, {ONE: 1}, name)
            left[inverse] = 1
        for count, row in zip(counts, known, strict=True):
            under, often = below(*row), builder.value(count)
            part = builder.wire(often and often * pow(builder.value(under), -1, R))
            builder.require({part: 1}, under, count, name)
            left[part] = -1
        builder.require(left, {ONE: 1}, {}, name)


def named(name: str) -> Inference | None:
    """The circuit of a name, as key files have it; None when it is another kind's."""
    kind, *told = name.split("-")
    if kind != "inference" or len(told) not in (4, 5):
        return None
    shapes = [Shape.named(shape) for shape in told[3:]]
    capacity, bits, slots = (int(size) for size in told[:3])
    return Inference(capacity, bits, slots, shapes[0], shapes[-1])


def _chained(builder: Builder, head: Sequence[Linear], more: Sequence[Linear], name: str) -> int:
    """The wire of `opening.chained`."""
    room = ARITY - len(head)
    found = gadgets.poseidon(builder, [*head, *more[:room]], name)
    for at in range(room, len(more), ARITY - 1):
        found = gadgets.poseidon(builder, [{found: 1}, *more[at : at + ARITY - 1]], name)
    return found


def _packed(values: Sequence[Linear], width: int) -> list[dict[int, int]]:
    per = LIMB_BITS // width
    return [
        total(*(times(1 << width * at, one) for at, one in enumerate(values[first : first + per])))
        for first in range(0, len(values), per)
    ]


def _blank(shape: Shape) -> QuantisedModel:
    sizes = (shape.inputs, *shape.layers)
    return QuantisedModel(
        tuple(np.zeros((b, a), np.int64) for a, b in pairwise(sizes)),
        tuple(np.zeros(b, np.int64) for b in sizes[1:]),
        np.zeros(sizes[0]),
        np.ones(sizes[0]),
        (),
    )
