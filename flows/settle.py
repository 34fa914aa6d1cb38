"""Settle: broadcast and confirm the rewards that wait, and say so in MLflow.

Safe to run at any time, from any number of processes: nothing is paid twice.
"""

from __future__ import annotations

from prefect import flow

from hokusai_mlflow import steps


@flow(name="settle", flow_run_name="{spec}")
def settle(spec: str = "pipeline.yaml") -> list[dict[str, object]]:
    """Drain the outbox on the chain that a spec names."""
    settlements = steps.settle(spec)
    steps.publish_settlements(settlements)
    return [settlement.to_dict() for settlement in settlements]


if __name__ == "__main__":
    import sys

    settle(*sys.argv[1:])
