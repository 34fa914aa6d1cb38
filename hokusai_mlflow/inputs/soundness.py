"""Whether inputs suffice for everything that a run does with them, before anything is changed."""

from __future__ import annotations

import numpy as np

from hokusai_mlflow.contributions.dataset import Dataset
from hokusai_mlflow.errors import InputError, MetricUndefined
from hokusai_mlflow.inputs.inputs import PAYMENT, REFERENCE, Inputs

MOST_VALUES = 200
"""A column of blocks or slices with more values names no structure; it needs to be binned."""


def require_sound(inputs: Inputs) -> None:
    """Check that parts and classes exist, targets are of the task's kind, and folds can be cut.

    Raises
    ------
    InputError
        Says what is missing, and what to do.
    """
    names, counts = np.unique(inputs.parts, return_counts=True)
    sizes = dict(zip(names.tolist(), counts.tolist(), strict=True))
    wanted = [REFERENCE, *(f"holdout-{k + 1}" for k in range(inputs.spec.data.split.holdouts))]
    if inputs.spec.pay == "fresh":
        wanted.append(PAYMENT)
    empty = [name for name in wanted if not sizes.get(name)]
    if empty:
        raise InputError(
            f"no pool examples fall into {', '.join(empty)} (pool of {len(inputs.pool):,}); "
            "bring more examples or change data.split"
        )
    _check_kinds(inputs)
    for name in wanted:
        _check_scorable(inputs, name)
    _check_metadata(inputs)
    reference = inputs.part(REFERENCE)
    if inputs.spec.kind.targets == "class":
        classes, sizes_ = np.unique(reference.targets.astype(str), return_counts=True)
        folds = inputs.spec.valuation.folds
        if "stratified" in inputs.spec.splitter:
            folds = max(folds, inputs.spec.cross_validation.folds)
        if len(classes) < 2:
            raise InputError(
                f"the reference part has one class only ({classes[0]}); "
                "a fold of it would have one class; bring examples of every class"
            )
        if sizes_.min() < folds:
            raise InputError(
                f"class {classes[sizes_.argmin()]} has {sizes_.min()} reference examples, fewer "
                f"than the {folds} folds, so that a fold would miss it; use fewer folds, a larger "
                "data.split.reference or more examples"
            )
    _check_folds(inputs)


def _check_metadata(inputs: Inputs) -> None:
    """Blocks and slices are few, those that the policy names exist, and folds can be cut."""
    data = inputs.spec.data
    for column in dict.fromkeys([*([data.blocks] if data.blocks else []), *data.slices]):
        values = np.unique(inputs.pool.told_by(column))
        if not 2 <= len(values) <= MOST_VALUES:
            raise InputError(
                f"the pool's column {column!r} has {len(values)} value(s), expected 2 to "
                f"{MOST_VALUES} for blocks and slices: put numbers and dates into bins first"
            )
    for rail in inputs.spec.gate.guardrails:
        for column, value in rail.slice.items():
            known = np.unique(inputs.pool.told_by(column)).tolist()
            if value not in known:
                raise InputError(
                    f"a guardrail's slice is {column}={value}, and no pool example has that; "
                    f"expected one of {', '.join(known[:20])}"
                )


def _check_folds(inputs: Inputs) -> None:
    """Folds can be cut, and a class is never missing from what one trains on."""
    reference = inputs.part(REFERENCE)
    for splitter in (inputs.splitter, inputs.valuation_splitter):
        for train, _ in splitter.cut(reference, seed=inputs.spec.seed):
            classified = inputs.spec.kind.targets == "class"
            if classified and len(np.unique(reference.targets[train])) < 2:
                raise InputError(
                    f"the splitter {splitter.name} leaves one class to train on in a fold; use "
                    "fewer folds, or bring more reference rows"
                )


def _check_kinds(inputs: Inputs) -> None:
    """Targets are of the kind that the task learns."""
    for dataset in (inputs.pool, *inputs.contributions):
        kind, wanted = dataset.targets.dtype.kind, inputs.spec.kind.targets
        if wanted == "text":
            _check_texts(dataset, inputs.spec.task)
        if wanted == "number" and kind == "U":
            raise InputError(
                f"{dataset.name}: task: regression needs numbers as targets, found text such as "
                f"{str(dataset.targets[0])!r}"
            )
        if wanted == "class" and kind == "f":
            broken = dataset.targets[dataset.targets % 1 != 0]
            if len(broken):
                raise InputError(
                    f"{dataset.name}: task: classification needs classes as targets, found the "
                    f"fraction {broken[0]}; use task: regression, or name the classes"
                )


def _check_texts(dataset: Dataset, task: str) -> None:
    """Every target is a text with something in it."""
    if dataset.targets.dtype.kind != "U":
        raise InputError(
            f"{dataset.name}: task: {task} needs texts as targets, found numbers such as "
            f"{dataset.targets[0].item()!r}"
        )
    blank = np.flatnonzero([not text.strip() for text in dataset.targets.tolist()])
    if len(blank):
        raise InputError(
            f"{dataset.name}: {len(blank)} target(s) hold no text but blanks, such as that of "
            f"{str(dataset.ids[blank[0]])!r}; drop those rows"
        )


def _check_scorable(inputs: Inputs, part: str) -> None:
    """The metric exists on a part for some predictions: all its classes are there, and so on."""
    of, rows = inputs.automatic_metric, inputs.part(part)
    if of.output == "loglik":
        # Only a model knows the tokens of a text; every text has some.
        return
    try:
        if of.output == "score":
            ideal = np.zeros(len(rows))
        elif of.output == "scores":
            classes = getattr(of.bind(rows.targets), "classes", ())
            ideal = np.full((len(rows), len(classes)), 1 / len(classes))
        else:
            ideal = rows.targets
        of.score(rows.targets, ideal)
    except MetricUndefined as problem:
        raise InputError(
            f"the part {part} of the pool ({len(rows):,} examples) cannot be scored: {problem}"
        ) from problem
