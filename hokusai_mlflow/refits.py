"""Refitting recipes on folds of the reference data.

Folds are cut from the owner's reference rows only; contributed rows only ever train. Seeds and
folds belong to the pipeline, never to a submitter: choosing the best of ten seeds alone turns a
5 % test into a 13–19 % one.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from hokusai_mlflow.attempt import RECIPE_PLAYER, REFERENCE_PLAYER, Attempt
from hokusai_mlflow.cache import Cache, library_versions
from hokusai_mlflow.contributions.dataset import Dataset
from hokusai_mlflow.evidence import digest
from hokusai_mlflow.inputs import TrainingRows
from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.recipe import Recipe, predict

Arm = tuple[Recipe, TrainingRows]
"""A recipe and the rows it is trained on."""


def fold_of_rows(reference: Dataset, *, task: str, folds: int, seed: int) -> np.ndarray:
    """Cut the reference rows into folds of one repeat, whatever order they come in.

    Parameters
    ----------
    reference : Dataset
        The rows.
    task : {"classification", "regression"}
        Classes are spread evenly over the folds.
    folds : int
        How many.
    seed : int
        Of the shuffle; one per repeat.

    Returns
    -------
    ndarray of int, shape (len(reference),)
        Fold of every row.
    """
    from sklearn.model_selection import KFold, StratifiedKFold  # noqa: PLC0415

    kind = StratifiedKFold if task == "classification" else KFold
    cut = kind(n_splits=folds, shuffle=True, random_state=seed)
    # Scores are kept by content: the same rows in another file order must give the same folds.
    order = np.argsort(reference.ids, kind="stable")
    of_rows = np.empty(len(reference), dtype=np.int64)
    for fold, (_, test) in enumerate(cut.split(order, reference.targets[order])):
        of_rows[order[test]] = fold
    return of_rows


def score_folds(
    of: Metric, arm: Arm, reference: Dataset, fold_of: np.ndarray, *, seed: int
) -> np.ndarray:
    """Refit once per fold and score the rows left out.

    Parameters
    ----------
    of : Metric
        What is scored.
    arm : (Recipe, TrainingRows)
        What is refitted, and on which rows beside those left out.
    reference : Dataset
        The rows that are scored, each once.
    fold_of : ndarray of int, shape (len(reference),)
        Fold of every row.
    seed : int
        Passed to the recipe.

    Returns
    -------
    ndarray, shape (folds + 1,)
        Utility (larger is better, differences are improvements) on every fold, and last on all
        rows together.
    """
    recipe, training = arm
    contributed = training.parts
    scores: list[float] = []
    outputs: list[np.ndarray] = []
    order: list[np.ndarray] = []
    for fold in range(int(fold_of.max()) + 1):
        test = np.flatnonzero(fold_of == fold)
        left = reference.take(fold_of == fold)
        kept = training.reference.take(~np.isin(training.reference.ids, left.ids))
        features = pd.concat([kept.features, *(c.features for c in contributed)])
        targets = np.concatenate([kept.targets, *(c.targets for c in contributed)])
        model = recipe.fit(features, targets, seed=seed, on=f"fold {fold + 1}")
        output = predict(model, left.features, of, name="refitted recipe")
        scores.append(of.utility(of.score(left.targets, output)))
        outputs.append(output)
        order.append(test)
    rows = np.concatenate(order)
    together = of.score(reference.targets[rows], np.concatenate(outputs))
    return np.array([*scores, of.utility(together)])


def score_repeat(attempt: Attempt, arm: Arm, repeat: int, folds: int, cache: Cache) -> np.ndarray:
    """`score_folds` of one repeat, kept by content.

    Parameters
    ----------
    attempt : Attempt
        Gives metric, task, seed and the reference rows.
    arm : (Recipe, TrainingRows)
        What is refitted.
    repeat : int
        Which repeat, from 0; it seeds the folds.
    folds : int
        How many folds.
    cache : Cache
        Where results are kept.
    """
    spec = attempt.inputs.spec
    of = attempt.inputs.metric
    reference = attempt.training.reference
    seed = spec.seed + repeat
    key = digest(
        {
            "refit": library_versions(),
            "recipe": arm[0].digest,
            "training": arm[1].digest,
            "reference": reference.digest,
            "metric": [spec.metric, spec.metric_options],
            "task": spec.task,
            "seed": seed,
            "folds": folds,
        }
    )

    def compute() -> np.ndarray:
        fold_of = fold_of_rows(reference, task=spec.task, folds=folds, seed=seed)
        return score_folds(of, arm, reference, fold_of, seed=seed)

    return cache.array(key, compute)


def champion_arm(attempt: Attempt) -> Arm:
    """The champion's recipe on its own training rows."""
    assert attempt.champion is not None, "a first version has nothing to be compared with"
    return attempt.champion.recipe, attempt.champion.training


def candidate_arm(attempt: Attempt) -> Arm:
    """The candidate's recipe on its training rows."""
    return attempt.inputs.recipe, attempt.training


def coalition_arm(attempt: Attempt, coalition: frozenset[str]) -> Arm:
    """The champion with only what some players changed.

    With nobody this is the champion's own refit, with everybody the candidate's.
    """
    recipe, training = champion_arm(attempt)
    if RECIPE_PLAYER in coalition:
        recipe = attempt.inputs.recipe
    if REFERENCE_PLAYER in coalition:
        training = TrainingRows(attempt.training.reference, training.contributed)
    for contribution, check in zip(attempt.inputs.contributions, attempt.checks, strict=True):
        if check.name in coalition:
            training = training.with_rows(check.name, contribution.take(check.accepted))
    return recipe, training
