"""Kinds of task: what each asks of data, metrics and the gate, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from hokusai_mlflow.errors import InputError, UnknownName, did_you_mean
from hokusai_mlflow.metrics import Metric

TaskName = Literal["classification", "regression", "language_model", "text_generation", "human"]
Kind = Literal["class", "number", "text"]


@dataclass(frozen=True)
class Task:
    """A kind of task.

    Attributes
    ----------
    name : str
        As a spec names it.
    metric : str
        What is paid when the spec names no metric.
    targets : {"class", "number", "text"}
        What a target is.
    outputs : tuple of str
        Kinds of output (see `Metric.output`) by which a machine can score its models.
    by_people : bool
        Whether the paid metric is given by people, so that refits are scored by a proxy.
    scores_targets : bool
        Whether a model scores the targets themselves and needs no features.
    gate : mapping of str to int
        What differs from `GatePolicy`'s defaults.
    libraries : tuple of str
        Distributions whose versions bear on its scores; in the evidence where they are installed.
    """

    name: TaskName
    metric: str
    targets: Kind
    outputs: tuple[str, ...]
    by_people: bool = False
    scores_targets: bool = False
    gate: Mapping[str, int] = field(default_factory=dict)
    libraries: tuple[str, ...] = ()

    @property
    def stratified(self) -> bool:
        """Whether folds are spread over the targets' values."""
        return self.targets == "class"

    def require_paid(self, metric: Metric) -> None:
        """Check that a metric can be what is paid.

        Raises
        ------
        InputError
            When people give its scores and not the task's, the other way round, or models of the
            task give no such output.
        """
        if metric.by_people and not self.by_people:
            raise InputError(
                f"people give the scores of {metric.name}: use task: human, or a metric that is "
                f"computed, such as {self.metric}"
            )
        if not self.by_people:
            self.require_automatic(metric)
        elif not metric.by_people:
            raise InputError(
                f"task: human pays what people say, and {metric.name} is computed: use a metric "
                f"of ratings such as {self.metric}, or another task"
            )

    def require_automatic(self, metric: Metric) -> None:
        """Check that a machine can compute a metric of the task's models.

        Raises
        ------
        InputError
            When it cannot.
        """
        if metric.by_people:
            raise InputError(f"people give the scores of {metric.name}; name one that is computed")
        if metric.output not in self.outputs:
            raise InputError(
                f"task: {self.name} has models whose output is one of {', '.join(self.outputs)}; "
                f"{metric.name} needs {metric.output}"
            )


_TEXT = ("sacrebleu", "rouge-score", "nltk")

TASKS: Mapping[str, Task] = {
    task.name: task
    for task in (
        # What `predict` says may be a number that stands for a class: output "value" belongs.
        Task("classification", "accuracy", "class", ("label", "score", "scores", "value")),
        Task(
            "regression",
            "rmse",
            "number",
            ("value",),
            # Ratios of losses and ratings vary more.
            gate={"min_improvement_bps": 20, "detectable_bps": 500, "slice_margin_bps": 500},
        ),
        Task(
            "language_model",
            "perplexity",
            "text",
            ("loglik",),
            scores_targets=True,
            gate={"min_improvement_bps": 20, "slice_margin_bps": 200},
            libraries=("torch", "transformers"),
        ),
        Task(
            "text_generation",
            "bleu",
            "text",
            ("text",),
            gate={"min_improvement_bps": 20, "slice_margin_bps": 200},
            libraries=_TEXT,
        ),
        Task(
            "human",
            "human_score",
            "text",
            ("text",),
            by_people=True,
            gate={"min_improvement_bps": 50, "detectable_bps": 500, "slice_margin_bps": 500},
            libraries=_TEXT,
        ),
    )
}
"""By name."""

assert tuple(TASKS) == get_args(TaskName)


def task(name: str) -> Task:
    """The task of that name.

    Raises
    ------
    UnknownName
        When there is none.
    """
    if name not in TASKS:
        raise UnknownName(f"unknown task {name!r}{did_you_mean(name, TASKS)}")
    return TASKS[name]
