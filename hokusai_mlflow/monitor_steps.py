"""Steps of the monitor flow."""

from __future__ import annotations

from prefect.artifacts import create_markdown_artifact
from prefect.logging import get_run_logger

from hokusai_mlflow.monitoring import holdback, looking, rollback, showing
from hokusai_mlflow.monitoring.looking import Found
from hokusai_mlflow.monitoring.rollback import Rollback
from hokusai_mlflow.report.monitoring import MonitoringReport
from hokusai_mlflow.review_steps import artifact_key
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.spec import load_spec
from hokusai_mlflow.stepping import step
from hokusai_mlflow.tracking.store import connect
from hokusai_mlflow.verification.maintaining import Decision


@step
def look_at_champion(spec_path: str, data: str | None = None) -> Found:
    """Measure the champion, and the model that it beat, on fresh labels that came since."""
    found = looking.look(spec_path, Settings().prepare(), data)
    get_run_logger().info("%r", found)
    return found


@step
def finish_rollback(spec_path: str) -> Rollback | None:
    """Carry out a rollback that was decided, now or by a run that was killed."""
    done = rollback.finish(load_spec(spec_path), Settings().prepare())
    if done is not None:
        get_run_logger().warning("%r", done)
    return done


@step
def decide_held_back(spec_path: str) -> tuple[Decision, ...]:
    """Have what was held back of rewards paid or returned, where it is due."""
    return holdback.decide_due(load_spec(spec_path), Settings().prepare())


@step
def publish_monitoring(
    spec_path: str, found: Found, done: Rollback | None, held: tuple[Decision, ...] = ()
) -> MonitoringReport:
    """Show drift, confidence sequences and what was done, in MLflow and Prefect."""
    report = showing.report_of(found, load_spec(spec_path).metric, done, held)
    showing.show(connect(Settings().prepare()), found, report)
    create_markdown_artifact(report.to_markdown(), key=artifact_key(report.model, "monitoring"))
    return report
