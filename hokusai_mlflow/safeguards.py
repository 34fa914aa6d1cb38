"""What else is measured on the sealed hold-out: guardrails, slices and structural blocks.

All of it is part of the one decision that a look is spent on.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hokusai_mlflow.contributions.dataset import Dataset
from hokusai_mlflow.gate import Guarded, Guardrail, compare_guarded
from hokusai_mlflow.inputs import Inputs
from hokusai_mlflow.metrics import Metric, metric
from hokusai_mlflow.stats.blocks import BlockConsistency, compare_blocks

Outputs = Callable[[Metric], tuple[np.ndarray, np.ndarray]]
"""Champion's and candidate's outputs on the examples, in the form that a metric needs."""


def guardrails(inputs: Inputs) -> tuple[Guardrail, ...]:
    """The policy's guardrails, and one per slice: every value of every column in `data.slices`."""
    policy = inputs.spec.gate
    slices = (
        Guardrail(margin_bps=policy.slice_margin_bps, slice={column: value})
        for column in inputs.spec.data.slices
        for value in np.unique(inputs.pool.told_by(column)).tolist()
    )
    named = [rail.slice for rail in policy.guardrails if rail.metric is None]
    # A guardrail on the paid metric and the same slice has a margin of its own.
    return (*policy.guardrails, *(rail for rail in slices if rail.slice not in named))


def compare_guardrails(inputs: Inputs, rows: Dataset, outputs: Outputs) -> tuple[Guarded, ...]:
    """Test every guardrail and slice on the hold-out's examples.

    Parameters
    ----------
    inputs : Inputs
        Policy, metrics, and which columns slices come from.
    rows : Dataset
        The examples.
    outputs : callable
        What both models say.
    """
    rails, policy = guardrails(inputs), inputs.spec.gate
    groups = inputs.groups(rows)
    found = []
    for rail in rails:
        of = metric_of(inputs, rail)
        where = None
        if rail.slice:
            inside = [rows.told_by(column) == value for column, value in rail.slice.items()]
            where = np.logical_and.reduce(inside)
        champion, candidate = outputs(of)
        found.append(
            compare_guarded(
                rail.named(inputs.spec.metric),
                of,
                rows.targets,
                champion,
                candidate,
                margin_bps=float(rail.margin_bps),
                level=policy.guardrail_alpha / len(rails),
                groups=groups,
                where=where,
                min_examples=policy.min_slice_examples,
                max_skew=policy.max_skew,
            )
        )
    return tuple(found)


def metric_of(inputs: Inputs, rail: Guardrail) -> Metric:
    """The metric of a guardrail, its classes or origin fixed by all targets of the pool."""
    if rail.metric is None:
        return inputs.metric
    if not rail.options:
        return inputs.logged_metric(rail.metric)
    return metric(rail.metric, **rail.options).bind(inputs.pool.targets)


def compare_by_block(inputs: Inputs, rows: Dataset, outputs: Outputs) -> BlockConsistency | None:
    """The comparison without every structural block, and on each; None when none are named."""
    column, policy = inputs.spec.data.blocks, inputs.spec.gate
    if column is None:
        return None
    return compare_blocks(
        inputs.metric,
        rows.targets,
        *outputs(inputs.metric),
        rows.told_by(column),
        groups=inputs.groups(rows),
        level=policy.block_p,
        effect_bps=float(policy.detectable_bps),
    )
