"""Steps of the report flow."""

from __future__ import annotations

from prefect.artifacts import create_markdown_artifact
from prefect.logging import get_run_logger

from hokusai_mlflow.performance import PerformanceReport, PerformanceTracker
from hokusai_mlflow.review_steps import artifact_key
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.showing import show_performance
from hokusai_mlflow.spec import load_spec
from hokusai_mlflow.stepping import step
from hokusai_mlflow.tracking.store import connect


@step
def performance_report(spec_path: str, timeframe: str = "last_30_days") -> PerformanceReport:
    """How the model of a spec did."""
    tracker = PerformanceTracker(load_spec(spec_path).model, settings=Settings().prepare())
    return tracker.generate_report(timeframe)


@step
def publish_performance(report: PerformanceReport) -> None:
    """Put a performance report on the model's page in MLflow and the flow run's page in Prefect."""
    get_run_logger().info("%r", report)
    show_performance(connect(Settings().prepare()), report)
    create_markdown_artifact(report.to_markdown(), key=artifact_key(report.model, "performance"))
