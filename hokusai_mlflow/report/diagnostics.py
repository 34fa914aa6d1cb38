"""How two models err, in a few hundred numbers: nothing here tells one example from another.

Made once, where the predictions are, and stored beside the evidence; whoever renders a report later
needs no examples.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

MOST_CLASSES = 12
"""Of more classes, the commonest get a row of their own in the confusion matrix."""
MOST_POINTS = 100
BINS = 10
OTHERS = "(others)"
Both = Mapping[str, npt.NDArray[Any]]
"""Champion's and candidate's outputs, under those names."""


def confusion(targets: npt.NDArray[Any], said: Both) -> dict[str, Any]:
    """Confusion matrices of both models.

    Parameters
    ----------
    targets : array, shape (n,)
        True classes.
    said : mapping of str to array, shape (n,)
        Predicted classes.

    Returns
    -------
    dict
        ``labels`` (k), and ``champion`` and ``candidate``: k × k counts, rows are the truth.
    """
    from sklearn.metrics import confusion_matrix  # noqa: PLC0415

    truth = _texts(targets)
    predicted = {who: _texts(values) for who, values in said.items()}
    labels = sorted({*truth, *(label for values in predicted.values() for label in values)})
    labels.sort(key=_by_number)
    if len(labels) > MOST_CLASSES:
        common, counts = np.unique(truth, return_counts=True)
        kept = set(common[np.argsort(-counts, kind="stable")][: MOST_CLASSES - 1].tolist())
        labels = [label for label in labels if label in kept] + [OTHERS]
        truth = np.array([t if t in kept else OTHERS for t in truth])
        predicted = {
            who: np.array([p if p in kept else OTHERS for p in values])
            for who, values in predicted.items()
        }
    return {"labels": labels} | {
        who: confusion_matrix(truth, values, labels=labels).tolist()
        for who, values in predicted.items()
    }


def roc(targets: npt.NDArray[Any], said: Both, classes: tuple[Any, ...]) -> dict[str, Any]:
    """ROC curves: of the last of two classes, or one-vs-rest averaged over several.

    Parameters
    ----------
    targets : array, shape (n,)
        True classes.
    said : mapping of str to array
        Scores of the positive class, shape (n,), or one per class, shape (n, k).
    classes : tuple
        The classes, in the order of the columns.

    Returns
    -------
    dict
        ``of``: what is positive; ``champion`` and ``candidate``: at most 101 points (false positive
        rate, true positive rate) and the ``area`` under all of them.
    """
    from sklearn.metrics import auc, roc_curve  # noqa: PLC0415

    truth = _texts(targets)
    names = [str(label) for label in classes]
    grid = np.linspace(0, 1, MOST_POINTS + 1)
    found: dict[str, Any] = {"of": names[-1] if len(names) == 2 else "every class against the rest"}
    for who, scores in said.items():
        columns = scores[:, None] if scores.ndim == 1 else scores
        positive = names[-1:] if scores.ndim == 1 else names
        rates, areas = [], []
        for label, column in zip(positive, columns.T, strict=True):
            false, true, _ = roc_curve(truth == label, column)
            rates.append(np.interp(grid, false, true))
            areas.append(auc(false, true))
        mean = np.mean(rates, axis=0)
        points = [(0.0, 0.0), *zip(grid.tolist(), mean.tolist(), strict=True)]
        found[who] = {"points": _rounded(points), "area": float(np.mean(areas))}
    return found


def calibration(targets: npt.NDArray[Any], said: Both, classes: tuple[Any, ...]) -> dict[str, Any]:
    """Reliability: how often what was said with some probability was true.

    Of two classes, the probability of the last one; of several, that of the class predicted.

    Returns
    -------
    dict
        ``of``: whose probability; ``champion`` and ``candidate``: ``points`` (mean probability,
        share that was true, examples) in at most ten bins of equal size, and ``error``: the
        expected calibration error over these bins.
    """
    truth = _texts(targets)
    names = np.array([str(label) for label in classes])
    binary = len(names) == 2
    found: dict[str, Any] = {"of": str(names[-1]) if binary else "the class predicted"}
    for who, shares in said.items():
        if shares.ndim == 1:
            chance, happened = shares, truth == names[-1]
        else:
            chance, happened = shares.max(axis=1), truth == names[shares.argmax(axis=1)]
        place = _bins(chance)
        points = [
            (float(chance[place == at].mean()), float(happened[place == at].mean()), int(n))
            for at, n in enumerate(np.bincount(place))
            if n
        ]
        error = sum(n * abs(said_ - true) for said_, true, n in points) / len(chance)
        found[who] = {"points": _rounded(points), "error": error}
    return found


def residuals(targets: npt.NDArray[Any], said: Both) -> dict[str, Any]:
    """Residuals (truth − prediction) by what was predicted, in bins of equal size.

    Returns
    -------
    dict
        ``champion`` and ``candidate``: ``points`` (median prediction, then the residuals' 10 %,
        50 % and 90 % quantile, examples), at most ten.
    """
    truth = np.asarray(targets, dtype=np.float64)
    found: dict[str, Any] = {}
    for who, values in said.items():
        predicted = np.asarray(values, dtype=np.float64)
        place = _bins(predicted)
        points = []
        for at in range(int(place.max()) + 1):
            inside = place == at
            if inside.any():
                left = np.quantile(truth[inside] - predicted[inside], [0.1, 0.5, 0.9])
                points.append((float(np.median(predicted[inside])), *left.tolist(), inside.sum()))
        found[who] = {"points": _rounded(points)}
    return found


def _bins(values: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """A bin for every value: one for each where they are few, else bins of equal size."""
    levels, place = np.unique(values, return_inverse=True)
    if len(levels) <= BINS:
        return place
    edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)))
    return np.searchsorted(edges[1:-1], values, side="right")


def _texts(values: npt.NDArray[Any]) -> npt.NDArray[np.str_]:
    return np.array([str(value) for value in np.asarray(values).tolist()], dtype=np.str_)


def _by_number(label: str) -> tuple[bool, float, str]:
    try:
        return False, float(label), label
    except ValueError:
        return True, 0.0, label


def _rounded(points: list[tuple[Any, ...]]) -> list[list[float]]:
    """As exact as a drawing can be, in few digits."""
    return [[float(f"{float(one):.6g}") for one in point] for point in points]
