"""Keys of circuits, kept by circuit and mode.

A key is a `.zkey` file and a `.json` file of the same name that says of which circuit it is, its
mode, and its hash:

- ``development``: made here, by whoever runs this. That party can prove anything. Refused by
  contracts that do not allow it.
- ``auditor``: made the same way by one auditor, whom everybody trusts to have forgotten.
- ``ceremony``: made by several parties (snarkjs), imported after checks; holds if one was honest.

A mode is a claim about people, not about bytes: what counts on a chain is which hash its
administrator registered under which mode.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal, Protocol, get_args

from hokusai_mlflow.errors import InputError, MissingInput
from hokusai_mlflow.verification.zk import files, setup, zkey
from hokusai_mlflow.verification.zk.circuit import VERSION
from hokusai_mlflow.verification.zk.r1cs import R1CS
from hokusai_mlflow.verification.zk.setup import Progress, silent
from hokusai_mlflow.verification.zk.verifying import VerifyingKey

Mode = Literal["development", "auditor", "ceremony"]
MODES: tuple[Mode, ...] = get_args(Mode)


class Keyed(Protocol):
    """A circuit that keys are made for: its name with all parameters, and its constraints."""

    @property
    def name(self) -> str:
        """Unique among circuits."""

    def constraints(self) -> R1CS:
        """The constraints, which depend on the parameters alone."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is known of a key beside its points.

    `circuit` is the circuit's name with its parameters, `digest` the SHA-256 of its constraints
    as a `.r1cs` file, `hash` the Keccak-256 of the verifying key as the contract registers it,
    `content` the SHA-256 of the key file.
    """

    circuit: str
    version: int
    digest: str
    mode: Mode
    hash: str
    content: str
    constraints: int
    path: Path
    source: str = ""

    def to_dict(self) -> dict[str, object]:
        """What the `.json` file holds."""
        return {
            "circuit": self.circuit,
            "version": self.version,
            "digest": self.digest,
            "mode": self.mode,
            "hash": self.hash,
            "content": self.content,
            "constraints": self.constraints,
            "source": self.source,
        }

    def __repr__(self) -> str:
        return f"KeyRecord({self.circuit}, {self.mode}, {self.hash[:10]}…)"


class KeyStore:
    """Keys below one folder.

    Parameters
    ----------
    root : Path
        The folder; made when a key is written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def __iter__(self) -> Iterator[KeyRecord]:
        for path in sorted(self.root.glob("*.json")):
            yield _record(path)

    def find(self, circuit: Keyed, mode: Mode | None = None) -> KeyRecord | None:
        """The key of a circuit: of a mode, or the one with the strongest mode there is."""
        kept = [
            record
            for record in self
            if record.circuit == circuit.name
            and record.version == VERSION
            and mode in (None, record.mode)
        ]
        return max(kept, key=lambda record: MODES.index(record.mode), default=None)

    def get(self, circuit: Keyed, mode: Mode | None = None) -> KeyRecord:
        """As `find`.

        Raises
        ------
        MissingInput
            When there is none.
        """
        found = self.find(circuit, mode)
        if found is None:
            raise MissingInput(
                f"no {mode + ' ' if mode else ''}key of the circuit {circuit.name} in {self.root}; "
                "make one with `hokusai zk setup`, or import one with `hokusai zk import-key`"
            )
        return found

    def load(self, record: KeyRecord) -> zkey.ProvingKey:
        """The proving key, checked to be the file that was recorded.

        Raises
        ------
        InputError
            When the file is not the recorded one.
        """
        if _content(record.path) != record.content:
            raise InputError(f"{record.path} has changed since it was made or imported; do it anew")
        return zkey.read(record.path)

    def make(
        self, circuit: Keyed, mode: Mode = "development", progress: Progress = silent
    ) -> KeyRecord:
        """The key of a circuit, made when there is none of this mode.

        Parameters
        ----------
        circuit : Keyed
        mode : {"development", "auditor"}
        progress : callable, optional

        Raises
        ------
        InputError
            For the mode ceremony: such a key is imported.
        """
        if mode == "ceremony":
            raise InputError("a ceremony has several parties; import its key instead")
        kept = self.find(circuit, mode)
        if kept is not None:
            return kept
        r1cs = circuit.constraints()
        key = setup.make_keys(r1cs, progress=progress)
        return self.add(circuit, key, mode, digest=files.digest(r1cs), constraints=len(r1cs))

    def add(
        self,
        circuit: Keyed,
        key: zkey.ProvingKey,
        mode: Mode,
        *,
        digest: str,
        constraints: int,
        source: str = "",
    ) -> KeyRecord:
        """Keep a key that was made or imported."""
        verifying = key.verifying_key()
        verifying.require_sound()
        path = self.root / f"{circuit.name}-{mode}-{digest[:12]}.zkey"
        zkey.write(path, key)
        record = KeyRecord(
            circuit.name,
            VERSION,
            digest,
            mode,
            "0x" + verifying.hash().hex(),
            _content(path),
            constraints,
            path,
            source,
        )
        _write_whole(path.with_suffix(".json"), record.to_dict())
        return record


def verifying_key(record: KeyRecord) -> VerifyingKey:
    """The verifying part of a recorded key."""
    return zkey.read(record.path).verifying_key()


def _content(path: Path) -> str:
    hashed = sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                hashed.update(block)
    except FileNotFoundError:
        raise MissingInput(f"the key file {path} is gone; make or import it anew") from None
    return hashed.hexdigest()


def _record(path: Path) -> KeyRecord:
    try:
        told: Mapping[str, object] = json.loads(path.read_text(encoding="utf-8"))
        record = KeyRecord(**told, path=path.with_suffix(".zkey"))  # type: ignore[arg-type]
    except (ValueError, TypeError) as problem:
        raise InputError(f"{path} does not describe a key: {problem}; remove it") from None
    if record.mode not in MODES:
        raise InputError(f"{path} names the mode {record.mode!r}; expected {', '.join(MODES)}")
    return record


def _write_whole(path: Path, content: Mapping[str, object]) -> None:
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    Path(draft).replace(path)
