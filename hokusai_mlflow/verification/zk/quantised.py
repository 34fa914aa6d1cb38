"""Classifiers in whole numbers: exported from scikit-learn, exact, and small enough to prove.

Features are rounded to a grid of 2^f steps between the least and greatest value that were seen,
weights to 16 bits. A layer is z = W·x + v; between layers, max(z, 0) is shifted right by a fixed
number of bits. The predicted class is that of the greatest score, the first of equal ones; with a
single score, class 1 where it exceeds 0. It is this model, not the float one, whose predictions
are committed to and proven.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError

Whole = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

FEATURE_BITS = 12
WEIGHT_BITS = 16
BIAS_BITS = 40
SHIFT = 14
"""Bits dropped between layers."""

KINDS = frozenset(
    {
        "LinearDiscriminantAnalysis",
        "LinearSVC",
        "LogisticRegression",
        "LogisticRegressionCV",
        "MLPClassifier",
        "PassiveAggressiveClassifier",
        "Perceptron",
        "RidgeClassifier",
        "RidgeClassifierCV",
        "SGDClassifier",
    }
)
"""Estimators that are linear, or networks, once they are fitted."""

LEAST_AGREEMENT = 0.99
MOST_WEIGHTS = 4_096


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a network: `inputs`, and the width of each layer, the last of scores."""

    inputs: int
    layers: tuple[int, ...]

    @property
    def name(self) -> str:
        """``30x16x2`` and the like."""
        return "x".join(map(str, (self.inputs, *self.layers)))

    @classmethod
    def named(cls, name: str) -> Shape:
        """The shape of a name.

        Raises
        ------
        InputError
            When it names none.
        """
        try:
            inputs, *layers = (int(size) for size in name.split("x"))
        except ValueError:
            raise InputError(f"{name!r} is no shape; expected sizes such as 30x16x2") from None
        if not layers or min(inputs, *layers) < 1:
            raise InputError(f"{name!r} is no shape; expected sizes such as 30x16x2")
        return cls(inputs, tuple(layers))

    @property
    def weights(self) -> int:
        """Number of weights, biases not counted."""
        sizes = (self.inputs, *self.layers)
        return sum(a * b for a, b in pairwise(sizes))

    def score_bits(self) -> list[int]:
        """Bits L of each layer such that |z| < 2^{L−1} whatever weights and features are."""
        found, size, width = [], self.inputs, FEATURE_BITS
        for layer in self.layers:
            bound = size * (1 << WEIGHT_BITS - 1) * ((1 << width) - 1) + (1 << BIAS_BITS - 1)
            found.append(bound.bit_length() + 1)
            size, width = layer, found[-1] - 1 - SHIFT
        return found


@dataclass(frozen=True, slots=True)
class QuantisedModel:
    """A classifier in whole numbers.

    Parameters
    ----------
    weights : sequence of array of int, shape (outputs, inputs)
        Per layer; each in −2¹⁵ … 2¹⁵ − 1.
    biases : sequence of array of int, shape (outputs,)
    low, step : array of float, shape (inputs,)
        Grid of the features: value = low + step·code.
    classes : sequence
        Labels by code.
    agreement : float
        Share of the rows it was compared on where it predicts what the float model does.
    compared : int
        How many these were.
    """

    weights: tuple[Whole, ...] = field(repr=False)
    biases: tuple[Whole, ...] = field(repr=False)
    low: Floats = field(repr=False)
    step: Floats = field(repr=False)
    classes: tuple[Any, ...]
    agreement: float = 0.0
    compared: int = 0

    @property
    def shape(self) -> Shape:
        """Sizes of the network."""
        return Shape(self.weights[0].shape[1], tuple(len(bias) for bias in self.biases))

    def codes(self, features: npt.ArrayLike) -> Whole:
        """Features on the grid, 0 … 2^f − 1, clipped at its ends; shape (n, inputs)."""
        x = np.asarray(features, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != len(self.low) or not np.isfinite(x).all():
            raise InputError(
                f"expected finite features of shape (n, {len(self.low)}), found {x.shape}"
            )
        return np.clip(np.rint((x - self.low) / self.step), 0, (1 << FEATURE_BITS) - 1).astype(
            np.int64
        )

    def scores(self, codes: Whole) -> npt.NDArray[np.object_]:
        """Scores of rows on the grid, in Python's integers; shape (n, outputs)."""
        now = codes.astype(object)
        for at, (weights, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            now = now @ weights.T.astype(object) + bias.astype(object)
            if at < len(self.biases) - 1:
                now = np.maximum(now, 0) // (1 << SHIFT)
        return now

    def predict(self, features: npt.ArrayLike) -> Whole:
        """Codes of the predicted classes, shape (n,)."""
        scores = self.scores(self.codes(features))
        if scores.shape[1] == 1:
            return (scores[:, 0] > 0).astype(np.int64)
        return np.array([int(np.argmax(row)) for row in scores.tolist()], dtype=np.int64)

    def to_dict(self) -> dict[str, Any]:
        """What may be told of it: sizes, and how far it agrees; no weights."""
        return {
            "shape": self.shape.name,
            "classes": list(self.classes),
            "agreement": self.agreement,
            "compared": self.compared,
        }


@dataclass(frozen=True, slots=True)
class QuantisedClassifier:
    """A quantised model with scikit-learn's interface, for a recipe to return.

    What is compared, committed to and paid for are then the predictions that can be proven.
    """

    model: QuantisedModel

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """Labels in the order of their codes."""
        return np.asarray(self.model.classes)

    def predict(self, features: npt.ArrayLike) -> npt.NDArray[Any]:
        """Predicted labels, shape (n,)."""
        return self.classes_[self.model.predict(features)]


def quantise(
    model: Any,
    features: npt.ArrayLike,
    *,
    like: QuantisedModel | None = None,
    margin: float = 0.0,
    least_agreement: float = LEAST_AGREEMENT,
) -> QuantisedModel:
    """A scikit-learn classifier in whole numbers, compared with the float one.

    Parameters
    ----------
    model : estimator
        A fitted linear classifier (LogisticRegression, LinearSVC, RidgeClassifier, Perceptron,
        SGDClassifier), an MLPClassifier with ReLU, or a Pipeline of scalers and one of these.
    features : array_like, shape (n, inputs)
        Rows that set the grid and on which both are compared.
    like : QuantisedModel, optional
        Whose grid is taken over, so that both models are proven on the same committed features.
    margin : float
        How far a new grid reaches beyond the rows on either side, as a share of their range.
    least_agreement : float
        Share of rows on which both must predict the same.

    Returns
    -------
    QuantisedModel

    Raises
    ------
    InputError
        For a model of another kind, too large to prove, or that whole numbers do not follow.
    """
    try:
        x = np.asarray(features, dtype=np.float64)
    except (TypeError, ValueError) as problem:
        raise InputError(f"only numbers can be features that are proven: {problem}") from None
    factor, shift, final = _affine(model, x.shape[1])
    layers, classes = _layers(final)
    low, step = _grid(x, margin) if like is None else (like.low, like.step)
    if len(low) != x.shape[1]:
        raise InputError(f"the champion takes {len(low)} features, the candidate {x.shape[1]}")
    # The first layer takes codes: x = low + step·code, after the scalers' factor·x + shift.
    first, bias = layers[0]
    bias = bias + first @ (factor * low + shift)
    layers[0] = (first * (factor * step), bias)
    weights, biases, unit = [], [], 1.0
    for at, (matrix, offset) in enumerate(layers):
        greatest = np.abs(matrix).max() or 1.0
        scale = ((1 << WEIGHT_BITS - 1) - 1) / greatest
        weights.append(np.rint(matrix * scale).astype(np.int64))
        unit *= scale
        rounded = np.rint(offset * unit)
        if np.abs(rounded).max() >= 1 << BIAS_BITS - 1:
            raise InputError(
                f"the bias of layer {at + 1} is too large beside its weights for "
                f"{BIAS_BITS} bits; scale the features"
            )
        biases.append(rounded.astype(np.int64))
        unit /= 1 << SHIFT
    made = QuantisedModel(tuple(weights), tuple(biases), low, step, classes)
    if made.shape.weights > MOST_WEIGHTS:
        raise InputError(
            f"{made.shape.weights:,} weights are too many to prove; at most {MOST_WEIGHTS:,}"
        )
    same = np.asarray(classes)[made.predict(x)] == model.predict(features)
    agreement = float(np.mean(same))
    if agreement < least_agreement:
        raise InputError(
            f"in whole numbers the model predicts otherwise on {np.sum(~same):,} of {len(x):,} "
            f"rows (agreement {agreement:.2%}, expected at least {least_agreement:.2%}); scale "
            "the features, or clip outliers, which stretch their grid"
        )
    return QuantisedModel(made.weights, made.biases, low, step, classes, agreement, len(x))


def require_kind(model: Any) -> None:
    """Refuse an estimator that `quantise` will not take once it is fitted, before it is.

    Raises
    ------
    InputError
        Names the kind.
    """
    final = model.steps[-1][1] if hasattr(model, "steps") else model
    if type(final).__name__ not in KINDS:
        raise InputError(
            f"cannot prove {type(final).__name__}; expected a linear classifier or a ReLU network "
            f"of scikit-learn ({', '.join(sorted(KINDS))}), or a Pipeline of scalers and one"
        )


def _grid(x: Floats, margin: float) -> tuple[Floats, Floats]:
    low, high = x.min(axis=0), x.max(axis=0)
    reach = np.where(high > low, high - low, np.maximum(np.abs(low), 1.0))
    return low - margin * reach, (1 + 2 * margin) * reach / ((1 << FEATURE_BITS) - 1)


def _affine(model: Any, inputs: int) -> tuple[Floats, Floats, Any]:
    """Factor and shift of a pipeline's scalers, and its last step."""
    factor, shift = np.ones(inputs), np.zeros(inputs)
    steps = [step for _, step in getattr(model, "steps", [(None, model)])]
    for step in steps[:-1]:
        name = type(step).__name__
        if name == "StandardScaler":
            mean = step.mean_ if step.mean_ is not None else np.zeros(inputs)
            scale = step.scale_ if step.scale_ is not None else np.ones(inputs)
            factor, shift = factor / scale, (shift - mean) / scale
        elif name == "MinMaxScaler" and not step.clip:
            factor, shift = factor * step.scale_, shift * step.scale_ + step.min_
        elif step != "passthrough":
            raise InputError(f"cannot prove the step {name}; expected scalers before the model")
    return factor, shift, steps[-1]


def _layers(model: Any) -> tuple[list[tuple[Floats, Floats]], tuple[Any, ...]]:
    name = type(model).__name__
    if not hasattr(model, "classes_"):
        raise InputError(f"cannot prove {name}; expected a fitted classifier")
    classes = tuple(np.asarray(model.classes_).tolist())
    if hasattr(model, "coefs_"):
        if model.activation != "relu":
            raise InputError(f"cannot prove the activation {model.activation!r}; expected 'relu'")
        pairs = zip(model.coefs_, model.intercepts_, strict=True)
        return [(np.asarray(w).T, np.asarray(b)) for w, b in pairs], classes
    if hasattr(model, "coef_") and hasattr(model, "intercept_"):
        weights = np.atleast_2d(np.asarray(model.coef_, dtype=np.float64))
        bias = np.broadcast_to(np.atleast_1d(model.intercept_), (len(weights),))
        return [(weights, np.asarray(bias, dtype=np.float64))], classes
    raise InputError(f"cannot prove {name}; expected a linear classifier or a ReLU network")


def flat_weights(model: QuantisedModel) -> tuple[Sequence[int], Sequence[int]]:
    """All weights, then all biases, layer by layer and row by row."""
    return (
        [int(w) for matrix in model.weights for w in matrix.ravel()],
        [int(v) for bias in model.biases for v in bias],
    )
