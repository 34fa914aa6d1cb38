"""The container of snarkjs' binary files: a magic word, a version, and numbered sections."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from hokusai_mlflow.errors import InputError, MissingInput


def read(path: Path, magic: bytes) -> dict[int, memoryview]:
    """Sections of a file by number, mapped rather than read.

    Parameters
    ----------
    path : Path
    magic : bytes
        The four bytes it must begin with: ``zkey``, ``ptau``, ``r1cs`` or ``wtns``.

    Raises
    ------
    MissingInput, InputError
        There is no such file, or it is another kind of file or cut short.
    """
    try:
        with path.open("rb") as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except FileNotFoundError:
        raise MissingInput(f"no file {path}") from None
    except ValueError:
        raise InputError(f"{path} is empty") from None
    if bytes(data[:4]) != magic or len(data) < 12:
        raise InputError(f"{path} is not a {magic.decode()} file of snarkjs")
    (count,) = struct.unpack_from("<I", data, 8)
    found: dict[int, memoryview] = {}
    at = 12
    for _ in range(count):
        if at + 12 > len(data):
            raise InputError(f"{path} is cut short")
        number, size = struct.unpack_from("<IQ", data, at)
        at += 12
        if at + size > len(data):
            raise InputError(f"{path} is cut short")
        if number in found:
            raise InputError(f"{path} has section {number} twice")
        found[number] = data[at : at + size]
        at += size
    return found


def write(
    file: BinaryIO, magic: bytes, version: int, sections: Mapping[int, bytes | memoryview]
) -> None:
    """Write sections in the order of their numbers."""
    file.write(magic + struct.pack("<II", version, len(sections)))
    for number in sorted(sections):
        file.write(struct.pack("<IQ", number, len(sections[number])))
        file.write(sections[number])
