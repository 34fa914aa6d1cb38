"""Every metric as a Hugging Face `evaluate.Metric`, without network and without files."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.metrics.registry import metric as metric_named

if TYPE_CHECKING:
    import evaluate


def evaluate_metric(metric: str | Metric, **options: Any) -> evaluate.Metric:
    """A metric as an object of Hugging Face's `evaluate`.

    ``compute(predictions=..., references=...)`` gives ``{name: value}`` with exactly the value of
    `Metric.score`, and raises its errors: what is given reaches the metric as it is, where
    `evaluate` would first cast it into an Arrow file (0.7 to the class 0, "1" to the number 1).
    `add`, `add_batch` and `evaluate.combine` work. `evaluate.load` is never called, which would ask
    the hub for a script.

    Parameters
    ----------
    metric : str or Metric
        Name of a metric, or one with its options bound.
    **options
        Options of a metric given by name.

    Raises
    ------
    InputError
        When there is no such metric or option.

    Examples
    --------
    >>> bleu = evaluate_metric("bleu", lowercase=True)
    >>> bleu.compute(predictions=["The cat sat on it"], references=[["the cat sat on it"]])
    {'bleu': 1.0}
    """
    if isinstance(metric, Metric):
        if options:
            told = ", ".join(sorted(options))
            raise InputError(f"the options of {metric.signature} are bound already; drop {told}")
        return _adapter()(metric)
    return _adapter()(metric_named(metric, **options))


@cache
def _adapter() -> type[Any]:
    """The class, made when first needed: importing `evaluate` takes five seconds."""
    import datasets  # noqa: PLC0415
    import evaluate  # noqa: PLC0415

    value, several = datasets.Value, datasets.Sequence

    def features(of: Metric) -> list[datasets.Features]:
        number, text, whole = value("float64"), value("string"), value("int64")
        choices = {
            "label": [(whole, whole), (text, text)],
            "score": [(number, whole), (number, text)],
            "scores": [(several(number), whole), (several(number), text)],
            "value": [(number, number)],
            "text": [(text, several(text)), (text, text)],
            "loglik": [(number, whole), (several(number), whole)],
        }[of.output]
        names = ("predictions", "references") if of.needs_targets else ("predictions",)
        return [datasets.Features(dict(zip(names, kinds, strict=False))) for kinds in choices]

    class HokusaiMetric(evaluate.Metric):  # type: ignore[misc]
        """A metric of hokusai-mlflow."""

        def __init__(self, of: Metric) -> None:
            self.of = of
            self.given: list[tuple[Any, Any]] = []
            super().__init__(config_name=of.name, keep_in_memory=True)
            self.info.module_name = of.name

        def _info(self) -> Any:
            description = type(self.of).__doc__ or self.of.name
            return evaluate.MetricInfo(
                description=description,
                citation="",
                features=features(self.of),
                inputs_description=f"\n{self.of.signature}\n\n{description}",
            )

        def _build_data_dir(self) -> str:
            # Nothing is ever written, so there is no folder to make.
            return str(self._data_dir_root)

        def __len__(self) -> int:
            return sum(len(predictions) for predictions, _ in self.given)

        def compute(
            self, *, predictions: Any = None, references: Any = None, **others: Any
        ) -> dict[str, float]:
            """Value of the metric on what is given here, or was added before."""
            if others:
                told = ", ".join(sorted(others))
                raise InputError(f"{self.of.name}: options are bound already, found {told}")
            if predictions is not None or references is not None:
                if self.given:
                    self.add_batch(predictions=predictions, references=references)
                else:
                    return self._compute(predictions=predictions, references=references)
            if not self.given:
                raise InputError(f"{self.of.name}: expected predictions, found none")
            given, self.given = self.given, []
            joined = [entry for batch, _ in given for entry in batch]
            truth = [entry for _, batch in given for entry in batch]
            return self._compute(
                predictions=joined, references=truth if self.of.needs_targets else None
            )

        def add_batch(
            self, *, predictions: Any = None, references: Any = None, **others: Any
        ) -> None:
            """Keep examples for the next `compute`."""
            if others or predictions is None:
                raise InputError(f"{self.of.name}: expected predictions and references")
            truth = references if self.of.needs_targets else []
            if self.of.needs_targets and (truth is None or len(truth) != len(predictions)):
                raise InputError(
                    f"{self.of.name}: expected a reference for each of {len(predictions)} "
                    f"predictions, found {0 if truth is None else len(truth)}"
                )
            self.given.append((list(predictions), list(truth)))

        def add(self, *, prediction: Any = None, reference: Any = None, **others: Any) -> None:
            """Keep one example for the next `compute`."""
            # `evaluate.combine` passes one example under the names of many.
            said = others.pop("predictions", prediction)
            truth = others.pop("references", reference)
            self.add_batch(predictions=[said], references=[truth], **others)

        def _compute(self, *, predictions: Any = None, references: Any = None) -> dict[str, float]:
            truth = references if self.of.needs_targets else None
            return {self.of.name: self.of.score(truth, predictions)}

    return HokusaiMetric
