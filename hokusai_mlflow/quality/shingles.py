"""Texts that are nearly the same: Jaccard similarity of their shingles, found by MinHash.

A text is taken in Unicode normal form KC, without case or invisible characters, with single spaces;
its shingles are the sets of eight letters in a row, which needs no words and so serves every
script. The similarity of two texts is |A ∩ B| / |A ∪ B| (Broder 1997,
doi:10.1109/SEQUEN.1997.666900). Candidates come from MinHash signatures of 128 values in 32 bands
of 4: a pair of similarity 0.7 is proposed with probability 1 − (1 − 0.7⁴)³² = 0.9998, one of 0.5
with 0.87; of what is proposed, the eight whose signatures agree most are measured exactly, so that
nothing is near that is not.
"""

from __future__ import annotations

import unicodedata
import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from datasketch import MinHash, MinHashLSH

from hokusai_mlflow.contributions.dataset import is_numeric

LETTERS = 8
LEAST_LENGTH = 40
"""Median length in letters from which a column holds texts, not names of categories."""
_PERMUTATIONS, _BANDS, _ROWS = 128, 32, 4
_MOST_CANDIDATES, _MEASURED = 1_000, 8
_SAMPLE = 1_000
_RANGES = ((0xAD, 0xAD), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0xFE00, 0xFE0F))
_INVISIBLE = dict.fromkeys([0xFEFF, *(at for low, high in _RANGES for at in range(low, high + 1))])


def text_columns(features: pd.DataFrame) -> list[str]:
    """The columns that hold texts."""
    found = []
    for name in features.columns:
        column = features[name]
        if is_numeric(column):
            continue
        written = [one for one in column.head(_SAMPLE) if isinstance(one, str)]
        if written and float(np.median([len(one) for one in written])) >= LEAST_LENGTH:
            found.append(str(name))
    return found


def texts_of(features: pd.DataFrame, columns: Iterable[str]) -> list[str]:
    """The texts of each row, normalised and put together."""
    parts = [[normal(one) for one in features[name]] for name in columns]
    return ["\n".join(row) for row in zip(*parts, strict=True)]


def shingles(text: str) -> set[bytes]:
    """Runs of eight letters; a shorter text is one shingle, and an empty one has none."""
    if len(text) <= LETTERS:
        return {text.encode("utf-8", "surrogatepass")} if text.strip() else set()
    return {
        text[at : at + LETTERS].encode("utf-8", "surrogatepass")
        for at in range(len(text) - LETTERS + 1)
    }


def jaccard(left: set[bytes], right: set[bytes]) -> float:
    """|A ∩ B| / |A ∪ B|; 0 where one has no shingle."""
    if not left or not right:
        return 0.0
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared)


class TextIndex:
    """Texts by what they are nearly equal to."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.tags: list[Any] = []
        self._signatures: list[Any] = []
        self._near = MinHashLSH(num_perm=_PERMUTATIONS, params=(_BANDS, _ROWS))

    def add(self, text: str, tag: Any, signature: MinHash | None = None) -> None:
        """Remember a text, with anything that tells where it is from."""
        signature = sign(text) if signature is None else signature
        if signature is not None:
            self._near.insert(len(self.texts), signature, check_duplication=False)
            self.texts.append(text)
            self.tags.append(tag)
            self._signatures.append(signature.hashvalues)

    def nearest(
        self, text: str, signature: MinHash | None, *, other: bool = False
    ) -> tuple[float, Any]:
        """Similarity and tag of the nearest remembered text; 0 and None where none is proposed.

        Parameters
        ----------
        text : str
            From `texts_of`.
        signature : MinHash or None
            From `sign`.
        other : bool
            Whether texts with exactly this wording do not count.
        """
        if signature is None:
            return 0.0, None
        found = sorted(self._near.query(signature))[:_MOST_CANDIDATES]
        found = [at for at in found if not (other and self.texts[at] == text)]
        if len(found) > _MEASURED:
            alike = np.stack([self._signatures[at] for at in found]) == signature.hashvalues
            order = np.argsort(-alike.sum(axis=1), kind="stable")[:_MEASURED]
            found = [found[at] for at in order]
        mine = shingles(text)
        best, tag = 0.0, None
        for at in found:
            like = jaccard(mine, shingles(self.texts[at]))
            if like > best:
                best, tag = like, self.tags[at]
        return best, tag


def sign(text: str) -> MinHash | None:
    """A text's MinHash signature; None where it has no shingle."""
    found = shingles(text)
    if not found:
        return None
    signature = MinHash(num_perm=_PERMUTATIONS, seed=1, hashfunc=zlib.crc32)
    signature.update_batch(found)
    return signature


def normal(value: Any) -> str:
    """A text as it is compared; what is no text is empty."""
    if not isinstance(value, str):
        return ""
    seen = unicodedata.normalize("NFKC", value).casefold().translate(_INVISIBLE)
    return " ".join(seen.split())
