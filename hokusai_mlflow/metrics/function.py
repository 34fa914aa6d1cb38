"""A metric of one's own from a function that scores every example."""

from __future__ import annotations

import hashlib
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.metrics.base import Direction, Metric, Output, Scale, columns
from hokusai_mlflow.metrics.inputs import (
    Floats,
    Targets,
    as_labels,
    as_numbers,
    as_vector,
    require_pairs,
)
from hokusai_mlflow.metrics.mean import MeanMetric
from hokusai_mlflow.metrics.options import require_boolean, require_one_of
from hokusai_mlflow.metrics.texts import as_references, as_texts, require_one_text_each

ScoreFunction = Callable[[Any, Any], npt.ArrayLike]


def score_metric(
    name: str,
    function: ScoreFunction,
    *,
    direction: Direction = "higher",
    scale: Scale = "absolute",
    output: Output = "value",
    needs_targets: bool = True,
    version: str | None = None,
) -> Metric:
    """Metric whose value is the mean of a function's score per example.

    Parameters
    ----------
    name : str
        What it is called.
    function : callable
        From targets and output to a score per example, ``(targets, output) -> shape (n,)``. It sees
        them checked: labels and numbers as arrays without missing values, texts as lists (of
        reference tuples and strings). An example's score may depend on that example alone.
    direction : {"higher", "lower"}
        Which way is better.
    scale : {"absolute", "log_ratio"}
        Unit of an improvement: difference of means, or ln(baseline / candidate).
    output : {"label", "score", "value", "text", "scores", "loglik"}
        What the model gives; see `Metric`. The last two are passed on as they are.
    needs_targets : bool
        Whether there are targets; else the function is given None.
    version : str, optional
        What identifies the function's code in evidence. The SHA-256 of its source when not given;
        that covers neither what it calls nor what it closes over.

    Raises
    ------
    InputError
        When an option does not fit, or the function cannot be identified.

    Examples
    --------
    >>> def exact(targets, output):
    ...     return [said in allowed for allowed, said in zip(targets, output, strict=True)]
    >>> exact_match = score_metric("exact_match", exact, output="text", version="1")
    >>> exact_match.score(["a", ["b", "c"]], ["a", "c"])
    1.0
    """
    if not (isinstance(name, str) and name.isprintable() and name.strip()):
        raise InputError(f"expected the name of the metric, found {name!r}")
    require_one_of(name, "direction", direction, get_args(Direction))
    require_one_of(name, "scale", scale, get_args(Scale))
    require_one_of(name, "output", output, get_args(Output))
    require_boolean(name, "needs_targets", needs_targets)
    path, code = identity(name, function, version)
    return FunctionMetric(
        given_name=name,
        path=path,
        code=code,
        function=function,
        better=direction,
        unit=scale,
        reads=output,
        with_targets=needs_targets,
    )


@dataclass(frozen=True, kw_only=True)
class FunctionMetric(MeanMetric):
    """What `score_metric` makes."""

    given_name: str
    path: str
    code: str
    function: ScoreFunction
    better: Direction
    unit: Scale
    reads: Output
    with_targets: bool

    def __post_init__(self) -> None:
        # What classes declare for built-in metrics is told here by the user.
        told = {
            "name": self.given_name,
            "direction": self.better,
            "scale": self.unit,
            "output": self.reads,
            "needs_targets": self.with_targets,
        }
        for attribute, value in told.items():
            object.__setattr__(self, attribute, value)

    def options(self) -> dict[str, Any]:
        """What identifies the function, and how its scores are read; JSON-safe."""
        return {
            "function": self.path,
            "code": self.code,
            "direction": self.better,
            "scale": self.unit,
        }

    def statistics(self, targets: Targets, output: npt.ArrayLike) -> Floats:
        """Score and 1, shape (n, 2)."""
        truth, said = self._checked(targets, output)
        told = as_vector(f"scores of {self.name}", self.function(truth, said))
        scores = as_numbers(f"scores of {self.name}", told)
        if len(scores) != len(said):
            raise InputError(
                f"{self.name}: expected a score for each of {len(said)} examples, "
                f"found {len(scores)}"
            )
        return columns(scores, np.ones(len(scores)))

    def _checked(self, targets: Targets, output: Any) -> tuple[Any, Any]:
        if self.reads == "text":
            texts = as_texts("hypotheses", output)
            if not self.with_targets:
                return None, texts
            references = as_references("references", targets)
            require_one_text_each(references, texts)
            return references, texts
        if self.reads in ("scores", "loglik"):
            return (targets if self.with_targets else None), output
        said = as_labels("predictions", output) if self.reads == "label" else None
        said = as_numbers("predictions", output) if said is None else said
        if not self.with_targets:
            return None, said
        read = as_numbers if self.reads == "value" else as_labels
        truth = read("targets", targets)
        require_pairs(truth, said, labels=self.reads == "label")
        return truth, said


def identity(metric: str, function: object, version: str | None) -> tuple[str, str]:
    """Import path and code of a function, for the evidence.

    Raises
    ------
    InputError
        When it has none, or depends on more than its source without a version.
    """
    path = getattr(function, "__qualname__", None)
    if not callable(function) or path is None:
        raise InputError(f"{metric}: expected a function, found {function!r}; wrap it in a def")
    path = f"{getattr(function, '__module__', '?')}:{path}"
    if version is not None:
        if not (isinstance(version, str) and version):
            raise InputError(f"{metric}: expected the version to be a string, found {version!r}")
        return path, version
    if getattr(function, "__closure__", None):
        raise InputError(
            f"{metric}: {path} closes over variables, which its source does not tell; "
            "pass version=..., to be changed with them"
        )
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError) as error:
        raise InputError(
            f"{metric}: the source of {path} is not known; pass version=..."
        ) from error
    digest = hashlib.sha256(textwrap.dedent(source).encode()).hexdigest()
    return path, f"sha256:{digest[:16]}"
