"""Rank-1 constraint systems: wires, and named constraints (A·z)(B·z) = C·z on them.

A `Builder` assigns wires and records constraints in one pass, so that what computes the witness is
what constrains it. Wire 0 is the constant 1; the public wires follow, in the order of their names.
The same code builds a proof's witness (without recording) and a key's constraints (on any
witness): no constraint may depend on a value.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hokusai_mlflow.verification.zk.field import R

Linear = Mapping[int, int]
"""A linear combination of wires: wire to coefficient; coefficients may be negative."""

ONE = 0
"""The wire that is always 1."""


class ConstraintViolated(AssertionError):
    """A witness does not satisfy a constraint; the message names it."""


@dataclass(slots=True)
class Matrix:
    """Sparse rows, end to end: row i is `wires[ends[i−1]:ends[i]]` with its coefficients."""

    ends: array[int] = field(default_factory=lambda: array("I"))
    wires: array[int] = field(default_factory=lambda: array("I"))
    coefficients: list[int] = field(default_factory=list)

    def append(self, row: Linear) -> None:
        """Add a row."""
        self.wires.extend(row.keys())
        self.coefficients.extend(row.values())
        self.ends.append(len(self.wires))

    def rows(self) -> Iterator[tuple[array[int], list[int]]]:
        """Wires and coefficients of each row."""
        start = 0
        for end in self.ends:
            yield self.wires[start:end], self.coefficients[start:end]
            start = end

    def times(self, witness: Sequence[int]) -> list[int]:
        """The product with a witness, modulo r: one element per row."""
        terms = [
            coefficient * witness[wire]
            for wire, coefficient in zip(self.wires, self.coefficients, strict=True)
        ]
        found, start = [], 0
        for end in self.ends:
            found.append(sum(terms[start:end]) % R)
            start = end
        return found


@dataclass(slots=True)
class R1CS:
    """Constraints of a circuit.

    `public` names the public wires 1 … l in order; `names` the constraints.
    """

    public: tuple[str, ...]
    wires: int
    a: Matrix
    b: Matrix
    c: Matrix
    names: list[str]

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"R1CS({len(self)} constraints, {self.wires} wires, {len(self.public)} public)"

    def violated(self, witness: Sequence[int]) -> Iterator[tuple[int, str]]:
        """Number and name of each constraint that a witness does not satisfy."""
        sides = (matrix.times(witness) for matrix in (self.a, self.b, self.c))
        for number, (a, b, c) in enumerate(zip(*sides, strict=True)):
            if (a * b - c) % R:
                yield number, self.names[number]

    def check(self, witness: Sequence[int]) -> None:
        """Check a witness.

        Raises
        ------
        ConstraintViolated
            Names the first constraint that does not hold, and says how many there are.
        """
        if len(witness) != self.wires or witness[ONE] != 1:
            raise ConstraintViolated(
                f"expected {self.wires} wires that begin with 1, found {len(witness)}"
            )
        broken = list(self.violated(witness))
        if broken:
            number, name = broken[0]
            raise ConstraintViolated(
                f"constraint {number} ({name}) does not hold; {len(broken)} in all do not"
            )


class Builder:
    """Assigns wires and records constraints.

    Parameters
    ----------
    public : sequence of str
        Names of the public wires; each must be published once.
    record : bool
        Keep the constraints. A prover who has a key needs the witness alone.
    """

    def __init__(self, public: Sequence[str], *, record: bool) -> None:
        self.record = record
        self.public = tuple(public)
        self.values: list[int] = [1, *([0] * len(public))]
        self._unpublished = list(public)
        self._a, self._b, self._c = Matrix(), Matrix(), Matrix()
        self._names: list[str] = []

    def wire(self, value: int) -> int:
        """A new wire with a value, bound by nothing yet."""
        self.values.append(value % R)
        return len(self.values) - 1

    def value(self, of: Linear) -> int:
        """Value of a linear combination, modulo r."""
        values = self.values
        return sum(values[wire] * coefficient for wire, coefficient in of.items()) % R

    def require(self, a: Linear, b: Linear, c: Linear, name: str) -> None:
        """Require a · b = c."""
        if self.record:
            self._a.append(a)
            self._b.append(b)
            self._c.append(c)
            self._names.append(name)

    def require_rows(
        self, a: Sequence[Linear], b: Sequence[Linear], c: Sequence[Linear], name: str
    ) -> None:
        """Require many at once."""
        for left, right, out in zip(a, b, c, strict=True):
            self.require(left, right, out, name)

    def product(self, a: Linear, b: Linear, name: str) -> int:
        """A new wire that is a · b."""
        found = self.wire(self.value(a) * self.value(b))
        self.require(a, b, {found: 1}, name)
        return found

    def copy(self, of: Linear, name: str) -> int:
        """A new wire that equals a linear combination."""
        found = self.wire(self.value(of))
        self.require(of, {ONE: 1}, {found: 1}, name)
        return found

    def input(self, name: str, value: int) -> int:
        """A public wire with a value that is given, bound by what else is required of it."""
        wire = self._publish(name)
        self.values[wire] = value % R
        return wire

    def output(self, name: str, of: Linear) -> int:
        """A public wire that equals a linear combination."""
        wire = self._publish(name)
        self.values[wire] = self.value(of)
        self.require(of, {ONE: 1}, {wire: 1}, f"public {name}")
        return wire

    def _publish(self, name: str) -> int:
        self._unpublished.remove(name)
        return 1 + self.public.index(name)

    def public_values(self) -> list[int]:
        """Values of the public wires, in order."""
        return self.values[1 : 1 + len(self.public)]

    def constraints(self) -> R1CS:
        """What was recorded."""
        if not self.record or self._unpublished:
            raise ValueError(
                "constraints are complete once every public wire is, and only when recorded; "
                f"missing: {', '.join(self._unpublished) or 'recording'}"
            )
        return R1CS(self.public, len(self.values), self._a, self._b, self._c, self._names)


def total(*parts: Linear) -> dict[int, int]:
    """Sum of linear combinations."""
    found: dict[int, int] = {}
    for part in parts:
        for wire, coefficient in part.items():
            found[wire] = found.get(wire, 0) + coefficient
    return found


def times(factor: int, of: Linear) -> dict[int, int]:
    """A multiple of a linear combination."""
    return {wire: factor * coefficient for wire, coefficient in of.items()}
