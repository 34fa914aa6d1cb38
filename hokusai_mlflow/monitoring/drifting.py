"""Which drift a column can have, and a classifier that looks at all of them together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hokusai_mlflow.contributions.dataset import is_numeric
from hokusai_mlflow.predicting import quiet
from hokusai_mlflow.stats.drift import Drift, category_drift, number_drift, rows_drift
from hokusai_mlflow.stats.text_drift import text_drift

MOST_CATEGORIES = 50
"""A column of text with more different values than that is text, not a category."""
MISSING, OTHER = "(missing)", "(new)"
FOLDS = 5
MOST_ROWS = 5_000
"""Rows of either side that the classifier sees at most."""


def measure_drift(
    reference: pd.DataFrame, fresh: pd.DataFrame, *, level: float, seed: int
) -> tuple[Drift, ...]:
    """Drift of every feature and of all together, largest lower end first.

    Parameters
    ----------
    reference, fresh : DataFrame
        The same columns; independent rows.
    level : float
        Chance that any of the intervals misses (Bonferroni over features).
    seed : int
        Of the classifier's folds.
    """
    share = level / (reference.shape[1] + 1)
    found: list[Drift] = []
    for name in reference.columns:
        found += _column(str(name), reference[name], fresh[name], share)
    if min(len(reference), len(fresh)) >= 2 * FOLDS:
        found.append(together(reference, fresh, level=share, seed=seed))
    return tuple(sorted(found, key=lambda one: (-one.low, -one.effect)))


def _column(name: str, before: pd.Series, now: pd.Series, level: float) -> Sequence[Drift]:
    if is_numeric(before):
        return [number_drift(name, _numbers(before), _numbers(now), level=level)]
    said, says = _texts(before), _texts(now)
    if len(set(said)) > MOST_CATEGORIES:
        return text_drift(name, said, says, level=level)
    known = set(said)
    kept = [one if one in known else OTHER for one in (text or MISSING for text in says)]
    return [category_drift(name, [text or MISSING for text in said], kept, level=level)]


def together(reference: pd.DataFrame, fresh: pd.DataFrame, *, level: float, seed: int) -> Drift:
    """How well gradient boosting tells fresh rows from the reference, out of fold.

    Parameters
    ----------
    reference, fresh : DataFrame
    level : float
        Chance that the interval misses.
    seed : int
        Of folds, and of the rows that are drawn where there are more than `MOST_ROWS`.
    """
    # With its one user: scikit-learn takes a second to import.
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415
    from sklearn.model_selection import StratifiedKFold, cross_val_predict  # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    sides = [
        one.sample(min(len(one), MOST_ROWS), random_state=seed).reset_index(drop=True)
        for one in (reference, fresh)
    ]
    rows = pd.concat([_coded(sides[0], sides[0]), _coded(sides[1], sides[0])], ignore_index=True)
    truth = np.repeat([0, 1], [len(one) for one in sides])
    model = HistGradientBoostingClassifier(
        max_iter=20, max_leaf_nodes=8, learning_rate=0.2, random_state=seed
    )
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    # Threads of so small a fit only wait for each other.
    with quiet(), threadpool_limits(1, user_api="openmp"):
        said = cross_val_predict(model, rows.to_numpy(), truth, cv=folds, method="predict_proba")[
            :, 1
        ]
    return rows_drift(said[truth == 0], said[truth == 1], level=level)


def _coded(rows: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Numbers as they are; categories by frequency in the reference; of text its length."""
    coded = {}
    for name in known.columns:
        if is_numeric(known[name]):
            coded[name] = _numbers(rows[name])
            continue
        said, says = _texts(known[name]), _texts(rows[name])
        if len(set(said)) > MOST_CATEGORIES:
            coded[name] = np.array([float(len(text)) for text in says])
        else:
            order = pd.Series(said).value_counts(normalize=True)
            coded[name] = pd.Series(says).map(order).fillna(-1.0).to_numpy(dtype=np.float64)
    return pd.DataFrame(coded)


def _numbers(column: pd.Series) -> np.ndarray:
    return pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)


def _texts(column: pd.Series) -> list[str]:
    return [
        "" if missing else str(text) for text, missing in zip(column, column.isna(), strict=True)
    ]
