"""What drawings of a gate's test are made of: sums over the sealed examples, never one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hokusai_mlflow.comparisons.arrays import adjusted
from hokusai_mlflow.comparisons.collection import Row
from hokusai_mlflow.comparisons.intervals import interval_bps
from hokusai_mlflow.contributions.dataset import Dataset
from hokusai_mlflow.errors import InputError, MetricUndefined, RecipeError
from hokusai_mlflow.gate import Guarded
from hokusai_mlflow.inputs import Inputs
from hokusai_mlflow.metrics import Metric, metric
from hokusai_mlflow.report import diagnostics
from hokusai_mlflow.safeguards import Outputs
from hokusai_mlflow.stats.comparison import INTERVAL, Comparison, compare_outputs


def figures(
    inputs: Inputs,
    rows: Dataset,
    outputs: Outputs,
    comparison: Comparison,
    guardrails: Sequence[Guarded],
) -> dict[str, Any]:
    """Everything that a report draws of the test; see `Report.figures`.

    Parameters
    ----------
    inputs : Inputs
        Gives the task and the metrics that are logged beside the paid one.
    rows : Dataset
        The sealed examples.
    outputs : callable
        What both models say.
    comparison : Comparison
        On the paid metric.
    guardrails : sequence of Guarded
        As compared.
    """
    found: dict[str, Any] = {
        "rows": [row.to_dict() for row in _rows(inputs, rows, outputs, comparison)],
        "guardrails": [_guarded(one, len(guardrails)) for one in guardrails],
        "without": {},
    }
    drawn = inputs.spec.kind.targets
    if drawn == "text":
        return found
    if drawn == "number":
        said = _said(outputs, inputs.metric)
        return found | {"residuals": diagnostics.residuals(rows.targets, said)}
    labels = metric("accuracy").bind(inputs.pool.targets)
    found["confusion"] = diagnostics.confusion(rows.targets, _said(outputs, labels))
    return found | _of_scores(inputs, rows, outputs, found["without"])


def _rows(
    inputs: Inputs, rows: Dataset, outputs: Outputs, comparison: Comparison
) -> tuple[Row, ...]:
    spec = inputs.spec
    told = [Row(spec.metric, inputs.metric.signature, None, comparison)]
    for name in dict.fromkeys(spec.also_log):
        if name == spec.metric:
            continue
        of = inputs.logged_metric(name)
        try:
            one = compare_outputs(
                of,
                rows.targets,
                *outputs(of),
                level=comparison.level,
                groups=inputs.groups(rows),
                min_effect_bps=comparison.min_effect_bps,
            )
            told.append(Row(name, of.signature, None, one))
        except MetricUndefined as problem:
            told.append(Row(name, of.signature, None, None, undefined=str(problem)))
    return adjusted(told)


def _guarded(one: Guarded, together: int) -> dict[str, Any]:
    """A guardrail's interval of its own, and the one that holds together with the others'."""
    compared = one.comparison
    told: dict[str, Any] = {"name": one.name, "inner": None, "outer": None, "values": None}
    if compared is None:
        return told
    return told | {
        "inner": [compared.ci_low_bps, compared.ci_high_bps],
        "outer": list(interval_bps(compared, INTERVAL / together)),
        "values": [compared.baseline, compared.candidate],
    }


def _of_scores(
    inputs: Inputs, rows: Dataset, outputs: Outputs, without: dict[str, str]
) -> dict[str, Any]:
    """ROC and calibration, where both models give scores; else `without` says why not."""
    classes = np.unique(inputs.pool.targets).tolist()
    of = inputs.logged_metric("roc_auc")
    names = tuple(getattr(of, "classes", None) or classes)
    if of.output == "score" and getattr(of, "positive", names[-1]) != names[-1]:
        names = names[::-1]
    try:
        said = _said(outputs, of)
    except (RecipeError, InputError) as problem:
        without["ROC and calibration"] = f"the models give no scores ({problem})"
        return {}
    found: dict[str, Any] = {}
    missing = [name for name in names if name not in rows.targets.tolist()]
    if missing:
        without["ROC"] = f"no example is of the class {missing[0]!r}"
    else:
        found["roc"] = diagnostics.roc(rows.targets, said, names)
    if all(np.all((values >= 0) & (values <= 1)) for values in said.values()):
        found["calibration"] = diagnostics.calibration(rows.targets, said, names)
    else:
        without["calibration"] = "the scores are no probabilities"
    return found


def _said(outputs: Outputs, of: Metric) -> dict[str, np.ndarray]:
    champion, candidate = outputs(of)
    return {"champion": np.asarray(champion), "candidate": np.asarray(candidate)}
