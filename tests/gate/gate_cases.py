"""Cases for the gate, near its thresholds."""

from dataclasses import replace

from hokusai_mlflow.gate import Case, GatePolicy
from hokusai_mlflow.stats.comparison import Comparison
from hokusai_mlflow.stats.crossval import CrossValidation

POLICY = GatePolicy()

COMPARISON = Comparison(
    metric="accuracy",
    n=5_000,
    groups=None,
    baseline=0.80,
    candidate=0.83,
    improvement=0.03,
    improvement_bps=300.0,
    std_error_bps=40.0,
    ci_low_bps=220.0,
    ci_high_bps=380.0,
    lower_bound_bps=200.0,
    p_value=0.0001,
    test="tango",
    level=0.0025,
    min_effect_bps=10.0,
    skew=-0.5,
    discordant=(300, 150),
    class_counts={"0": 2_400, "1": 2_600},
    detectable_bps=150.0,
    planning_error_bps=40.0,
)

CROSSVAL = CrossValidation(
    repeats=10,
    folds_per_repeat=10,
    mean=0.03,
    std_error=0.01,
    t=3.0,
    df=99,
    p_value=0.002,
    folds_won=90,
    detectable_bps=150.0,
    effect_bps=200.0,
    veto_level=0.20,
)


EXTRAS = ("guardrails", "blocks", "validation_runs", "agreement")


def case(
    *,
    policy=POLICY,
    needs_classes=False,
    same_model=False,
    crossval=None,
    no_crossval=False,
    **changed,
):
    """A case that is promoted, with some of it changed."""
    extras = {name: changed.pop(name) for name in EXTRAS if name in changed}
    return Case(
        comparison=replace(COMPARISON, **changed),
        crossval=None if no_crossval else replace(CROSSVAL, **(crossval or {})),
        policy=policy,
        needs_classes=needs_classes,
        same_model=same_model,
        **extras,
    )
