"""Several metrics and slices of the same two models, from arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.comparing import bound_metric, groups_of, paired, with_groups
from hokusai_mlflow.comparisons.collection import Comparisons, Row
from hokusai_mlflow.comparisons.intervals import interval_bps
from hokusai_mlflow.comparisons.slices import Mask, masks
from hokusai_mlflow.errors import InputError, did_you_mean
from hokusai_mlflow.metrics import Metric
from hokusai_mlflow.metrics.inputs import Targets
from hokusai_mlflow.stats.comparison import INTERVAL, Comparison, compare_outputs
from hokusai_mlflow.stats.groups import Groups
from hokusai_mlflow.stats.holm import holm

if TYPE_CHECKING:
    from hokusai_mlflow.gate.policy import GatePolicy
    from hokusai_mlflow.stats.agreement import Agreement

LEVEL, MIN_EFFECT_BPS = 0.05, 10.0
Metrics = str | Metric | Sequence[str | Metric] | Mapping[str, Mapping[str, Any] | None]
"""One metric or several, by name or as objects; or names with their options."""
Outputs = npt.ArrayLike | Mapping[str, npt.ArrayLike]
"""What a model says; by kind of output (label, score, …) when the metrics need several kinds."""


def compare_all(
    targets: Targets,
    baseline: Outputs,
    candidate: Outputs,
    *,
    metrics: Metrics,
    slices: Mapping[str, Any] | None = None,
    groups: Groups | None = None,
    weights: npt.ArrayLike | None = None,
    level: float | None = None,
    min_effect_bps: float | None = None,
    policy: GatePolicy | Mapping[str, Any] | None = None,
    agreement: Agreement | None = None,
) -> Comparisons:
    """Compare two models by several metrics, and by the first of them on slices.

    The first metric on all examples is the primary row, tested at `level` by itself. All other
    rows are tested together: their p-values are adjusted by Holm's method, and their adjusted
    intervals hold together (Bonferroni), so that the chance of calling any of them better wrongly
    is at most `level`.

    Parameters
    ----------
    targets, baseline, candidate : array-like, shape (n,)
        As in `compare`. A model's outputs may be a mapping by kind of output, such as
        ``{"label": classes, "score": probabilities}``, when the metrics need several kinds.
    metrics : str, Metric, sequence of them, or mapping of name to options
        The first one is primary.
    slices : mapping of str to array-like, shape (n,), optional
        By name: booleans choose one slice, other values make one slice each.
    groups, weights
        As in `compare`.
    level : float, optional
        0.05, or the policy's `alpha`.
    min_effect_bps : float, optional
        10, or the policy's `min_improvement_bps`.
    policy : GatePolicy or mapping, optional
        Adds the gate's verdict, judged as the only look at these data: nothing was refitted, so
        cross-validation does not apply. It spends no look of a sealed hold-out and promotes
        nothing.
    agreement : Agreement, optional
        Of the raters, for the verdict on metrics that people give.

    Returns
    -------
    Comparisons
        The primary row first, then the other metrics, then the slices.

    Raises
    ------
    InputError
        When an input is malformed, unpaired or duplicated, or no metric is given; `MetricUndefined`
        when a metric has no value on all examples. On a slice, that is told in its row.
    """
    chosen = chosen_metrics(metrics)
    judged = None if policy is None else policy_of(policy)
    level = level if level is not None else LEVEL if judged is None else judged.alpha
    if min_effect_bps is None:
        min_effect_bps = MIN_EFFECT_BPS if judged is None else judged.min_improvement_bps
    said = {
        "baseline": _by_kind("baseline", baseline),
        "candidate": _by_kind("candidate", candidate),
    }
    named = {"targets": targets, "weights": weights}
    named |= {f"{who}[{kind}]": v for who, kinds in said.items() for kind, v in kinds.items()}
    named |= {f"slice {name!r}": values for name, values in (slices or {}).items()}
    given = paired(with_groups(named, groups))
    units, counted = groups_of(given), given.get("weights")

    def outputs(metric: Metric) -> tuple[Any, Any]:
        return _output(given, "baseline", metric), _output(given, "candidate", metric)

    def one(metric: Metric, where: Mask | None = None) -> Comparison:
        said_b, said_c = outputs(metric)
        return compare_outputs(
            metric,
            _part(given["targets"], where),
            _part(said_b, where),
            _part(said_c, where),
            groups=tuple(_part(way, where) for way in units)
            if isinstance(units, tuple)
            else _part(units, where),
            weights=_part(counted, where),
            level=level,
            min_effect_bps=min_effect_bps,
        )

    short = [metric.name for metric in chosen]
    rows = [
        Row(
            name if short.count(name) == 1 else metric.signature,
            metric.signature,
            None,
            one(metric),
        )
        for name, metric in zip(short, chosen, strict=True)
    ]
    primary, n = chosen[0], _first(rows).n
    columns = {name: given[f"slice {name!r}"] for name in slices or {}}
    bound = primary.bind(given["targets"])
    for name, where in masks(columns, n).items():
        try:
            rows.append(Row(name, primary.signature, name, one(bound, where)))
        except InputError as problem:
            rows.append(Row(name, primary.signature, name, None, undefined=str(problem)))
    decision = None
    if judged is not None:
        from hokusai_mlflow.comparisons.verdict import verdict  # noqa: PLC0415

        same = all(
            kind in said["baseline"]
            and np.array_equal(given[f"baseline[{kind}]"], given[f"candidate[{kind}]"])
            for kind in said["candidate"]
        )
        decision = verdict(
            _first(rows),
            primary,
            judged,
            targets=given["targets"],
            outputs=outputs,
            groups=units,
            columns=columns,
            same=same,
            agreement=agreement,
        )
    return Comparisons(adjusted(rows), decision)


def chosen_metrics(metrics: Metrics) -> list[Metric]:
    """The metrics, bound to their options, in order.

    Raises
    ------
    InputError
        When there is none, or one of them twice.
    """
    if isinstance(metrics, (str, Metric)):
        metrics = [metrics]
    if isinstance(metrics, Mapping):
        chosen = [bound_metric(name, options or {}) for name, options in metrics.items()]
    else:
        chosen = [bound_metric(metric, {}) for metric in metrics]
    if not chosen:
        raise InputError("metrics: expected at least one, found none; name one, such as accuracy")
    names = [metric.signature for metric in chosen]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"metrics: expected each once, found {', '.join(twice)} twice")
    return chosen


def policy_of(policy: GatePolicy | Mapping[str, Any]) -> GatePolicy:
    """The policy, made from a mapping of its thresholds when it is one.

    Raises
    ------
    InputError
        When a threshold is unknown or out of range.
    """
    # Loading pydantic costs as much as the rest of the core.
    from pydantic import ValidationError  # noqa: PLC0415

    from hokusai_mlflow.gate.policy import GatePolicy  # noqa: PLC0415

    if isinstance(policy, GatePolicy):
        return policy
    try:
        return GatePolicy.model_validate(dict(policy))
    except ValidationError as problem:
        lines = []
        for error in problem.errors():
            at = ".".join(map(str, error["loc"]))
            near = (
                did_you_mean(at, GatePolicy.model_fields)
                if error["type"] == "extra_forbidden"
                else ""
            )
            lines.append(f"{at or 'policy'}: {error['msg']}{near}")
        raise InputError(f"policy: {'; '.join(lines)}") from None
    except (TypeError, ValueError) as problem:
        raise InputError(f"policy: expected a mapping of thresholds, found {policy!r}") from problem


def adjusted(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows with adjusted p-values and intervals; the first one is primary and keeps its own."""
    primary = _first(rows)
    others = [row.comparison for row in rows[1:] if row.comparison is not None]
    p_values = iter(holm([one.p_value for one in others]).tolist())
    done = [
        replace(
            rows[0],
            p_adjusted=primary.p_value,
            adjusted_low_bps=primary.ci_low_bps,
            adjusted_high_bps=primary.ci_high_bps,
        )
    ]
    for row in rows[1:]:
        if row.comparison is None:
            done.append(row)
            continue
        low, high = interval_bps(row.comparison, INTERVAL / len(others))
        done.append(
            replace(row, p_adjusted=next(p_values), adjusted_low_bps=low, adjusted_high_bps=high)
        )
    return tuple(done)


def _first(rows: Sequence[Row]) -> Comparison:
    comparison = rows[0].comparison
    assert comparison is not None
    return comparison


def _by_kind(who: str, given: Outputs) -> dict[str, npt.ArrayLike]:
    if not isinstance(given, Mapping):
        return {"any": given}
    if not given:
        raise InputError(
            f"{who}: expected outputs by kind (label, score, …), found an empty mapping"
        )
    return dict(given)


def _output(given: Mapping[str, Any], who: str, metric: Metric) -> Any:
    if f"{who}[any]" in given:
        return given[f"{who}[any]"]
    if f"{who}[{metric.output}]" in given:
        return given[f"{who}[{metric.output}]"]
    kinds = [name[len(who) + 1 : -1] for name in given if name.startswith(f"{who}[")]
    raise InputError(
        f"{metric.signature} needs the {who}'s {metric.output!r} outputs, found only "
        f"{', '.join(map(repr, kinds))}; add them to the mapping"
    )


def _part(values: Any, where: Mask | None) -> Any:
    if values is None or where is None:
        return values
    if isinstance(values, list):
        return [value for value, inside in zip(values, where, strict=True) if inside]
    return np.asarray(values)[where]
