"""From predictions to a proof: circuits by name, and a statement with its proof in one file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hokusai_mlflow.errors import InputError, did_you_mean
from hokusai_mlflow.verification.zk import prover
from hokusai_mlflow.verification.zk.accuracy import Accuracy
from hokusai_mlflow.verification.zk.circuit import CAPACITIES, Circuit, Kind, Rows
from hokusai_mlflow.verification.zk.confusion import Confusion
from hokusai_mlflow.verification.zk.keys import KeyRecord, KeyStore
from hokusai_mlflow.verification.zk.loss import AbsoluteLoss, SquaredLoss
from hokusai_mlflow.verification.zk.setup import Progress, silent
from hokusai_mlflow.verification.zk.verifying import Proof

_MAKERS: Mapping[Kind, Callable[[int, int, int], Circuit]] = {
    Kind.ACCURACY: lambda capacity, bits, _: Accuracy(capacity, bits),
    Kind.CONFUSION: Confusion,
    Kind.ABSOLUTE_LOSS: AbsoluteLoss,
    Kind.SQUARED_LOSS: SquaredLoss,
}


def circuit(kind: Kind | str, capacity: int, bits: int, parameter: int | None = None) -> Circuit:
    """The circuit that the contract knows by four numbers.

    Parameters
    ----------
    kind : Kind or str
        ``accuracy``, ``confusion``, ``absolute_loss`` or ``squared_loss``.
    capacity : int
        N: rows there is room for.
    bits : int
        B: bits of a label.
    parameter : int, optional
        K: classes of a confusion matrix, cap of a loss in steps; 2^B for accuracy.

    Raises
    ------
    InputError
        When there is no such circuit.
    """
    if isinstance(kind, str):
        names = [one.label for one in Kind]
        if kind not in names:
            raise InputError(f"no circuit is called {kind!r}{did_you_mean(kind, names)}")
        kind = Kind[kind.upper()]
    if parameter is None:
        if kind is not Kind.ACCURACY:
            raise InputError(f"{kind.label}: say the number of classes, or the cap in steps")
        parameter = 1 << bits
    made = _MAKERS[kind](capacity, bits, parameter)
    if made.parameter != parameter:
        raise InputError(f"{kind.label}: {bits} bits make {made.parameter} classes")
    return made


def capacity_for(rows: int) -> int:
    """The smallest capacity that holds so many rows; the largest, for chunks, if none does."""
    return next((each for each in CAPACITIES if rows <= each), CAPACITIES[-1])


@dataclass(frozen=True, slots=True)
class Proven:
    """A statement and its proof: what goes to the contract, none of it secret.

    `kind`, `capacity`, `bits` and `parameter` name the circuit; `inputs` are the public inputs in
    order; `key` is the hash of the verifying key and `mode` says how that came to be.
    """

    kind: str
    capacity: int
    bits: int
    parameter: int
    inputs: tuple[int, ...]
    proof: Proof
    key: str
    mode: str

    @property
    def circuit(self) -> Circuit:
        """The circuit."""
        return circuit(self.kind, self.capacity, self.bits, self.parameter)

    def to_dict(self) -> dict[str, Any]:
        """JSON form; numbers beyond 53 bits are decimal strings."""
        return {
            "kind": self.kind,
            "capacity": self.capacity,
            "bits": self.bits,
            "parameter": self.parameter,
            "inputs": {
                name: str(value)
                for name, value in zip(self.circuit.public, self.inputs, strict=True)
            },
            "proof": "0x" + self.proof.to_bytes().hex(),
            "key": self.key,
            "mode": self.mode,
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Proven:
        """Inverse of `to_dict`.

        Raises
        ------
        InputError
            When a field is missing or malformed, or inputs are not those of the kind in order.
        """
        try:
            named = {name: int(value) for name, value in given["inputs"].items()}
            of = circuit(
                given["kind"],
                *(int(given[name]) for name in ("capacity", "bits", "parameter")),
            )
            raw = bytes.fromhex(given["proof"].removeprefix("0x"))
            if set(named) != set(of.public):
                raise InputError(f"expected the public inputs {', '.join(of.public)}")
            return cls(
                of.kind.label,
                of.capacity,
                of.bits,
                of.parameter,
                tuple(named[name] for name in of.public),
                Proof.from_bytes(raw),
                str(given["key"]),
                str(given["mode"]),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as problem:
            if isinstance(problem, InputError):
                raise
            raise InputError(f"not a proof document: {problem!r}") from None

    def __repr__(self) -> str:
        return f"Proven({self.circuit.name}, n={self.inputs[1]}, {self.mode} key)"


def prove(
    of: Circuit,
    rows: Rows,
    context: int,
    store: KeyStore,
    *,
    record: KeyRecord | None = None,
    progress: Progress = silent,
) -> Proven:
    """Prove a circuit's statement of rows.

    Parameters
    ----------
    of : Circuit
    rows : Rows
    context : int
        Below 2^248: the improvement's digest >> 8.
    store : KeyStore
    record : KeyRecord, optional
        The key; the one with the strongest mode in the store by default.
    progress : callable, optional

    Raises
    ------
    InputError, MissingInput
        When rows do not fit the circuit, or there is no key.
    """
    inputs = of.public_inputs(rows, context)
    found = record or store.get(of)
    proof = prover.prove(store.load(found), of.witness(rows, context), progress)
    return Proven(
        of.kind.label,
        of.capacity,
        of.bits,
        of.parameter,
        tuple(inputs),
        proof,
        found.hash,
        found.mode,
    )


def chunks(rows: Rows, capacity: int, salts: Sequence[tuple[int, int, int]]) -> list[Rows]:
    """Rows cut into parts of at most `capacity`, each with salts of its own.

    Raises
    ------
    InputError
        When there is not one triple of salts per part.
    """
    starts = range(0, len(rows), capacity)
    if len(salts) != len(starts):
        raise InputError(f"expected salts for {len(starts)} chunks, found {len(salts)}")
    return [
        Rows(
            rows.labels[at : at + capacity],
            rows.champion[at : at + capacity],
            rows.candidate[at : at + capacity],
            salt,
        )
        for at, salt in zip(starts, salts, strict=True)
    ]
