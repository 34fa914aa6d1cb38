"""Monitor: whether the champion still holds on fresh labels; if not, back to the one before.

Safe to run at any time: a batch counts once, and a killed rollback is finished by the next run.
"""

from __future__ import annotations

from prefect import flow

from hokusai_mlflow import steps
from hokusai_mlflow.report.monitoring import MonitoringReport


@flow(name="monitor", flow_run_name="{spec}")
def monitor(spec: str = "pipeline.yaml", data: str | None = None) -> MonitoringReport:
    """Look at one model's champion, and do what the spec's `monitor` part says."""
    steps.preflight(spec)
    with steps.only_run_of(spec):
        before = steps.finish_rollback(spec)

        found = steps.look_at_champion(spec, data)
        done = steps.finish_rollback(spec) or before
        held = steps.decide_held_back(spec)
        return steps.publish_monitoring(spec, found, done, held)


if __name__ == "__main__":
    import sys

    monitor(*sys.argv[1:])
