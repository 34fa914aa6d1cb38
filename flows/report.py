"""Report: how a model did lately, on its page in MLflow and on the flow run's page in Prefect."""

from __future__ import annotations

from prefect import flow

from hokusai_mlflow import steps


@flow(name="report", flow_run_name="{spec}")
def report(spec: str = "pipeline.yaml", timeframe: str = "last_30_days") -> dict[str, object]:
    """Publish the performance report of the model that a spec names."""
    found = steps.performance_report(spec, timeframe)
    steps.publish_performance(found)
    return {"model": found.model, "summary": found.summary, "delta_ones": found.delta_ones}


if __name__ == "__main__":
    import sys

    report(*sys.argv[1:])
