"""What MLflow shows of a champion that is watched: metrics by batch, tags, the report."""

from __future__ import annotations

import json

from mlflow import MlflowClient
from mlflow.entities import Metric

from hokusai_mlflow.monitoring.looking import Found
from hokusai_mlflow.monitoring.rollback import Rollback
from hokusai_mlflow.report.monitoring import MonitoringReport
from hokusai_mlflow.tracking import runs
from hokusai_mlflow.verification.maintaining import Decision

DESCRIPTION = 5_000


def report_of(
    found: Found, metric: str, rollback: Rollback | None, held: tuple[Decision, ...]
) -> MonitoringReport:
    """The report on a look and what was done."""
    reign = found.reign
    return MonitoringReport(
        model=reign.model,
        metric=metric,
        champion=reign.champion.version,
        beaten=None if reign.beaten is None else reign.beaten.version,
        status=found.status,
        reasons=found.reasons,
        batches=found.all,
        unlabelled=tuple(one.to_dict() for one in found.unlabelled),
        waiting=found.waiting,
        dropped=found.dropped,
        rollback={} if rollback is None else rollback.to_dict(),
        held=tuple(one.to_dict() for one in held),
    )


def show(client: MlflowClient, found: Found, report: MonitoringReport) -> None:
    """Put it into the model's monitoring run, and the verdict on the version's page."""
    prefix = f"monitor/v{report.champion}"
    # Not only what is new: a look that was killed before it got here has counted its batches.
    shown = client.get_metric_history(found.run_id, f"{prefix}/examples")
    steps = {metric.step for metric in shown}
    for body in found.all:
        at = int(body["batch"]["number"])
        if at in steps:
            continue
        numbers = {f"{prefix}/{report.metric}": body["value"], f"{prefix}/examples": body["n"]}
        for name, one in body["batch"]["watched"].items():
            for key in ("estimate_bps", "low_bps", "high_bps", "floor_bps"):
                numbers[f"{prefix}/{name}/{key}"] = one[key]
        if body["inputs"]:
            numbers[f"{prefix}/drift"] = body["inputs"][0]["low"]
        metrics = [Metric(key, float(value), 0, at) for key, value in numbers.items()]
        client.log_batch(found.run_id, metrics=metrics)
    tags = {
        "hokusai.monitor.status": report.status,
        "hokusai.monitor.champion": str(report.champion),
        "hokusai.monitor.reason": report.message,
        "mlflow.note.content": report.to_markdown(most=DESCRIPTION),
    }
    runs.log(client, found.run_id, tags=tags)
    runs.upload_text(
        client,
        found.run_id,
        {
            "report/monitoring.html": report.to_html(),
            "report/monitoring.md": report.to_markdown(),
            "report/monitoring.json": json.dumps(
                report.to_dict(), ensure_ascii=False, allow_nan=False
            ),
        },
    )
    client.set_terminated(found.run_id, "FINISHED")
    version = str(report.champion)
    for name in ("status", "reason"):
        value = tags[f"hokusai.monitor.{name}"][:4_000]
        client.set_model_version_tag(report.model, version, f"hokusai.monitor.{name}", value)
