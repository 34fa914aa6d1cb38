"""The gate's verdict on comparisons made by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hokusai_mlflow.comparisons.slices import Mask, masks
from hokusai_mlflow.errors import InputError, UnknownName, did_you_mean
from hokusai_mlflow.gate import Case, GatePolicy, decide
from hokusai_mlflow.gate.decision import Decision
from hokusai_mlflow.gate.guarded import Guarded, compare_guarded
from hokusai_mlflow.metrics import Metric, metric
from hokusai_mlflow.stats.agreement import Agreement
from hokusai_mlflow.stats.comparison import Comparison


def verdict(
    comparison: Comparison,
    primary: Metric,
    policy: GatePolicy,
    *,
    targets: Any,
    outputs: Callable[[Metric], tuple[Any, Any]],
    groups: Any,
    columns: Mapping[str, Any],
    same: bool,
    agreement: Agreement | None = None,
) -> Decision:
    """Judge the primary comparison and the policy's guardrails as the only look at these data.

    Slices are guarded with the policy's `slice_margin_bps`, and the policy's own guardrails with
    theirs. No recipe was refitted, so cross-validation and validation runs do not apply.

    Parameters
    ----------
    comparison, primary : Comparison, Metric
        The primary row and its metric.
    policy : GatePolicy
        The thresholds.
    targets, groups : array-like
        Truth, and the groups.
    outputs : callable
        What baseline and candidate say, in the form that a metric needs.
    columns : mapping of str to array-like
        What slices are made from.
    same : bool
        Whether both models say the same of every example.
    agreement : Agreement, optional
        Of the raters.

    Raises
    ------
    InputError
        When a guardrail names a column that was not given with `slices`, or guardrails meet
        weights or two ways of grouping, which their test does not know.
    """
    named: list[tuple[str, Metric, int, Mask | None]] = [
        (f"{primary.name} where {name}", primary, policy.slice_margin_bps, where)
        for name, where in masks(columns, comparison.n).items()
    ]
    for guardrail in policy.guardrails:
        guarded = metric(guardrail.metric, **guardrail.options) if guardrail.metric else primary
        where = _where(guardrail.slice, columns, comparison.n) if guardrail.slice else None
        named.append((guardrail.named(primary.name), guarded, guardrail.margin_bps, where))
    if named and (comparison.weighted or isinstance(groups, tuple)):
        raise InputError(
            "policy: slices and guardrails are tested without weights and with one way of "
            "grouping; leave the slices out, or the weights and the second way"
        )
    guardrails: list[Guarded] = [
        compare_guarded(
            name,
            guarded.bind(targets),
            targets,
            *outputs(guarded),
            margin_bps=margin,
            level=policy.guardrail_alpha / len(named),
            groups=groups,
            where=where,
            min_examples=policy.min_slice_examples,
            max_skew=policy.max_skew,
        )
        for name, guarded, margin, where in named
    ]
    case = Case.of(
        primary,
        comparison,
        None,
        policy,
        same_model=same,
        guardrails=tuple(guardrails),
        agreement=agreement,
    )
    return decide(case, look=1, quota=1)


def _where(conditions: Mapping[str, str], columns: Mapping[str, Any], n: int) -> Mask:
    inside = np.ones(n, dtype=bool)
    for column, value in conditions.items():
        if column not in columns:
            raise UnknownName(
                f"policy: a guardrail names the slice column {column!r}"
                f"{did_you_mean(column, columns) if columns else ''}; give it with slices"
            )
        inside &= np.array([str(one) == value for one in np.asarray(columns[column]).tolist()])
    return inside
