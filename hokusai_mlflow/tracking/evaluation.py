"""What the evaluator plugin does once it is asked: compare, and log to the run."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Metric as LoggedMetric
from mlflow.entities import RunTag
from mlflow.models.evaluation.artifacts import (
    ImageEvaluationArtifact,
    JsonEvaluationArtifact,
    TextEvaluationArtifact,
)
from mlflow.models.evaluation.base import EvaluationResult

from hokusai_mlflow import __version__
from hokusai_mlflow.comparisons import Comparisons, compare_all
from hokusai_mlflow.comparisons.arrays import chosen_metrics
from hokusai_mlflow.errors import InputError, UnknownName, did_you_mean
from hokusai_mlflow.metrics import Metric
from hokusai_mlflow.outputs import Resolved, resolve
from hokusai_mlflow.predicting import predict
from hokusai_mlflow.tracking.loading import features_of, wanted_columns

KEYS = (
    "baseline",
    "metrics",
    "min_effect_bps",
    "level",
    "policy",
    "slices",
    "groups",
    "weights",
    "features",
    "id",
    "prediction",
)
DEFAULT_METRICS: Mapping[str | None, list[str]] = {
    "classifier": ["accuracy"],
    "regressor": ["rmse"],
    "text-summarization": ["rougeL"],
}
MLFLOWS_OWN = frozenset(
    {
        "average",
        "col_mapping",
        "explainability_algorithm",
        "explainability_kernel_link",
        "explainability_nsamples",
        "log_explainer",
        "log_metrics_with_dataset_info",
        "log_model_explainability",
        "max_classes_for_multiclass_roc_pr",
        "metric_prefix",
        "pos_label",
        "retriever_k",
        "sample_weights",
    }
)
"""Options of MLflow's evaluators; beside ours they mean that one flat configuration serves all."""
TABLE_ROWS = 10_000
"""More examples than this are not logged one by one."""
TAG_LENGTH = 5_000

_logger = logging.getLogger(__name__)


def evaluate(
    *,
    model_type: str | None,
    dataset: Any,
    run_id: str,
    config: Any,
    model: Any,
    predictions: str | None,
) -> EvaluationResult | None:
    """Compare the evaluated model with the configured baseline and log what was found.

    Parameters
    ----------
    model_type, dataset, run_id, model, predictions
        As MLflow gives them to an evaluator.
    config : mapping
        See `HokusaiEvaluator`.

    Raises
    ------
    InputError
        When the configuration or the data cannot be used.
    """
    if not isinstance(config, Mapping):
        raise InputError(f"evaluator hokusai: expected a mapping as its config, found {config!r}")
    shared = MLFLOWS_OWN & set(config)
    if shared:
        _logger.warning(
            "hokusai did not run: %s are options of MLflow's evaluators; put hokusai's own under "
            "evaluator_config={'hokusai': {...}}",
            ", ".join(sorted(shared)),
        )
        return None
    _require_keys(config)
    metrics = _metrics(model_type, config.get("metrics"))
    if not dataset.has_targets and any(metric.needs_targets for metric in metrics):
        raise InputError("evaluator hokusai: the metrics need the truth; name it with targets=")
    rows = _frame(dataset.features_data)
    truth = np.asarray(dataset.labels_data) if dataset.has_targets else None
    found = resolve(
        truth,
        config["baseline"],
        _candidate(
            model,
            rows,
            truth=truth,
            metrics=metrics,
            config=config,
            dataset=dataset,
            predictions=predictions,
        ),
        data=rows,
        metrics=metrics,
        **{
            key: config[key]
            for key in ("id", "prediction", "features", "groups", "weights", "slices")
            if config.get(key) is not None
        },
    )
    comparisons = compare_all(
        found.targets,
        found.baseline,
        found.candidate,
        metrics=metrics,
        slices=found.slices,
        groups=found.groups,
        weights=found.weights,
        level=config.get("level"),
        min_effect_bps=config.get("min_effect_bps"),
        policy=config.get("policy"),
    )
    return _logged(comparisons, found, str(config["baseline"]), run_id)


def _require_keys(config: Mapping[str, Any]) -> None:
    for key in config:
        if key not in KEYS:
            raise UnknownName(f"evaluator hokusai: unknown option {key!r}{did_you_mean(key, KEYS)}")
    if config.get("baseline") is None:
        raise InputError(
            "evaluator hokusai: its config names no baseline; give a model such as "
            "'models:/name@champion', a column of the data, or a prediction file"
        )


def _metrics(model_type: str | None, given: Any) -> list[Metric]:
    if given is None:
        given = DEFAULT_METRICS.get(model_type)
    if given is None:
        raise InputError(
            f"evaluator hokusai: name the metrics of a model of type {model_type!r}, such as "
            "'metrics': ['bleu']"
        )
    return chosen_metrics(given)


def _frame(features: Any) -> pd.DataFrame:
    if isinstance(features, pd.DataFrame):
        return features.reset_index(drop=True)
    return pd.DataFrame(np.asarray(features))


def _candidate(
    model: Any,
    rows: pd.DataFrame,
    *,
    truth: Any,
    metrics: list[Metric],
    config: Mapping[str, Any],
    dataset: Any,
    predictions: str | None,
) -> Any:
    """What the evaluated model says, by kind of output."""
    if model is None:
        if not dataset.has_predictions:
            raise InputError(
                "evaluator hokusai: expected a model, or the column of its predictions with "
                "predictions="
            )
        return np.asarray(dataset.predictions_data)
    metadata = getattr(model, "metadata", None)
    raw = _raw(model)
    columns = wanted_columns(getattr(metadata, "signature", None), raw)
    beside = _beside(config) if metadata is not None else ()
    features = features_of(rows, columns, beside, "the model")
    found = {}
    for metric in metrics:
        if metric.output not in found:
            asked = raw if metric.output in ("score", "scores") else _Named(model, predictions)
            if asked is None:
                raise InputError(
                    f"evaluator hokusai: {metric.name} needs scores, which only scikit-learn "
                    "models give here; evaluate a column of scores with predictions="
                )
            found[metric.output] = predict(asked, features, metric.bind(truth), name="model")
    return found


class _Named:
    """A model that may return several columns, of which one is compared."""

    def __init__(self, model: Any, column: str | None) -> None:
        self.model, self.column = model, column

    def predict(self, features: pd.DataFrame) -> Any:
        said = self.model.predict(features)
        if self.column is not None and isinstance(said, pd.DataFrame) and self.column in said:
            return said[self.column]
        return said


def _raw(model: Any) -> Any:
    """The scikit-learn estimator inside, which gives scores; None when there is none."""
    inside = getattr(model, "_model_impl", None)
    unwrap = getattr(inside, "get_raw_model", None)
    raw = inside if unwrap is None else unwrap()
    scores = hasattr(raw, "predict_proba") or hasattr(raw, "decision_function")
    return raw if scores or hasattr(raw, "feature_names_in_") else None


def _beside(config: Mapping[str, Any]) -> list[str]:
    """Columns that are no features unless the model itself names them."""
    found: list[str] = []
    for key in ("baseline", "id", "groups", "weights", "slices"):
        given = config.get(key)
        several = given.values() if isinstance(given, Mapping) else given
        parts = several if isinstance(several, (list, tuple)) else [several]
        found += [one for one in parts if isinstance(one, str)]
    return found


def _logged(
    comparisons: Comparisons, found: Resolved, baseline: str, run_id: str
) -> EvaluationResult:
    client = MlflowClient()
    figures = _figures(comparisons)
    primary = comparisons.rows[0]
    tags = {
        "hokusai.baseline": baseline,
        "hokusai.metric": primary.metric,
        "hokusai.finding": primary.finding,
        "hokusai.version": __version__,
    }
    if comparisons.decision is not None:
        tags["hokusai.verdict"] = comparisons.decision.verdict
        tags["hokusai.signature"] = comparisons.decision.signature
    client.log_batch(
        run_id,
        metrics=[LoggedMetric(name, value, 0, 0) for name, value in figures.items()],
        tags=[RunTag(name, value[:TAG_LENGTH]) for name, value in tags.items()],
    )
    root = client.get_run(run_id).info.artifact_uri
    page = comparisons.to_html(page=True, title=f"{primary.metric} against {baseline}")
    texts = {"report.html": page, "report.md": comparisons.to_markdown()}
    told = comparisons.to_dict()
    figure = comparisons.forest_plot()
    for name, text in texts.items():
        client.log_text(run_id, text, f"gate/{name}")
    client.log_dict(run_id, told, "gate/comparisons.json")
    client.log_figure(run_id, figure, "gate/forest_plot.png")
    table = _examples(found, comparisons.primary.n)
    if table is not None:
        client.log_table(run_id, table, "gate/examples.json")
    artifacts: dict[str, Any] = {
        f"gate/{name}": TextEvaluationArtifact(f"{root}/gate/{name}", text)
        for name, text in texts.items()
    }
    artifacts["gate/comparisons.json"] = JsonEvaluationArtifact(
        f"{root}/gate/comparisons.json", told
    )
    artifacts["gate/forest_plot.png"] = ImageEvaluationArtifact(
        f"{root}/gate/forest_plot.png", _image(figure)
    )
    return EvaluationResult(metrics=figures, artifacts=artifacts, run_id=run_id)


def _figures(comparisons: Comparisons) -> dict[str, float]:
    """Every metric's figures under MLflow's names; what is not finite is left out."""
    figures: dict[str, float] = {}
    for row in comparisons:
        one = row.comparison
        if one is None or row.slice is not None:
            continue
        # MLflow's names of metrics know no brackets or equals signs.
        name = re.sub(r"[^\w\-. /]+", "_", row.name).strip("_")
        if one.baseline is not None and one.candidate is not None:
            figures |= {f"eval/{name}": one.candidate, f"baseline/{name}": one.baseline}
        figures |= {
            f"gate/{name}/improvement_bps": one.improvement_bps,
            f"gate/{name}/ci_low": one.ci_low_bps,
            f"gate/{name}/ci_high": one.ci_high_bps,
            f"gate/{name}/p_value": one.p_value,
        }
    return {name: float(value) for name, value in figures.items() if math.isfinite(value)}


def _examples(found: Resolved, n: int) -> pd.DataFrame | None:
    """What both models say, example by example; None when that is too much for a table."""
    if n > TABLE_ROWS:
        return None
    table = {} if found.targets is None else {"target": found.targets}
    for who, said in (("baseline", found.baseline), ("candidate", found.candidate)):
        kinds = said if isinstance(said, Mapping) else {"": said}
        for kind, values in kinds.items():
            if np.ndim(values) == 1:
                table[f"{who} {kind}".strip()] = values
    table |= dict(found.slices)
    return pd.DataFrame({name: list(np.asarray(values)) for name, values in table.items()})


def _image(figure: Any) -> Any:
    from PIL import Image  # noqa: PLC0415 - matplotlib brings it along

    drawn = BytesIO()
    figure.savefig(drawn, format="png")
    drawn.seek(0)
    image = Image.open(drawn)
    image.load()
    return image
