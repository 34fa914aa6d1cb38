"""Drift of text: three numbers per row, whose drift is measured as any number's.

Length, the share of words that were unknown, and the surprise of its letters: the mean of
−ln p(character 3-gram). Vocabulary and 3-gram frequencies come from every other reference row; the
rows in between stand against the fresh ones, so that neither side has helped to write the lists.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.inputs import Floats
from hokusai_mlflow.stats.drift import Drift, number_drift

_WORD = re.compile(r"\w+")
_GRAM = 3


def text_drift(
    name: str, reference: Sequence[str], fresh: Sequence[str], *, level: float
) -> tuple[Drift, ...]:
    """Drift of length, of unknown words, and of letters.

    Parameters
    ----------
    name : str
    reference, fresh : sequence of str
        Independent rows; an empty text is a missing one.
    level : float
        Chance that any of the three intervals misses.

    Raises
    ------
    InputError
        When there are fewer than two reference rows, or no fresh ones.
    """
    if len(reference) < 2 or not len(fresh):
        raise InputError(f"{name}: expected two reference texts and a fresh one at least")
    known, apart = reference[::2], reference[1::2]
    words = {word for text in known for word in _words(text)}
    grams = Counter(gram for text in known for gram in _grams(text))
    total, kinds = sum(grams.values()), len(grams) + 1

    def unknown(text: str) -> float:
        said = _words(text)
        return sum(word not in words for word in said) / len(said) if said else math.nan

    def surprise(text: str) -> float:
        said = _grams(text)
        if not said:
            return math.nan
        # One is added to every count, and stands for everything never seen.
        return math.log(total + kinds) - sum(math.log(grams[g] + 1) for g in said) / len(said)

    share = level / 3
    return (
        number_drift(f"{name}: length", _each(len, reference), _each(len, fresh), level=share),
        number_drift(
            f"{name}: unknown words", _each(unknown, apart), _each(unknown, fresh), level=share
        ),
        number_drift(
            f"{name}: letters", _each(surprise, apart), _each(surprise, fresh), level=share
        ),
    )


def _each(of: object, texts: Sequence[str]) -> Floats:
    assert callable(of)
    return np.array([of(text) for text in texts], dtype=np.float64)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _grams(text: str) -> list[str]:
    padded = f" {text.lower()} " if text else ""
    return [padded[at : at + _GRAM] for at in range(len(padded) - _GRAM + 1)]
