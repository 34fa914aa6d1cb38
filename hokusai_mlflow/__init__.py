"""Promote a model only when it is really better, and pay for the data that made it better.

The public names are loaded when first used, so that importing this package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from hokusai_mlflow.comparisons import Comparisons
    from hokusai_mlflow.errors import HokusaiError
    from hokusai_mlflow.evaluation import compare, compare_all
    from hokusai_mlflow.gate import GatePolicy
    from hokusai_mlflow.labelling import LabelPlan, compare_labelled, label_plan
    from hokusai_mlflow.metrics import Metric, metric, metric_names, score_metric
    from hokusai_mlflow.metrics.huggingface import evaluate_metric
    from hokusai_mlflow.performance import PerformanceReport, PerformanceTracker
    from hokusai_mlflow.report import Report
    from hokusai_mlflow.stats.comparison import Comparison

_PLACES = {
    "Comparison": "hokusai_mlflow.stats.comparison",
    "Comparisons": "hokusai_mlflow.comparisons",
    "GatePolicy": "hokusai_mlflow.gate",
    "HokusaiError": "hokusai_mlflow.errors",
    "LabelPlan": "hokusai_mlflow.labelling",
    "Metric": "hokusai_mlflow.metrics",
    "PerformanceReport": "hokusai_mlflow.performance",
    "PerformanceTracker": "hokusai_mlflow.performance",
    "Report": "hokusai_mlflow.report",
    "compare": "hokusai_mlflow.evaluation",
    "compare_all": "hokusai_mlflow.evaluation",
    "compare_labelled": "hokusai_mlflow.labelling",
    "evaluate_metric": "hokusai_mlflow.metrics.huggingface",
    "label_plan": "hokusai_mlflow.labelling",
    "metric": "hokusai_mlflow.metrics",
    "metric_names": "hokusai_mlflow.metrics",
    "score_metric": "hokusai_mlflow.metrics",
}

__all__ = [
    "Comparison",
    "Comparisons",
    "GatePolicy",
    "HokusaiError",
    "LabelPlan",
    "Metric",
    "PerformanceReport",
    "PerformanceTracker",
    "Report",
    "__version__",
    "compare",
    "compare_all",
    "compare_labelled",
    "evaluate_metric",
    "label_plan",
    "metric",
    "metric_names",
    "score_metric",
]


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
