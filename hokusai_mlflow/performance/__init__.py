"""How a model did over a time: what improved it, who contributed, what was earned."""

from hokusai_mlflow.performance.report import PerformanceReport
from hokusai_mlflow.performance.timeframe import Timeframe, timeframe
from hokusai_mlflow.performance.tracker import PerformanceTracker

__all__ = ["PerformanceReport", "PerformanceTracker", "Timeframe", "timeframe"]
