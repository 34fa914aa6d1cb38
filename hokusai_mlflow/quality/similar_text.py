"""Contributed texts that nearly repeat a text of the pool, or one that somebody brought before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from hokusai_mlflow.contributions.dataset import Dataset, is_numeric
from hokusai_mlflow.contributions.digests import row_digests
from hokusai_mlflow.contributions.turns import repeated
from hokusai_mlflow.quality.shingles import TextIndex, normal, sign, text_columns, texts_of

QUANTILE = 0.995
"""As for numbers (`contributions.near`): at most 1 in 200 pool texts is as near to another one."""
DISTINCT = 0.95
"""Share of different rows in a pool from which on its rows are examples, not categories."""
_SAMPLE = 2_000


class SimilarTexts:
    """The pool's texts and those that were brought, and from where on two are near copies.

    The threshold is the policy's similarity, or the 99.5 % quantile of how near the pool's own
    texts are to another text of the pool, where that is more: where many honest texts follow one
    template, being alike is no sign of a copy. The same wording in another spelling (case, white
    space, Unicode forms) is a near copy too, unless more than 1 in 200 of the pool's texts have
    such a twin in it. Texts in exactly the same spelling are judged as whole rows by
    `contributions.checks`.

    Texts that are too short for this are compared as whole rows: one that equals another in all
    but the spelling of its texts is a near copy, unless fewer than 95 % of the pool's rows are
    different, so that honest rows would coincide.

    Parameters
    ----------
    parts : mapping of str to Dataset
        The parts of the pool; the first letters of a hold-out's name are dropped from codes.
    known : sequence of Dataset
        Contributed rows that the champion was trained on.
    similarity : float
        Of the policy.
    """

    def __init__(
        self, parts: Mapping[str, Dataset], known: Sequence[Dataset], similarity: float
    ) -> None:
        features = next(iter(parts.values())).features
        self.columns = text_columns(features)
        self.threshold = similarity
        self._written = [str(name) for name in features if not is_numeric(features[name])]
        self._index, self._wordings, self._rows = TextIndex(), _Spellings(), _Spellings()
        if not self._written:
            return
        for name, part in parts.items():
            family = "holdout" if name.startswith("holdout") else name
            self._add(part, f"near_copy.{family}")
        self._categories = len(self._rows) < DISTINCT * sum(map(len, parts.values()))
        self._twins = self._wordings.twins(self._index.texts) > 1 - QUANTILE
        self.threshold = max(similarity, self._natural())
        for one in known:
            self._add(one, "duplicate.across")

    def judge(self, given: Dataset, by: int = 0) -> npt.NDArray[Any]:
        """Why each row may not be used, or "": near a pool's text, another's, or an earlier row's.

        Rows that are judged fit are remembered, and what follows is compared with them too.

        Parameters
        ----------
        given : Dataset
            Some rows of a contribution.
        by : int
            Which contribution, to tell its own earlier rows from others'.
        """
        codes = np.full(len(given), "", dtype=object)
        if not self._written:
            return codes
        for at, (text, wording, row) in enumerate(self._read(given)):
            signature = sign(text)
            tag = None if self._categories else self._rows.other(*row)
            if tag is None:
                tag = self._near(text, wording, signature)
            if tag is None:
                self._index.add(text, by, signature)
                self._wordings.add(*wording, by)
                self._rows.add(*row, by)
            else:
                codes[at] = repeated(tag, by) if isinstance(tag, int) else tag
        return codes

    def _near(self, text: str, wording: tuple[str, str], signature: Any) -> Any:
        near, tag = self._index.nearest(text, signature)
        if near < self.threshold and near < 1.0:
            return None
        # Equal texts with another target or other numbers passed as natural coincidences.
        natural = near == 1.0 and (self._twins or self._wordings.has(*wording))
        return None if natural else tag

    def _add(self, rows: Dataset, tag: str) -> None:
        for text, wording, row in self._read(rows):
            self._index.add(text, tag)
            self._wordings.add(*wording, tag)
            self._rows.add(*row, tag)

    def _read(self, rows: Dataset) -> Iterator[tuple[str, tuple[str, str], tuple[str, str]]]:
        """The text of each row; its wording and its spelling; those of the whole row."""
        if self.columns:
            texts = texts_of(rows.features, self.columns)
            spelt = row_digests(rows.features[self.columns]).tolist()
        else:
            texts = spelt = [""] * len(rows)
        plain = rows.features.copy()
        for name in self._written:
            plain[name] = _plain(plain[name])
        yield from zip(
            texts,
            zip(texts, spelt, strict=True),
            zip(row_digests(plain).tolist(), rows.rows.tolist(), strict=True),
            strict=True,
        )

    def _natural(self) -> float:
        texts = self._index.texts
        if len(texts) < 2:
            return 0.0
        chosen = np.unique(np.linspace(0, len(texts) - 1, min(_SAMPLE, len(texts))).astype(int))
        nearest = [self._index.nearest(texts[at], sign(texts[at]), other=True)[0] for at in chosen]
        return float(np.nextafter(np.quantile(nearest, QUANTILE, method="higher"), 2.0))


class _Spellings:
    """In which spellings a wording was seen, and where each was seen first."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, Any]] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, wording: str, spelling: str, tag: Any) -> None:
        self._seen.setdefault(wording, {}).setdefault(spelling, tag)

    def has(self, wording: str, spelling: str) -> bool:
        return spelling in self._seen.get(wording, {})

    def other(self, wording: str, spelling: str) -> Any:
        """Where the wording was seen; None where it was not, or in this spelling too."""
        seen = self._seen.get(wording, {})
        return None if not seen or spelling in seen else next(iter(seen.values()))

    def twins(self, wordings: Sequence[str]) -> float:
        """Share of these wordings that were seen in more than one spelling."""
        return float(np.mean([len(self._seen[one]) > 1 for one in wordings])) if wordings else 0.0


def _plain(column: pd.Series) -> pd.Series:
    """A column with its texts as they are compared; a missing one is empty."""
    texts = [normal(one) if isinstance(one, str) or pd.isna(one) else one for one in column]
    return pd.Series(texts, index=column.index, dtype=object)
