"""The evaluator plugin `hokusai` of `mlflow.models.evaluate`.

MLflow imports this module in everybody's evaluations: it loads nothing heavy and never raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from mlflow.models.evaluation.base import ModelEvaluator

NAME = "hokusai"


class HokusaiEvaluator(ModelEvaluator):
    """A paired comparison of the evaluated model with a baseline.

    It runs only when it is configured::

        mlflow.models.evaluate(
            "models:/churn/4", data, targets="left", model_type="classifier",
            evaluators="hokusai",
            evaluator_config={"hokusai": {"baseline": "models:/churn@champion"}},
        )

    The configuration: `baseline` (a model URI, a column of the data, or a prediction file),
    `metrics` (by default what the model type is judged by), `min_effect_bps`, `level`, `policy`
    (thresholds of the gate, for a verdict), `slices`, `groups`, `weights`, `features`, `id` and
    `prediction` (for prediction files); see `hokusai_mlflow.compare_all`. A verdict spends no look
    of a sealed hold-out and promotes nothing.
    """

    name = NAME

    @classmethod
    def can_evaluate(cls, *, model_type: str | None, evaluator_config: Any, **kwargs: Any) -> bool:
        """Whether this evaluator was asked for: its configuration is there."""
        if not isinstance(evaluator_config, Mapping):
            return False
        if isinstance(evaluator_config.get(NAME), Mapping):
            return True
        # A misspelt baseline must be an error, not a comparison that silently is not made.
        own = {"min_effect_bps", "policy"}
        return any(
            isinstance(key, str) and (key in own or get_close_matches(key, ["baseline"], 1, 0.8))
            for key in evaluator_config
        )

    def evaluate(
        self,
        *,
        model_type: str | None,
        dataset: Any,
        run_id: str,
        evaluator_config: Any,
        model: Any = None,
        predictions: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Compare, log to the run, and return MLflow's `EvaluationResult`.

        Raises
        ------
        InputError
            When the configuration or the data cannot be used.
        """
        from hokusai_mlflow.tracking.evaluation import evaluate  # noqa: PLC0415

        return evaluate(
            model_type=model_type,
            dataset=dataset,
            run_id=run_id,
            config=evaluator_config.get(NAME, evaluator_config),
            model=model,
            predictions=predictions,
        )
