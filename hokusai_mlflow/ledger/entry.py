"""One line of the ledger, and the digest that chains it to the line before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hokusai_mlflow.errors import EvidenceMismatch, InputError
from hokusai_mlflow.evidence import canonical

GENESIS = "0" * 64
"""What the first entry names as its predecessor."""


@dataclass(frozen=True, repr=False)
class Entry:
    """One thing that happened.

    Attributes
    ----------
    seq : int
        Position in the ledger, from 1, without gaps.
    kind : str
        What happened, for example ``"look"``; unique together with `key`.
    key : str
        Idempotency key of what happened.
    model : str
        Registered model name that it concerns.
    attempt : str or None
        Attempt that it belongs to.
    body : mapping of str to plain JSON values
        What is known about it.
    created_at : datetime
        When it was written (UTC); outside the digest, so that a clock proves nothing.
    previous : str
        Digest of the entry before, 64 hexadecimal digits.
    digest : str
        SHA-256 over the canonical JSON of all the above but `created_at`.
    """

    seq: int
    kind: str
    key: str
    model: str
    attempt: str | None
    body: Mapping[str, Any]
    created_at: datetime
    previous: str
    digest: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "seq": self.seq,
            "kind": self.kind,
            "key": self.key,
            "model": self.model,
            "attempt": self.attempt,
            "body": dict(self.body),
            "created_at": self.created_at.isoformat(),
            "previous": self.previous,
            "digest": self.digest,
        }

    def __repr__(self) -> str:
        return (
            f"Entry({self.seq}: {self.kind} {self.key[:16]} of {self.model}, {self.digest[:12]}…)"
        )


def written(body: Mapping[str, Any]) -> str:
    """Canonical JSON text of a body.

    Raises
    ------
    InputError
        When the body is not an object of plain JSON values: NaN, an integer beyond ±2⁵³
        (write it as a decimal string), bytes, a key that is not a string.
    """
    try:
        return canonical(dict(body.items())).decode()
    except (EvidenceMismatch, AttributeError, ValueError, RecursionError) as problem:
        raise InputError(
            f"the body of a ledger entry must be a JSON object of plain values: {problem}. "
            "Write large integers and bytes as strings"
        ) from problem


def parsed(text: str) -> Any:
    """Inverse of `written`.

    Raises
    ------
    ValueError
        When the text is not JSON.
    """
    return json.loads(text, parse_int=_whole)


def _whole(digits: str) -> int | float:
    # Canonical JSON writes 1e20 in digits; integers of that size are never written.
    value = int(digits)
    return value if abs(value) < 2**53 else float(digits)


def json_safe(value: Any) -> Any:
    """Plain JSON with integers beyond ±2⁵³ as decimal strings."""
    if isinstance(value, Mapping):
        return {str(name): json_safe(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(inner) for inner in value]
    if isinstance(value, int) and abs(value) >= 2**53:
        return str(value)
    return value


def chained_digest(
    *, seq: int, kind: str, key: str, model: str, attempt: str | None, body: str, previous: str
) -> str:
    """Digest of an entry whose body is the canonical text `body`.

    Raises
    ------
    ValueError
        When `body` is not JSON.
    """
    document = {
        "seq": seq,
        "kind": kind,
        "key": key,
        "model": model,
        "attempt": attempt,
        "body": parsed(body),
        "previous": previous,
    }
    return hashlib.sha256(canonical(document)).hexdigest()
