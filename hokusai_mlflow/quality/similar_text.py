"""Contributed texts that nearly repeat a text of the pool, or one that somebody brought before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.contributions.checks import repeated
from hokusai_mlflow.contributions.dataset import Dataset
from hokusai_mlflow.quality.shingles import TextIndex, sign, text_columns, texts_of

QUANTILE = 0.995
"""As for numbers (`contributions.near`): at most 1 in 200 pool texts is as near to another one."""
_SAMPLE = 2_000


class SimilarTexts:
    """The pool's texts and those that were brought, and from where on two are near copies.

    The threshold is the policy's similarity, or the 99.5 % quantile of how near the pool's own
    texts are to another text of the pool, where that is more: where many honest texts follow one
    template, being alike is no sign of a copy. Texts with exactly the same wording are judged as
    whole rows by `contributions.checks`.

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
        some = next(iter(parts.values()))
        self.columns = text_columns(some.features)
        self.threshold = similarity
        self._index = TextIndex()
        if not self.columns:
            return
        for name, part in parts.items():
            family = "holdout" if name.startswith("holdout") else name
            self._add(part, f"near_copy.{family}")
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
        if not self.columns:
            return codes
        for at, text in enumerate(texts_of(given.features, self.columns)):
            signature = sign(text)
            near, tag = self._index.nearest(text, signature)
            # Equal texts with another target or other numbers passed as natural coincidences.
            if near >= self.threshold and near < 1.0:
                codes[at] = repeated(tag, by) if isinstance(tag, int) else tag
            else:
                self._index.add(text, by, signature)
        return codes

    def _add(self, rows: Dataset, tag: str) -> None:
        for text in texts_of(rows.features, self.columns):
            self._index.add(text, tag)

    def _natural(self) -> float:
        texts = self._index.texts
        if len(texts) < 2:
            return 0.0
        chosen = np.unique(np.linspace(0, len(texts) - 1, min(_SAMPLE, len(texts))).astype(int))
        nearest = [self._index.nearest(texts[at], sign(texts[at]), other=True)[0] for at in chosen]
        return float(np.nextafter(np.quantile(nearest, QUANTILE, method="higher"), 2.0))
