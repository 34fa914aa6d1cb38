"""Refitting recipes on folds of the reference data.

Folds are cut from the owner's reference rows only; contributed rows only ever train. Seeds and
folds belong to the pipeline, never to a submitter: choosing the best of ten seeds alone turns a
5 % test into a 13–19 % one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hokusai_mlflow.attempt import Attempt
from hokusai_mlflow.cache import Cache, library_versions
from hokusai_mlflow.contributions.dataset import Dataset
from hokusai_mlflow.evidence import digest
from hokusai_mlflow.folds import Fold, Splitter
from hokusai_mlflow.inputs import TrainingRows
from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.recipe import Recipe, predict

Arm = tuple[Recipe, TrainingRows]
"""A recipe and the rows it is trained on."""


def score_folds(
    of: Metric,
    arm: Arm,
    reference: Dataset,
    folds: Sequence[Fold],
    *,
    seed: int,
    keep_unknown: bool = True,
) -> np.ndarray:
    """Refit once per fold and score the rows left out.

    Parameters
    ----------
    of : Metric
        What is scored.
    arm : (Recipe, TrainingRows)
        What is refitted, and on which rows beside those left out.
    reference : Dataset
        The rows that are scored, each at most once.
    folds : sequence of (train, test)
        Positions in `reference`.
    seed : int
        Passed to the recipe.
    keep_unknown : bool
        Whether to train on the arm's reference rows that `reference` does not have.

    Returns
    -------
    ndarray, shape (folds + 1,)
        Utility (larger is better, differences are improvements) on every fold, and last on all
        tested rows together.
    """
    recipe, training = arm
    contributed = training.parts
    own = training.reference
    unknown = ~np.isin(own.ids, reference.ids) & keep_unknown
    scores: list[float] = []
    outputs: list[np.ndarray] = []
    for number, (train, test) in enumerate(folds, start=1):
        left = reference.take(test)
        kept = own.take(np.isin(own.ids, reference.ids[train]) | unknown)
        features = pd.concat([kept.features, *(c.features for c in contributed)])
        targets = np.concatenate([kept.targets, *(c.targets for c in contributed)])
        model = recipe.fit(features, targets, seed=seed, on=f"fold {number}")
        output = predict(model, left.features, of, name="refitted recipe", targets=left.targets)
        scores.append(of.utility(of.score(left.targets, output)))
        outputs.append(output)
    tested = np.concatenate([test for _, test in folds])
    together = of.score(reference.targets[tested], np.concatenate(outputs))
    return np.array([*scores, of.utility(together)])


def score_repeat(
    attempt: Attempt, arm: Arm, repeat: int, splitter: Splitter, cache: Cache
) -> np.ndarray:
    """`score_folds` of one repeat, kept by content.

    Parameters
    ----------
    attempt : Attempt
        Gives metric, seed and the reference rows.
    arm : (Recipe, TrainingRows)
        What is refitted.
    repeat : int
        Which repeat, from 0; it seeds the folds.
    splitter : Splitter
        How the folds are cut.
    cache : Cache
        Where results are kept.
    """
    spec = attempt.inputs.spec
    reference = attempt.training.reference
    seed = spec.seed + repeat
    folds = splitter.cut(reference, seed=seed)
    key = digest(
        {
            "refit": library_versions(),
            "recipe": arm[0].digest,
            "training": arm[1].digest,
            "reference": reference.digest,
            "metric": list(spec.automatic_metric),
            "seed": seed,
            # Not the splitter's name: code of one's own may change behind it.
            "folds": [[_ids(reference, side) for side in fold] for fold in folds],
            "keep_unknown": not splitter.structured,
        }
    )
    return cache.array(
        key,
        lambda: score_folds(
            attempt.inputs.automatic_metric,
            arm,
            reference,
            folds,
            seed=seed,
            keep_unknown=not splitter.structured,
        ),
    )


def _ids(rows: Dataset, which: np.ndarray) -> str:
    return digest(sorted(rows.ids[which].tolist()))


def mean_sizes(attempt: Attempt) -> tuple[float, float]:
    """Mean number of reference rows that a fold tests, and that it trains on.

    Only reference rows are resampled; contributed rows are in every training set alike, so that
    counting them would promise more information than the reference rows hold.
    """
    splitter, spec = attempt.inputs.splitter, attempt.inputs.spec
    folds = splitter.cut(attempt.training.reference, seed=spec.seed)
    train, test = np.mean([[len(side) for side in fold] for fold in folds], axis=0)
    return float(test), float(train)


def validation_seeds(seed: int, count: int) -> tuple[int, ...]:
    """Seeds of validation runs: derived from the pipeline's, so that no submitter chooses them."""
    return tuple(
        int(digest({"validation run": [seed, run]})[:8], 16) % 2**31 for run in range(count)
    )


def score_on_holdout(attempt: Attempt, arm: Arm, seed: int, cache: Cache) -> np.ndarray:
    """Utility on the sealed hold-out of an arm fitted with another seed, kept by content.

    Returns
    -------
    ndarray, shape (1,)
        Larger is better; the difference of two arms is an improvement.
    """
    spec, of = attempt.inputs.spec, attempt.inputs.automatic_metric
    rows = attempt.inputs.part(attempt.holdout)
    key = digest(
        {
            "validation": library_versions(),
            "recipe": arm[0].digest,
            "training": arm[1].digest,
            "holdout": rows.digest,
            "metric": list(spec.automatic_metric),
            "seed": seed,
        }
    )

    def compute() -> np.ndarray:
        recipe, training = arm
        everything = training.everything
        model = recipe.fit(
            everything.features, everything.targets, seed=seed, on="the training rows"
        )
        output = predict(model, rows.features, of, name="refitted recipe", targets=rows.targets)
        return np.array([of.utility(of.score(rows.targets, output))])

    return cache.array(key, compute)


def champion_arm(attempt: Attempt) -> Arm:
    """The champion's recipe on its own training rows."""
    assert attempt.champion is not None, "a first version has nothing to be compared with"
    return attempt.champion.recipe, attempt.champion.training


def candidate_arm(attempt: Attempt) -> Arm:
    """The candidate's recipe on its training rows."""
    return attempt.inputs.recipe, attempt.training
