"""What a model must show before it is promoted, as one value that is hashed into the evidence."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

FLOOR_BPS = 10
"""No policy asks for less: 10 bps = 0.1 %, the floor of the guide and of the contract."""


class GatePolicy(BaseModel):
    """Every threshold of the gate.

    Parameters
    ----------
    min_improvement_bps : int
        Minimum effect δ₀ of the null hypothesis H0: Δ ≤ δ₀, in basis points, at least 10.
    alpha : float
        Chance of any false promotion over the life of one sealed hold-out.
    quota : int
        Tests that one sealed hold-out admits; each runs at a part of `alpha`.
    after_reward : {"rotate", "keep"}
        Whether a hold-out retires on its first acceptance.
    detectable_bps : int
        Largest acceptable minimum detectable effect (80 % power at the level of the look).
        A comparison that could only find larger improvements is not enough evidence.
    min_discordant : int
        Fewest examples on which exactly one of the two models is right (paired 0/1 metrics).
    min_class_examples : int
        Fewest examples of every class, for metrics that are defined by class.
    min_groups : int
        Fewest groups, when examples are grouped.
    max_skew : float
        Largest −skew(ψ)/√n of the influence function ψ; beyond it no test keeps its level.
    cv_veto_p : float
        Cross-validated refits veto the promotion when powered and p ≥ this value.

    Raises
    ------
    pydantic.ValidationError
        When a key is unknown or a value out of range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_improvement_bps: int = Field(FLOOR_BPS, ge=FLOOR_BPS, le=10_000)
    alpha: float = Field(0.05, gt=0, le=0.1)
    quota: int = Field(20, ge=1, le=1_000)
    after_reward: Literal["rotate", "keep"] = "rotate"
    detectable_bps: int = Field(200, ge=1, le=100_000)
    min_discordant: int = Field(30, ge=1)
    min_class_examples: int = Field(50, ge=1)
    min_groups: int = Field(40, ge=2)
    max_skew: float = Field(0.10, gt=0, le=1)
    cv_veto_p: float = Field(0.20, gt=0, lt=1)

    @model_validator(mode="after")
    def _can_be_found(self) -> GatePolicy:
        if self.detectable_bps <= self.min_improvement_bps:
            raise ValueError(
                f"detectable_bps {self.detectable_bps} must be above min_improvement_bps "
                f"{self.min_improvement_bps}: no data can show an effect at its own minimum"
            )
        return self

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as they are hashed into the evidence."""
        return self.model_dump(mode="json")
