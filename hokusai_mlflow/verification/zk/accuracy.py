"""Accuracy of two models on classes 0 … 2^B − 1.

**Statement.** For the public `context, n, C_y, C_b, C_c, correct_b, correct_c, both` the prover
knows columns y, b, c of n values in 0 … 2^B − 1 and salts that open the commitments, with

    correct_b = Σ_i [b_i = y_i],  correct_c = Σ_i [c_i = y_i],  both = Σ_i [b_i = y_i][c_i = y_i].

With hits scored 1 (10⁹ in fixed point) these are the paired sums: Σb = Σb² = correct_b,
Σc = Σc² = correct_c, Σbc = both, from which McNemar's discordant counts follow.

**Not proven**: what `circuit` lists.

**Size**, at B = 4: 128 rows 4 940 constraints, 1 024 rows 24 463, 10 240 rows 224 557.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hokusai_mlflow.verification.zk import gadgets
from hokusai_mlflow.verification.zk.circuit import Circuit, Kind, Rows, padded
from hokusai_mlflow.verification.zk.columns import mask, require_padding
from hokusai_mlflow.verification.zk.r1cs import Builder, times, total


@dataclass(frozen=True, repr=False)
class Accuracy(Circuit):
    """The circuit of accuracy; any value of `bits` bits is a class."""

    kind: ClassVar[Kind] = Kind.ACCURACY

    @property
    def parameter(self) -> int:
        """Number of classes, 2^B."""
        return 1 << self.bits

    def require_parameters(self) -> None:
        """Every capacity and width makes a circuit."""

    @property
    def counted(self) -> tuple[str, ...]:
        """Names of the three counts."""
        return ("correct_b", "correct_c", "both")

    def counts(self, rows: Rows) -> list[int]:
        """Hits of the champion, of the candidate, and of both."""
        hits = [
            (y == b, y == c)
            for y, b, c in zip(rows.labels, rows.champion, rows.candidate, strict=True)
        ]
        return [
            sum(b for b, _ in hits),
            sum(c for _, c in hits),
            sum(b and c for b, c in hits),
        ]

    def constrain(self, builder: Builder, rows: Rows, live: int) -> None:
        """Bits, mask, padding, commitments, then equalities and their sums."""
        masked = mask(builder, live, self.capacity)
        values = [
            [
                gadgets.number(gadgets.bits(builder, value, self.bits, column.name.lower()))
                for value in padded(given, self.capacity)
            ]
            for column, given, _ in rows.columns()
        ]
        require_padding(builder, masked, list(zip(*values, strict=True)))
        self.commit_all(builder, rows, live, values)
        hits: tuple[dict[int, int], ...] = ({}, {}, {})
        for y, b, c in zip(*values, strict=True):
            hit_b, hit_c = (
                gadgets.is_zero(builder, total(y, times(-1, said)), f"{whose} is right")
                for whose, said in (("champion", b), ("candidate", c))
            )
            hits[0][hit_b] = 1
            hits[1][hit_c] = 1
            hits[2][builder.product({hit_b: 1}, {hit_c: 1}, "both are right")] = 1
        # A padding row has y = b = c = 0 and counts as a hit of both: N − n of each are taken off.
        for name, found in zip(self.counted, hits, strict=True):
            builder.output(name, total(found, {live: 1, 0: -self.capacity}))
