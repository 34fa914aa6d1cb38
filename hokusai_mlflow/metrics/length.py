"""How near the length of a text is to its reference's: what guards BLEU against its own bias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import MetricUndefined
from hokusai_mlflow.metrics.base import Output, columns
from hokusai_mlflow.metrics.inputs import Floats, Targets
from hokusai_mlflow.metrics.mean import MeanMetric
from hokusai_mlflow.metrics.options import require_one_of
from hokusai_mlflow.metrics.texts import as_references, as_texts, require_one_text_each

Unit = Literal["words", "characters"]


@dataclass(frozen=True)
class LengthRatio(MeanMetric):
    """Mean over texts of the shorter length divided by the longer one, 0–1.

    1 where every text is as long as its reference; a text of half or of twice the length counts ½,
    and an empty one 0. Of several references the one nearest in length counts. Unlike BLEU's
    brevity penalty it is taken text by text, so that short answers and long ones do not make up for
    each other. Statistics per text: that ratio, 1.

    Parameters
    ----------
    unit : {"words", "characters"}
        What lengths are counted in: runs without white space, or Unicode characters.
    """

    name: ClassVar[str] = "length_ratio"
    output: ClassVar[Output] = "text"

    unit: Unit = "words"

    def __post_init__(self) -> None:
        require_one_of(self.name, "unit", self.unit, get_args(Unit))

    def statistics(self, targets: Targets, output: npt.ArrayLike) -> Floats:
        """Ratio and 1, shape (n, 2)."""
        references = as_references("references", targets)
        texts = as_texts("hypotheses", output)
        require_one_text_each(references, texts)
        found = np.zeros(len(texts))
        for at, (several, text) in enumerate(zip(references, texts, strict=True)):
            lengths = [length for reference in several if (length := self._length(reference))]
            if not lengths:
                raise MetricUndefined(
                    f"length_ratio is undefined: the reference at position {at} is empty; drop the "
                    "example"
                )
            said = self._length(text)
            found[at] = max(min(said, length) / max(said, length) for length in lengths)
        return columns(found, np.ones(len(found)))

    def _length(self, text: str) -> int:
        return len(text.split()) if self.unit == "words" else len(text.strip())
