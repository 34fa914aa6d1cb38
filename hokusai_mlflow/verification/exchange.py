"""Where requests and signatures are exchanged: a directory, or any artifact location of MLflow.

One folder per evidence digest: ``request.json``, and ``<address>.json`` by every oracle.
Whoever can write there can add files, so that nothing read from there is believed by itself.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hokusai_mlflow.errors import InputError, TrackingUnreachable

REQUEST = "request.json"
_MOST_BYTES, _MOST_FILES = 4_000_000, 1_000


class Exchange:
    """A place that several parties read and write.

    Parameters
    ----------
    place : str
        A directory, or a URI such as ``s3://bucket/attestations`` or ``mlflow-artifacts:/…``.
    """

    def __init__(self, place: str) -> None:
        if not place:
            raise InputError("an exchange of attestations needs a directory or an artifact URI")
        self.place = place

    @property
    def _folder(self) -> Path | None:
        if self.place.startswith("file://"):
            return Path(self.place.removeprefix("file://"))
        return None if "://" in self.place or ":/" in self.place else Path(self.place)

    def put(self, evidence: str, name: str, document: Mapping[str, Any]) -> None:
        """Write a document; one that stands there under this name is replaced as a whole."""
        text = json.dumps(document, indent=2, sort_keys=True)
        folder = self._folder
        if folder is not None:
            target = folder / evidence / name
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = target.with_name(f".{name}.{secrets.token_hex(8)}")
            with draft.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
            return
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / name
            path.write_text(text, encoding="utf-8")
            try:
                self._repository().log_artifact(str(path), artifact_path=evidence)
            except Exception as problem:
                raise self._unreachable(problem) from problem

    def documents(self, evidence: str) -> dict[str, dict[str, Any]]:
        """Documents about an evidence digest by their names; what is no document is left out."""
        folder = self._folder
        if folder is not None:
            return _read(folder / evidence)
        with tempfile.TemporaryDirectory() as scratch:
            try:
                repository = self._repository()
                found = repository.list_artifacts(evidence)
                for one in found[:_MOST_FILES]:
                    if not one.is_dir and (one.file_size or 0) <= _MOST_BYTES:
                        repository.download_artifacts(one.path, dst_path=scratch)
            except Exception as problem:
                raise self._unreachable(problem) from problem
            return _read(Path(scratch) / evidence)

    def _repository(self) -> Any:
        from mlflow.store.artifact.artifact_repository_registry import (  # noqa: PLC0415
            get_artifact_repository,
        )

        return get_artifact_repository(self.place)

    def _unreachable(self, problem: Exception) -> TrackingUnreachable:
        return TrackingUnreachable(
            f"the exchange of attestations {self.place} cannot be used "
            f"({type(problem).__name__}: {problem}); check the location and the access to it"
        )

    def __repr__(self) -> str:
        return f"Exchange({self.place})"


def _read(folder: Path) -> dict[str, dict[str, Any]]:
    found = {}
    for path in sorted(folder.glob("*.json"))[:_MOST_FILES] if folder.is_dir() else ():
        if path.name.startswith(".") or path.stat().st_size > _MOST_BYTES:
            continue
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(document, dict):
            found[path.name] = document
    return found
