"""Addresses of pages: short, safe as file names, and relative to the page that links to them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from hokusai_mlflow.errors import UnknownName

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_HASHED = 24


def slug(name: str) -> str:
    """A name as one step of an address.

    Names that a spec can give stay what they are; any other one (slashes, spaces, ten thousand
    letters) becomes a tilde and a digest.
    """
    if _PLAIN.fullmatch(name) and not name.endswith((".csv", ".json", ".")):
        return name
    return "~" + hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_HASHED]


def named(step: str, names: Iterable[str]) -> str:
    """The name whose slug is `step`.

    Raises
    ------
    UnknownName
        When there is none.
    """
    found = next((name for name in names if slug(name) == step), None)
    if found is None:
        raise UnknownName(f"there is no page for {step[:60]!r}; it may have had another name")
    return found


def chosen(given: str, names: Iterable[str]) -> str | None:
    """The name that a filter asks for, itself or as its slug; None when it asks for none.

    Raises
    ------
    UnknownName
        When there is none.
    """
    if not given:
        return None
    known = list(names)
    return given if given in known else named(given, known)


def model_page(name: str) -> str:
    """Page of a model, from the root of the pages."""
    return f"models/{slug(name)}/"


def attempt_page(attempt: str) -> str:
    """Page of an attempt: the report."""
    return f"attempts/{slug(attempt)}/"


def contributor_page(account: str) -> str:
    """Page of a contributor."""
    return f"contributors/{slug(account)}/"
