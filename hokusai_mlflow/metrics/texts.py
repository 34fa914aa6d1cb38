"""Texts and their references, checked before they are cut into tokens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set, Sized

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.inputs import Targets


def as_texts(name: str, given: npt.ArrayLike) -> list[str]:
    """One string per example, shape (n,).

    Raises
    ------
    InputError
        When there is none, or something is not a string (a missing text included).
    """
    texts = []
    for at, text in enumerate(_examples(name, given)):
        if not isinstance(text, str):
            raise InputError(
                f"{name}: expected a string per example, found {_told(text)} at position {at}; "
                "an empty answer is the string ''"
            )
        texts.append(text)
    return texts


def as_references(name: str, given: Targets) -> list[Sequence[str]]:
    """One or more strings per example, shape (n,) of sequences.

    Raises
    ------
    InputError
        When there is no example, an example has no reference, or one is not a string.
    """
    found: list[Sequence[str]] = []
    for at, of_one in enumerate(_examples(name, given)):
        several = (of_one,) if isinstance(of_one, str) else of_one
        if not isinstance(several, (list, tuple, np.ndarray)) or not len(several):
            raise InputError(
                f"{name}: expected a string or a list of strings per example, "
                f"found {_told(of_one)} at position {at}"
            )
        for reference in several:
            if not isinstance(reference, str):
                raise InputError(
                    f"{name}: expected references to be strings, found {_told(reference)} "
                    f"at position {at}"
                )
        found.append(tuple(several))
    return found


def require_one_text_each(references: Sequence[object], texts: Sequence[object]) -> None:
    """As many outputs as targets.

    Raises
    ------
    InputError
        When there are more of one.
    """
    if len(references) != len(texts):
        raise InputError(
            f"expected one prediction per target, found {len(texts)} predictions "
            f"for {len(references)} targets"
        )


def _examples(name: str, given: object) -> Iterable[object]:
    # Text is no list of texts; sets have no order, and frames give the names of their columns.
    other = isinstance(given, (str, bytes, Mapping, Set)) or hasattr(given, "columns")
    if other or not (isinstance(given, Iterable) and isinstance(given, Sized)):
        raise InputError(
            f"{name}: expected a list with one entry per example, found {type(given).__name__} "
            f"{given!r:.40}"
        )
    if not len(given):
        raise InputError(f"{name}: expected at least one example, found none")
    return given


def _told(found: object) -> str:
    return "None" if found is None else f"{type(found).__name__} {found!r:.40}"
