"""Work that is kept by the content it was made from, so that nothing is trained twice.

A key is a digest of everything that the work depends on. A result appears under its final name
only when it is whole: a process that is killed half-way leaves nothing that a later one would
mistake for a result.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np


@cache
def library_versions() -> tuple[str, ...]:
    """Versions that results depend on beside their inputs; part of every key."""
    return tuple(f"{name} {version(name)}" for name in ("scikit-learn", "numpy", "pandas"))


class Cache:
    """Arrays and folders below one folder, by key.

    Parameters
    ----------
    root : Path
        The folder; made when missing. It can be deleted at any time.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def __contains__(self, key: str) -> bool:
        return self._array(key).exists() or self._folder(key).exists()

    def array(self, key: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
        """The array kept under a key, computed when there is none."""
        place = self._array(key)
        if not place.exists():
            result = compute()
            handle, draft = tempfile.mkstemp(dir=self.root, suffix=".draft")
            with os.fdopen(handle, "wb") as file:
                file.write(_packed(result))
            Path(draft).replace(place)
        return _unpacked(place.read_bytes())

    def folder(self, key: str, make: Callable[[Path], object]) -> Path:
        """The folder kept under a key; `make` fills a new one when there is none."""
        place = self._folder(key)
        if not place.exists():
            draft = Path(tempfile.mkdtemp(dir=self.root, suffix=".draft"))
            try:
                make(draft / "content")
                (draft / "content").rename(place)
            except OSError:
                # Another process was first; its content is the same.
                if not place.exists():
                    raise
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        return place

    def _array(self, key: str) -> Path:
        return self.root / f"{key}.array"

    def _folder(self, key: str) -> Path:
        return self.root / key


# NumPy's own format is read with `ast`, which is not safe in threads before Python 3.11.8
# (https://github.com/python/cpython/issues/106905).
def _packed(array: np.ndarray) -> bytes:
    if array.dtype.hasobject:
        raise ValueError("arrays of objects are not kept: reading them back could run code")
    header = json.dumps({"dtype": array.dtype.str, "shape": array.shape})
    return header.encode() + b"\n" + array.tobytes()


def _unpacked(packed: bytes) -> np.ndarray:
    header, _, values = packed.partition(b"\n")
    about = json.loads(header)
    return np.frombuffer(values, dtype=about["dtype"]).reshape(about["shape"]).copy()
