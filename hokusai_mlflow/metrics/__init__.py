"""What is measured: metrics as smooth functions of sums of per-example statistics."""

from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.metrics.function import score_metric
from hokusai_mlflow.metrics.registry import metric, metric_names

__all__ = ["Metric", "metric", "metric_names", "score_metric"]
