"""What an attempt starts from: spec, recipe, data, and the rows that models are trained on."""

from hokusai_mlflow.inputs.inputs import PAYMENT, REFERENCE, Inputs
from hokusai_mlflow.inputs.reading import cut, read_contribution, read_inputs, read_pool
from hokusai_mlflow.inputs.snapshot import read_snapshot, write_snapshot
from hokusai_mlflow.inputs.training import TrainingRows

__all__ = [
    "PAYMENT",
    "REFERENCE",
    "Inputs",
    "TrainingRows",
    "cut",
    "read_contribution",
    "read_inputs",
    "read_pool",
    "read_snapshot",
    "write_snapshot",
]
