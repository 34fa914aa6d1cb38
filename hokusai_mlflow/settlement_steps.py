"""Steps that bring rewards onto the chain, and say so."""

from __future__ import annotations

from hokusai_mlflow import reward, showing
from hokusai_mlflow.chain.settlement import Settlement
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.spec import load_spec
from hokusai_mlflow.stepping import step
from hokusai_mlflow.tracking.store import connect


@step
def settle(spec_path: str) -> list[Settlement]:
    """Drain the outbox on the chain that a spec names."""
    settings = Settings().prepare()
    spec = load_spec(spec_path)
    with Ledger(settings.ledger) as ledger:
        return reward.settle(spec.chain, settings, ledger)


@step
def publish_settlements(settlements: list[Settlement]) -> None:
    """Say in MLflow which rewards became final, or failed, and why."""
    settings = Settings().prepare()
    client = connect(settings)
    with Ledger(settings.ledger) as ledger:
        for settlement in settlements:
            showing.show_settlement(client, ledger, settlement)
