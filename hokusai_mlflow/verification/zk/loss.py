"""Clipped losses of two models on whole-number targets: absolute or squared error.

**Statement.** For the public `context, n, C_y, C_b, C_c, S_b, S_c, S_bb, S_cc, S_bc` the prover
knows targets y_i in 0 … 2^B − 1, predictions b_i, c_i with |y_i − p| < 2^B + cap, and salts that
open the commitments, with

    e(p, y) = min(|y − p|, cap),  l = e (absolute loss) or e² (squared loss),
    S_b = Σ l(b_i, y_i),  S_c = Σ l(c_i, y_i),  S_bb = Σ l(b_i, y_i)²,
    S_cc = Σ l(c_i, y_i)²,  S_bc = Σ l(b_i, y_i)·l(c_i, y_i).

The cap is in steps of the grid that values were rounded to; the largest loss (cap, or cap²) must
divide 10⁹, so that sums scale to the paired sums' fixed point without rounding. Predictions are
committed as p + 2^{B+1}, in B + 3 bits: with cap ≤ 2^B every p that the circuit admits lies in
−2^{B+1} … 3·2^B, so that packing is one to one. Predictions below −cap or above 2^B − 1 + cap are
clipped to these before, which changes no loss.

**Not proven**: what `circuit` lists, and how values were rounded to the grid.

**Size**, at B = 16 and cap 10 000: 128 rows 12 366 constraints, 1 024 rows 93 020. At 10 240 rows
it is some 900 000, whose key is four times as large as accuracy's: prefer chunks of 1 024.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.verification.zk import gadgets
from hokusai_mlflow.verification.zk.circuit import Circuit, Kind, Rows, padded
from hokusai_mlflow.verification.zk.columns import mask, require_padding
from hokusai_mlflow.verification.zk.r1cs import ONE, Builder, Linear, times, total

LARGEST_LOSS = 10**9


@dataclass(frozen=True, repr=False)
class Loss(Circuit):
    """The circuit of clipped losses.

    Parameters
    ----------
    cap : int
        Largest error that counts, in steps; at most 2^bits.
    """

    power: ClassVar[int]

    cap: int

    @property
    def parameter(self) -> int:
        """The cap in steps."""
        return self.cap

    def require_parameters(self) -> None:
        """The largest loss must divide 10⁹."""
        if not 2 <= self.cap <= 1 << self.bits or LARGEST_LOSS % self.cap**self.power:
            raise InputError(
                f"{self.kind.label}: expected a cap of 2 to {1 << self.bits} steps whose "
                f"{'square' if self.power == 2 else 'value'} divides 10⁹, found {self.cap}"
            )

    @property
    def counted(self) -> tuple[str, ...]:
        """Names of the five sums."""
        return ("S_b", "S_c", "S_bb", "S_cc", "S_bc")

    def widths(self) -> tuple[int, int, int]:
        """Targets have B bits, predictions three more."""
        return self.bits, self.bits + 3, self.bits + 3

    def offset(self) -> int:
        """Predictions may be negative."""
        return 2 << self.bits

    def require_rows(self, rows: Rows) -> None:
        """Check that columns pair up and that no prediction lies beyond cap from the targets."""
        super().require_rows(rows)
        low, high = -self.cap, (1 << self.bits) - 1 + self.cap
        for name, values in (("champion", rows.champion), ("candidate", rows.candidate)):
            for row, value in enumerate(values):
                if not low <= value <= high:
                    raise InputError(
                        f"{name}: expected predictions from {low} to {high}, found {value} in row "
                        f"{row}; clip them there, which changes no loss"
                    )

    def loss(self, target: int, prediction: int) -> int:
        """One clipped loss, in steps or squared steps."""
        return int(min(abs(int(target) - int(prediction)), self.cap) ** self.power)

    def counts(self, rows: Rows) -> list[int]:
        """The five sums."""
        b = [self.loss(y, p) for y, p in zip(rows.labels, rows.champion, strict=True)]
        c = [self.loss(y, p) for y, p in zip(rows.labels, rows.candidate, strict=True)]
        return [
            sum(b),
            sum(c),
            sum(one * one for one in b),
            sum(one * one for one in c),
            sum(one * two for one, two in zip(b, c, strict=True)),
        ]

    def constrain(self, builder: Builder, rows: Rows, live: int) -> None:
        """Targets by bits; predictions as target minus error; clipped errors; products."""
        masked = mask(builder, live, self.capacity)
        targets = [
            gadgets.number(gadgets.bits(builder, value, self.bits, "labels"))
            for value in padded(rows.labels, self.capacity)
        ]
        errors = [
            [
                self._error(builder, y - p, name)
                for y, p in zip(
                    padded(rows.labels, self.capacity), padded(said, self.capacity), strict=True
                )
            ]
            for name, said in (("champion", rows.champion), ("candidate", rows.candidate))
        ]
        # Padding: target and both absolute errors are 0, all of them sums of bits ≥ 0.
        absolute = [[size for _, size, _ in of] for of in errors]
        require_padding(builder, masked, list(zip(targets, *absolute, strict=True)))
        predictions = [
            [
                total(y, times(-1, error), {mask_of: self.offset()})
                for y, mask_of, (error, _, _) in zip(targets, masked, of, strict=True)
            ]
            for of in errors
        ]
        self.commit_all(builder, rows, live, [targets, *predictions])
        sums: tuple[dict[int, int], ...] = ({}, {}, {}, {}, {})
        for (_, _, b), (_, _, c) in zip(*errors, strict=True):
            for found, wire in zip(
                sums,
                (
                    b,
                    c,
                    builder.product({b: 1}, {b: 1}, "S_bb"),
                    builder.product({c: 1}, {c: 1}, "S_cc"),
                    builder.product({b: 1}, {c: 1}, "S_bc"),
                ),
                strict=True,
            ):
                found[wire] = 1
        for name, found in zip(self.counted, sums, strict=True):
            builder.output(name, found)

    def _error(
        self, builder: Builder, error: int, name: str
    ) -> tuple[dict[int, int], dict[int, int], int]:
        """Signed error, its absolute value, and the wire of its clipped loss.

        |e| = d + t·cap with d of B bits and a boolean t, and d ≤ cap − 1 where t = 0: t is 1
        exactly if |e| ≥ cap, and d and t are determined by |e|. e = |e| − 2·s·|e| with a boolean
        sign s, which is free where |e| = 0 and changes nothing there.
        """
        size = abs(error)
        clipped = gadgets.boolean(builder, int(size >= self.cap), f"{name}: clipped")
        rest = gadgets.bits(
            builder, size - self.cap if size >= self.cap else size, self.bits, f"{name}: error"
        )
        gadgets.require_at_most(
            builder, rest, self.cap - 1, f"{name}: below the cap", when={ONE: 1, clipped: -1}
        )
        absolute = total(gadgets.number(rest), {clipped: self.cap})
        sign = gadgets.boolean(builder, int(error < 0), f"{name}: sign")
        mirrored = builder.product(absolute, {sign: 1}, f"{name}: sign")
        signed = total(absolute, {mirrored: -2})
        below: Linear = gadgets.number(rest)
        kept = gadgets.choose(builder, clipped, {ONE: self.cap}, below, f"{name}: clip")
        if self.power == 2:
            return signed, absolute, builder.product(kept, kept, f"{name}: squared")
        return signed, absolute, builder.copy(kept, f"{name}: loss")


@dataclass(frozen=True, repr=False)
class AbsoluteLoss(Loss):
    """min(|y − p|, cap)."""

    kind: ClassVar[Kind] = Kind.ABSOLUTE_LOSS
    power: ClassVar[int] = 1


@dataclass(frozen=True, repr=False)
class SquaredLoss(Loss):
    """min(|y − p|, cap)²."""

    kind: ClassVar[Kind] = Kind.SQUARED_LOSS
    power: ClassVar[int] = 2
