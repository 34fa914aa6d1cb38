"""Steps that refit recipes in parallel: cross-validation and validation runs."""

from __future__ import annotations

import numpy as np
from prefect.futures import PrefectFuture

from hokusai_mlflow import refits, trial
from hokusai_mlflow.attempt import Attempt
from hokusai_mlflow.folds import Splitter
from hokusai_mlflow.gate import ValidationRuns
from hokusai_mlflow.progress import wait_for_all
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.stats.crossval import CrossValidation, corrected_t
from hokusai_mlflow.stepping import given_up_on_failure, kept_results, step
from hokusai_mlflow.tracking.registry import registered_by
from hokusai_mlflow.tracking.store import connect


@step(task_run_name="refit {who}, repeat {repeat}")
def refit(
    attempt: Attempt, arm: refits.Arm, repeat: int, splitter: Splitter, *, who: str
) -> np.ndarray:
    """Refit one arm on all folds of one repeat; scores are kept by content."""
    return refits.score_repeat(attempt, arm, repeat, splitter, kept_results())


@step(task_run_name="validate {who}, seed {seed}")
def validate(attempt: Attempt, arm: refits.Arm, seed: int, *, who: str) -> np.ndarray:
    """Refit one arm with another seed and score it on the sealed hold-out."""
    return refits.score_on_holdout(attempt, arm, seed, kept_results())


def cross_validate(attempt: Attempt) -> CrossValidation:
    """Refit the champion's recipe and the candidate's on the same folds, in parallel."""
    spec = attempt.inputs.spec
    with given_up_on_failure(attempt):
        futures = [
            _refits(attempt, arm, attempt.inputs.splitter, spec.cross_validation.repeats, who=who)
            for who, arm in _arms(attempt).items()
        ]
        wait_for_all(f"cross-validating {spec.model}", futures[0] + futures[1])
    champion, candidate = (np.array([f.result()[:-1] for f in arm]) for arm in futures)
    test_size, train_size = refits.mean_sizes(attempt)
    return corrected_t(
        champion,
        candidate,
        test_size=test_size,
        train_size=train_size,
        effect_bps=float(spec.gate.detectable_bps),
        veto_level=spec.gate.cv_veto_p,
    )


def validation_runs(attempt: Attempt) -> ValidationRuns | None:
    """Refit both recipes with other seeds and compare them on the sealed hold-out, in parallel.

    Part of the decision that the look was spent on; call it after the test.
    """
    spec = attempt.inputs.spec
    seeds = refits.validation_seeds(spec.seed, spec.gate.validation_runs)
    if not seeds:
        return None
    with given_up_on_failure(attempt):
        client = connect(Settings().prepare())
        trial.require_look(attempt, registered_by(client, attempt.model, attempt.id))
        futures = [
            [validate.submit(attempt, arm, seed, who=who) for seed in seeds]
            for who, arm in _arms(attempt).items()
        ]
        wait_for_all(f"validating {spec.model} with other seeds", futures[0] + futures[1])
    champion, candidate = (np.array([f.result()[0] for f in arm]) for arm in futures)
    improvements = (candidate - champion) * 10_000
    return ValidationRuns(seeds, tuple(improvements.tolist()))


def _arms(attempt: Attempt) -> dict[str, refits.Arm]:
    return {
        "champion": refits.champion_arm(attempt),
        "candidate": refits.candidate_arm(attempt),
    }


def _refits(
    attempt: Attempt, arm: refits.Arm, splitter: Splitter, repeats: int, *, who: str
) -> list[PrefectFuture[np.ndarray]]:
    """One refit per repeat, under way."""
    return [refit.submit(attempt, arm, repeat, splitter, who=who) for repeat in range(repeats)]
