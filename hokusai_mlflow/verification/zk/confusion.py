"""Confusion matrices of two models on K classes, jointly.

**Statement.** For the public `context, n, C_y, C_b, C_c, counts…` the prover knows columns y, b, c
of n values in 0 … K − 1 and salts that open the commitments, and for every cell (s, t, u)

    count_stu = #{i < n : y_i = s, b_i = t, c_i = u}.

Both confusion matrices, and the paired variance of every score that is a function of label and
prediction, follow from these K³ counts. They are packed in the order (s·K + t)·K + u, each in
`count_bits` = bit length of N bits, ⌊253 / count_bits⌋ to a public input, the first lowest.

**How.** A one-hot row per example would cost K³·N constraints. Instead each row is the number
v_i = y_i·4^B + b_i·2^B + c_i, which its bits determine, and two polynomials are compared at a
point X:

    Π_i (X − v_i) = Π_cells (X − v_stu)^{m_stu},  m_stu = count_stu + [cell 0]·(N − n)

(padding rows are zeros and stand in cell 0). Both are monic of degree N in X; they are equal as
polynomials exactly if the rows make these counts, since factorisation is unique. It also follows
that no row holds a value of K or more: no such cell stands on the right.

X = Poseidon(n, C_y, C_b, C_c, context, packed counts) is computed inside the circuit. **Rows and
counts must both enter X.** Rows do through the commitments, whose values are range-checked and so
bound. Were the counts left out, a prover could fix X first and then solve for false counts m with
Π (X − v)^m right at this one point (discrete logarithms in a smooth subgroup, or a lattice).
With them in, a false claim makes two different polynomials of degree N that agree at a point
which a hash picks after both are fixed: a chance of N/r < 2⁻²⁴⁰ per attempt.

**Not proven**: what `circuit` lists.

**Size**, at B = 4, K = 10: 128 rows 30 974 constraints, 1 024 rows 56 763, 10 240 rows 229 011
(half of a small circuit is the cells' product).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.verification.zk import gadgets
from hokusai_mlflow.verification.zk.circuit import Circuit, Kind, Rows, padded
from hokusai_mlflow.verification.zk.columns import mask, require_padding
from hokusai_mlflow.verification.zk.poseidon import ARITY
from hokusai_mlflow.verification.zk.r1cs import ONE, Builder, Linear, times, total

T = TypeVar("T")

PUBLIC_BITS = 253
"""Bits that fit below r."""

MAX_CLASSES = 16
"""4 096 cells: beyond, the public inputs alone cost more gas than a block has to spare."""


@dataclass(frozen=True, repr=False)
class Confusion(Circuit):
    """The circuit of joint confusion counts.

    Parameters
    ----------
    classes : int
        K, 2 to 2^bits.
    """

    kind: ClassVar[Kind] = Kind.CONFUSION

    classes: int

    @property
    def parameter(self) -> int:
        """Number of classes K."""
        return self.classes

    def require_parameters(self) -> None:
        """K must fit into the bits."""
        if not 2 <= self.classes <= min(1 << self.bits, MAX_CLASSES):
            raise InputError(
                f"confusion: expected 2 to {min(1 << self.bits, MAX_CLASSES)} classes for "
                f"{self.bits} bits, found {self.classes}"
            )

    @property
    def count_bits(self) -> int:
        """Bits of a published count."""
        return self.capacity.bit_length()

    @property
    def per_word(self) -> int:
        """Counts in one public input."""
        return PUBLIC_BITS // self.count_bits

    @property
    def counted(self) -> tuple[str, ...]:
        """Names of the words of packed counts."""
        return tuple(f"counts_{at}" for at in range(-(-(self.classes**3) // self.per_word)))

    def cells(self, rows: Rows) -> list[int]:
        """The K³ counts, in the order (s·K + t)·K + u."""
        k = self.classes
        found = [0] * k**3
        for y, b, c in zip(rows.labels, rows.champion, rows.candidate, strict=True):
            found[(int(y) * k + int(b)) * k + int(c)] += 1
        return found

    def pack(self, cells: Sequence[int]) -> list[int]:
        """Counts as public inputs."""
        return [
            sum(count << self.count_bits * at for at, count in enumerate(word))
            for word in self._words(cells)
        ]

    def unpack(self, words: Sequence[int]) -> list[int]:
        """Inverse of `pack`."""
        low = (1 << self.count_bits) - 1
        found = [
            word >> self.count_bits * at & low for word in words for at in range(self.per_word)
        ]
        return found[: self.classes**3]

    def counts(self, rows: Rows) -> list[int]:
        """The packed counts."""
        return self.pack(self.cells(rows))

    def require_rows(self, rows: Rows) -> None:
        """Check that columns pair up and hold classes 0 … K − 1."""
        super().require_rows(rows)
        for column, values, _ in rows.columns():
            for row, value in enumerate(values):
                if value >= self.classes:
                    raise InputError(
                        f"{column.name.lower()}: expected classes 0 to {self.classes - 1}, found "
                        f"{value} in row {row}"
                    )

    def constrain(self, builder: Builder, rows: Rows, live: int) -> None:
        """Bits, mask, padding, commitments, counts, challenge, and the two products."""
        masked = mask(builder, live, self.capacity)
        values = [
            [
                gadgets.number(gadgets.bits(builder, value, self.bits, column.name.lower()))
                for value in padded(given, self.capacity)
            ]
            for column, given, _ in rows.columns()
        ]
        require_padding(builder, masked, list(zip(*values, strict=True)))
        commitments = self.commit_all(builder, rows, live, values)
        counts = [
            gadgets.bits(builder, count, self.count_bits, "count") for count in self._tally(rows)
        ]
        words = [
            builder.output(
                name,
                total(
                    *(
                        times(1 << self.count_bits * at, gadgets.number(of))
                        for at, of in enumerate(word)
                    )
                ),
            )
            for name, word in zip(self.counted, self._words(counts), strict=True)
        ]
        context = 1 + self.public.index("context")
        x = self._challenge(builder, [live, *commitments, context, *words])
        left = self._over_rows(builder, x, values)
        right = self._over_cells(builder, x, counts, live)
        builder.require(left, {ONE: 1}, right, "the counts are the rows'")

    def _tally(self, rows: Rows) -> list[int]:
        # What lies outside the domain has no cell; its rows then violate the last constraint.
        inside = [
            row
            for row in zip(rows.labels, rows.champion, rows.candidate, strict=True)
            if max(row) < self.classes
        ]
        y, b, c = ([row[column] for row in inside] for column in range(3))
        return self.cells(Rows(y, b, c, rows.salts))

    def _words(self, of: Sequence[T]) -> list[Sequence[T]]:
        return [of[at : at + self.per_word] for at in range(0, len(of), self.per_word)]

    def _challenge(self, builder: Builder, inputs: Sequence[int]) -> int:
        """Poseidon chain over everything that must be fixed before X is."""
        found = gadgets.poseidon(builder, [{wire: 1} for wire in inputs[:ARITY]], "challenge")
        for at in range(ARITY, len(inputs), ARITY - 1):
            more: list[Linear] = [{wire: 1} for wire in inputs[at : at + ARITY - 1]]
            found = gadgets.poseidon(builder, [{found: 1}, *more], "challenge")
        return found

    def _over_rows(self, builder: Builder, x: int, values: Sequence[Sequence[Linear]]) -> Linear:
        product: Linear = {ONE: 1}
        for y, b, c in zip(*values, strict=True):
            row = total(times(1 << 2 * self.bits, y), times(1 << self.bits, b), c)
            factor = total({x: 1}, times(-1, row))
            product = {builder.product(product, factor, "product over rows"): 1}
        return product

    def _over_cells(
        self, builder: Builder, x: int, counts: Sequence[Sequence[int]], live: int
    ) -> Linear:
        """Π (X − v)^m by squaring once per bit for all cells together, from the highest bit."""
        empty = self.capacity - builder.values[live]
        first = gadgets.number(counts[0])
        with_padding = gadgets.bits(
            builder, builder.value(first) + empty, self.count_bits, "count of cell 0 and padding"
        )
        builder.require(
            total(first, {ONE: self.capacity, live: -1}),
            {ONE: 1},
            gadgets.number(with_padding),
            "count of cell 0 and padding",
        )
        exponents = [with_padding, *counts[1:]]
        k, product = self.classes, {ONE: 1}
        for place in range(self.count_bits - 1, -1, -1):
            if place < self.count_bits - 1:
                product = {builder.product(product, product, "product over cells"): 1}
            for cell, exponent in enumerate(exponents):
                v = (cell // k**2 << 2 * self.bits) + (cell // k % k << self.bits) + cell % k
                # P becomes P·(X − v) where the bit is 1: P + (P·bit)·(X − v − 1).
                taken = builder.product(product, {exponent[place]: 1}, "product over cells")
                value = builder.values
                step = value[taken] * (value[x] - v - 1)
                following = builder.wire(builder.value(product) + step)
                builder.require(
                    {taken: 1},
                    {x: 1, ONE: -v - 1},
                    total({following: 1}, times(-1, product)),
                    "product over cells",
                )
                product = {following: 1}
        return product
