"""What models say of examples, in the form that a metric needs."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from hokusai_mlflow.errors import InputError, RecipeError
from hokusai_mlflow.metrics.base import Metric
from hokusai_mlflow.metrics.inputs import as_label
from hokusai_mlflow.metrics.likelihood import LOG_LIKELIHOODS, TOKENIZER

_quieting = threading.Lock()
_quiet_now: list[Any] = []


def _say_nothing(*_: Any, **__: Any) -> None:
    pass


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings: convergence and dtype notes of refits are the recipe author's matter.

    Filters belong to the process, refits to threads: the first one in silences, the last one out
    restores, or threads would restore each other's filters in the wrong order.
    """
    with _quieting:
        if not _quiet_now:
            saved = warnings.catch_warnings()
            saved.__enter__()
            warnings.simplefilter("ignore")
            # scikit-learn resets the filters for moments, for every thread.
            warnings.showwarning = _say_nothing
            _quiet_now.append(saved)
        _quiet_now.append(None)
    try:
        yield
    finally:
        with _quieting:
            _quiet_now.pop()
            if len(_quiet_now) == 1:
                _quiet_now.pop().__exit__(None, None, None)


def predict(
    model: Any,
    features: pd.DataFrame,
    metric: Metric,
    *,
    name: str,
    targets: Sequence[Any] | np.ndarray | None = None,
) -> np.ndarray:
    """A model's output on every example, in the form that a metric needs.

    Parameters
    ----------
    model : estimator
        Fitted, with scikit-learn's interface.
    features : DataFrame, n rows
        The examples.
    metric : Metric
        Decides between predicted labels, values or texts (`predict`), the positive class' score
        (`predict_proba`, else `decision_function`), a score per class, in order of the classes, and
        the log-likelihoods of texts (`log_likelihoods`, see `_log_likelihoods`).
    name : str
        The model, for error messages.
    targets : sequence of str, optional
        The texts that a language model is to score.

    Returns
    -------
    ndarray, shape (n,), or (n, K) for a score per class
        One output per example, in the order given.

    Raises
    ------
    RecipeError
        When the model fails on these rows.
    InputError
        When it returns another number of outputs than there are rows.
    """
    try:
        with quiet():
            if metric.output == "score":
                output = _score(model, features, metric)
            elif metric.output == "scores":
                output = _scores(model, features, metric)
            elif metric.output == "loglik" and hasattr(model, "log_likelihoods"):
                output = _log_likelihoods(model, targets)
            else:
                output = _one_column(model.predict(features))
    except Exception as problem:
        raise RecipeError(
            f"the {name} could not predict {len(features):,} rows: "
            f"{type(problem).__name__}: {problem}"
        ) from problem
    expected = 2 if metric.output == "scores" else 1
    if output.ndim != expected or len(output) != len(features):
        raise InputError(
            f"the {name} returned predictions of shape {output.shape} for {len(features):,} rows; "
            "expected one per row"
        )
    return output


def _score(model: Any, features: pd.DataFrame, metric: Metric) -> np.ndarray:
    """How far each example leans to the metric's positive class."""
    # A model without `classes_` gives its columns in the order of the sorted labels.
    labels = getattr(model, "classes_", getattr(metric, "classes", ()))
    classes = [as_label("class of the model", label) for label in labels]
    positive = getattr(metric, "positive", classes[-1])
    if hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(features))[:, classes.index(positive)]
    scores = np.asarray(model.decision_function(features))
    # One number per example leans to the last class.
    return scores if classes.index(positive) == len(classes) - 1 else -scores


def _scores(model: Any, features: pd.DataFrame, metric: Metric) -> np.ndarray:
    """A score per class, columns in the sorted order of the metric's classes."""
    ask = model.predict_proba if hasattr(model, "predict_proba") else model.decision_function
    scores = np.asarray(ask(features))
    labels = getattr(model, "classes_", None)
    if labels is None:
        return scores
    known = [as_label("class of the model", label) for label in labels]
    wanted = getattr(metric, "classes", None) or sorted(known, key=str)
    if missing := [label for label in wanted if label not in known]:
        raise InputError(f"the model knows no class {missing[0]!r}; it knows {known}")
    return scores[:, [known.index(label) for label in wanted]]


def _log_likelihoods(model: Any, texts: Sequence[Any] | np.ndarray | None) -> np.ndarray:
    """What a language model says of texts, one mapping per text.

    The model has ``log_likelihoods(texts)``, which gives for every text an array with the natural
    logarithm of each of its tokens' probability given those before it, and ``tokenizer_id``, a text
    that is the same for two models exactly when they cut all texts into the same tokens.
    """
    if texts is None:
        raise InputError("there are no texts to score; give them as targets")
    tokenizer = getattr(model, "tokenizer_id", None)
    if not isinstance(tokenizer, str) or not tokenizer:
        raise InputError(
            f"expected the model's tokenizer_id to be a text that identifies its tokeniser, found "
            f"{tokenizer!r}"
        )
    said = list(model.log_likelihoods([str(text) for text in texts]))
    held = np.empty(len(said), dtype=object)
    held[:] = [
        {TOKENIZER: tokenizer, LOG_LIKELIHOODS: np.asarray(one, dtype=np.float64)} for one in said
    ]
    return held


def _one_column(said: Any) -> np.ndarray:
    """Predictions as one array, whatever a model returns them in."""
    if isinstance(said, pd.DataFrame):
        if said.shape[1] != 1:
            raise InputError(
                f"the model returned the columns {list(said.columns)}; expected one, so wrap the "
                "model to return what is compared"
            )
        said = said.iloc[:, 0]
    if isinstance(said, list) and said and isinstance(said[0], (list, tuple, np.ndarray)):
        # Sequences per example, such as the log-likelihoods of tokens.
        held = np.empty(len(said), dtype=object)
        held[:] = [list(one) for one in said]
        return held
    return np.asarray(said)
