"""The step that shows what the checks of data quality found."""

from __future__ import annotations

import json

from prefect.artifacts import create_markdown_artifact
from prefect.logging import get_run_logger

from hokusai_mlflow.attempt import Attempt
from hokusai_mlflow.review_steps import artifact_key
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.stepping import step
from hokusai_mlflow.tracking import runs
from hokusai_mlflow.tracking.store import connect


@step
def report_quality(attempt: Attempt) -> None:
    """Put the findings on every contribution where reviewers look: log, MLflow run, Prefect.

    What they do was settled when the attempt was opened; doing this again changes nothing.
    """
    if not attempt.checks:
        return
    reports = [check.report for check in attempt.checks]
    logger = get_run_logger()
    for report in reports:
        (logger.warning if report.failed else logger.info)("%r", report)
    told = json.dumps([report.to_dict() for report in reports], ensure_ascii=False)
    pages = {f"quality/{report.name}.html": report.to_html() for report in reports}
    client = connect(Settings().prepare())
    runs.upload_text(client, attempt.run_id, {"quality/findings.json": told, **pages})
    written = "\n".join(report.to_markdown() for report in reports)
    create_markdown_artifact(written, key=artifact_key(attempt.model, "quality"))
