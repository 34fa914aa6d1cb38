"""What every circuit about two models' predictions on committed examples has in common.

Public inputs, in this order, each below r: `context, n, C_y, C_b, C_c`, then the kind's counts.
Proven by all of them: there are columns y, b, c of n ≤ N whole numbers each and three salts such
that C_y, C_b, C_c are `columns.commit` of them as labels, champion's and candidate's predictions,
and the counts are those of the kind's formula. `context` is bound to the proof, so that a proof
serves one improvement on one contract of one chain.

n = 0 satisfies them with counts of 0; contracts ask for a least number of examples.

Not proven by any of them: that labels are true, that predictions come from a model (see
`inference`), that nobody knew the labels, or that the examples were not picked. A commitment that
was published before predictions existed is what stands against the last two.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.verification.zk import columns
from hokusai_mlflow.verification.zk.columns import Column
from hokusai_mlflow.verification.zk.field import R
from hokusai_mlflow.verification.zk.r1cs import R1CS, Builder

SHARED = ("context", "n", "labels", "champion", "candidate")
"""Names of the public inputs that every kind begins with."""

CONTEXT_BITS = 248
CAPACITIES = (128, 1_024, 10_240)
"""Capacities that keys are made for; a circuit itself takes any."""

VERSION = 1
"""Raised whenever constraints change, so that no key of other constraints is taken from a cache."""


class Kind(IntEnum):
    """What a circuit proves; the numbers are the contract's."""

    ACCURACY = 0
    CONFUSION = 1
    ABSOLUTE_LOSS = 2
    SQUARED_LOSS = 3

    @property
    def label(self) -> str:
        """The name in commands and files: `absolute_loss`."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Rows:
    """What stays private: the three columns, and the salts of their commitments.

    `labels`, `champion`, `candidate` have one whole number per example; `salts` are those of the
    three commitments in this order, from `columns.new_salt`.
    """

    labels: Sequence[int] = field(repr=False)
    champion: Sequence[int] = field(repr=False)
    candidate: Sequence[int] = field(repr=False)
    salts: tuple[int, int, int] = field(repr=False)

    def __len__(self) -> int:
        return len(self.labels)

    def columns(self) -> tuple[tuple[Column, Sequence[int], int], ...]:
        """Each column with its name and salt."""
        values = (self.labels, self.champion, self.candidate)
        return tuple(zip(Column, values, self.salts, strict=True))


@dataclass(frozen=True)
class Circuit(ABC):
    """A circuit of one kind and size.

    Parameters
    ----------
    capacity : int
        N, the rows there is room for.
    bits : int
        B, bits of a label.
    """

    kind: ClassVar[Kind]

    capacity: int
    bits: int

    def __post_init__(self) -> None:
        if self.capacity < 1 or not 1 <= self.bits <= 32:
            raise InputError(
                f"{self.kind.label}: expected a capacity of at least 1 and 1 to 32 bits, found "
                f"{self.capacity} and {self.bits}"
            )
        self.require_parameters()

    @property
    @abstractmethod
    def parameter(self) -> int:
        """K: the fourth number by which the contract knows a key."""

    @abstractmethod
    def require_parameters(self) -> None:
        """Raise `InputError` for parameters that make no sound circuit."""

    @property
    @abstractmethod
    def counted(self) -> tuple[str, ...]:
        """Names of the public counts, in order."""

    @abstractmethod
    def counts(self, rows: Rows) -> list[int]:
        """The public counts, computed without a circuit."""

    @abstractmethod
    def constrain(self, builder: Builder, rows: Rows, live: int) -> None:
        """Constrain columns, commitments and counts; `live` is the wire of n."""

    def widths(self) -> tuple[int, int, int]:
        """Bits of a value in each committed column."""
        return (self.bits,) * 3

    def offset(self) -> int:
        """What is added to predictions before they are committed to."""
        return 0

    @property
    def public(self) -> tuple[str, ...]:
        """Names of the public inputs, in order."""
        return (*SHARED, *self.counted)

    @property
    def name(self) -> str:
        """Kind and parameters, as in the names of key files."""
        return f"{self.kind.label}-{self.capacity}-{self.bits}-{self.parameter}"

    def __repr__(self) -> str:
        return f"<circuit {self.name}>"

    def commitment(self, column: Column, values: Sequence[int], salt: int) -> int:
        """Commitment to one of the columns, for this circuit's proofs.

        Parameters
        ----------
        column : Column
        values : sequence of int, length n
            Labels, or predictions as they are (an offset is added here).
        salt : int
            From `columns.new_salt`.
        """
        shift = 0 if column is Column.LABELS else self.offset()
        return columns.commit(
            [int(value) + shift for value in values],
            salt=salt,
            bits=self.widths()[column - 1],
            capacity=self.capacity,
            column=column,
        )

    def public_inputs(self, rows: Rows, context: int) -> list[int]:
        """The statement: public inputs in order, computed without a circuit.

        Parameters
        ----------
        rows : Rows
        context : int
            Below 2^248; what the proof is bound to.

        Raises
        ------
        InputError
            When columns differ in length or hold what the circuit has no place for.
        """
        self.require_rows(rows)
        if not 0 <= context < 1 << CONTEXT_BITS:
            raise InputError(f"expected a context of at most {CONTEXT_BITS} bits")
        commitments = [self.commitment(*one) for one in rows.columns()]
        return [context, len(rows), *commitments, *self.counts(rows)]

    def require_rows(self, rows: Rows) -> None:
        """Check that columns pair up and fit.

        Raises
        ------
        InputError
        """
        if not len(rows.labels) == len(rows.champion) == len(rows.candidate):
            raise InputError(
                f"expected one champion's and one candidate's prediction per label, found "
                f"{len(rows.champion):,} and {len(rows.candidate):,} for {len(rows.labels):,}"
            )
        for column, values, _ in rows.columns():
            shift = 0 if column is Column.LABELS else self.offset()
            shifted = [int(value) + shift for value in values]
            columns.require_values(
                column.name.lower(), shifted, self.widths()[column - 1], self.capacity
            )

    def witness(self, rows: Rows, context: int) -> list[int]:
        """Values of all wires for rows, the public ones after the leading 1.

        Raises
        ------
        InputError
            When rows do not fit.
        """
        self.require_rows(rows)
        return self.built(rows, context, record=False).values

    def constraints(self) -> R1CS:
        """The constraints, which depend on the parameters alone."""
        blank = Rows([0], [0], [0], (0, 0, 0))
        return self.built(blank, 0, record=True).constraints()

    def built(self, rows: Rows, context: int, *, record: bool) -> Builder:
        """A builder that went through the whole circuit; rows are not checked."""
        builder = Builder(self.public, record=record)
        # A public input that no constraint used could be changed in a finished proof by whoever
        # knows the key's discrete logarithms; its square ties it to the witness.
        bound = builder.input("context", context)
        builder.product({bound: 1}, {bound: 1}, "context")
        live = builder.input("n", len(rows))
        self.constrain(builder, rows, live)
        return builder

    def commit_all(
        self,
        builder: Builder,
        rows: Rows,
        live: int,
        values: Sequence[Sequence[dict[int, int]]],
    ) -> list[int]:
        """Publish the commitments to the three columns; `values` are their rows."""
        found = []
        for (column, _, salt), width, of in zip(rows.columns(), self.widths(), values, strict=True):
            wire = columns.commit_rows(
                builder, of, live=live, salt=salt, width=width, column=column
            )
            found.append(builder.output(column.name.lower(), {wire: 1}))
        return found


def padded(values: Sequence[int], capacity: int) -> list[int]:
    """Values, then zeros up to the capacity."""
    return [*(int(value) for value in values), *([0] * (capacity - len(values)))]


def require_public_inputs(inputs: Sequence[int], expected: int) -> None:
    """Check that public inputs are so many field elements.

    Raises
    ------
    InputError
    """
    if len(inputs) != expected or any(not 0 <= value < R for value in inputs):
        raise InputError(
            f"expected {expected} public inputs from 0 to r − 1, found {len(inputs)}"
            + (", one of them out of range" if len(inputs) == expected else "")
        )
