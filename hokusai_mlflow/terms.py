"""What the contract is told about a model."""

from __future__ import annotations

from hokusai_mlflow.chain.model import Method, ModelConfig
from hokusai_mlflow.deltaone import WAD, WEIGHT_TOTAL, z2_floor_e6
from hokusai_mlflow.spec import Spec

DAY = 86_400
MIN_SAMPLES = 30


def model_config(spec: Spec) -> ModelConfig:
    """What the contract is told about a model.

    The contract's own significance floor is the policy's `alpha`, one-sided: looser than the gate's
    level at any look, so that it is a second lock and never the first.
    """
    chain = spec.chain
    budget = chain.budget * WAD
    return ModelConfig(
        metric=spec.metric,
        owner=spec.owner,
        min_bps=spec.gate.min_improvement_bps,
        z2_floor_e6=z2_floor_e6(spec.gate.alpha),
        min_samples=MIN_SAMPLES,
        tokens_per_delta_one=spec.chain.tokens_per_delta_one * WAD,
        budget=budget,
        daily_cap=budget if chain.daily_cap is None else chain.daily_cap * WAD,
        holdback=chain.holdback_percent * (WEIGHT_TOTAL // 100),
        holdback_period=chain.holdback_days * DAY if chain.holdback_percent else 0,
        method=method_of(spec),
    )


def method_of(spec: Spec) -> Method:
    """Who vouches for a model's sums, in the contract's words."""
    if spec.verification == "zk":
        return "both" if spec.proof.oracles_too else "proof"
    return spec.verification
