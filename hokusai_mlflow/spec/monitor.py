"""The part of a spec that says how a champion is watched, and what is done when it fails."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from hokusai_mlflow.chain.spec import Part

Action = Literal["ignore", "note", "warn", "roll_back"]
Told = Literal["ignore", "note", "warn"]


class DriftPlan(Part):
    """From how large a drift of the inputs on something is said.

    Effects are differences of probability, from 0 to 1: the largest one of a feature's values
    between the owner's pool and the fresh rows, and 2 AUC − 1 of a classifier that tells the two
    apart. What counts is the lower end of an interval, at a level that covers all features and a
    year of batches.
    """

    note: float = Field(0.1, gt=0, lt=1)
    warn: float = Field(0.2, gt=0, lt=1)
    alpha: float = Field(0.05, gt=0, lt=0.5)

    @model_validator(mode="after")
    def _in_order(self) -> DriftPlan:
        if self.note > self.warn:
            raise ValueError(f"note {self.note} must not be above warn {self.warn}")
        return self


class MonitorPlan(Part):
    """How a champion is watched on fresh labels; `hokusai monitor` and the flow `monitor` do it.

    `data` is a file that is replaced or grows, or a folder to which batches are added in the order
    of their names; rows count once. A batch of fewer than `min_examples` labelled rows waits for
    more. `alpha` is the chance that a year's batches (`batches_per_year`) give rise to a false
    alarm, shared equally by the three watches:

    - `on_worse`: the champion is worse than the one it beat, by more than `worse_bps`;
    - `on_shrunk`: its improvement is smaller than at its promotion, by more than `tolerance_bps`;
    - `on_declined`: its own score is lower than at its promotion, by more than `tolerance_bps`.

    Each says what is done: ``roll_back`` moves the alias `champion` back to the beaten model.
    """

    data: str | None = None
    alpha: float = Field(0.05, gt=0, lt=0.5)
    batches_per_year: int = Field(365, ge=2, le=100_000)
    min_examples: int = Field(100, ge=20, le=1_000_000)
    on_worse: Action = "roll_back"
    worse_bps: float = Field(0.0, ge=0, le=5_000)
    on_shrunk: Action = "warn"
    on_declined: Told = "warn"
    tolerance_bps: float = Field(50.0, ge=0, le=5_000)
    on_drift: Told = "warn"
    drift: DriftPlan = DriftPlan()
