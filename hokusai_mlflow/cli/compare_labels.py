"""Label plans on the command line: a file to be filled in, and the comparison from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hokusai_mlflow.cli import output
from hokusai_mlflow.cli.compare_report import show
from hokusai_mlflow.cli.compare_sources import Compared
from hokusai_mlflow.cli.predictions import BASELINE, CANDIDATE, Columns, joined
from hokusai_mlflow.comparisons import Comparisons, Row
from hokusai_mlflow.comparisons.arrays import LEVEL, MIN_EFFECT_BPS, adjusted
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.labelling import LabelPlan, compare_labelled, label_plan
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.outputs import example_ids, prediction_table, resolve

LABEL = "label"
"""Column of a label plan that people fill in."""


@dataclass(frozen=True)
class Asked:
    """Which models, and which of the two steps."""

    baseline: str
    candidate: str
    data: Path | None
    columns: Columns
    plan: Path | None
    labels: Path | None


def run(
    asked: Asked,
    *,
    budget: int | None,
    seed: int,
    level: float | None,
    min_effect_bps: float | None,
    unused: Mapping[str, Any],
    as_json: bool,
) -> None:
    """Write a label plan, or compare from one that was filled in.

    Raises
    ------
    InputError
        When options do not go together, or labels do not fit the plan.
    """
    option = "--label-plan" if asked.plan is not None else "--labels"
    if asked.plan is not None and asked.labels is not None:
        raise InputError("--label-plan writes a file, --labels reads it filled in; give one")
    if given := [name for name, value in unused.items() if value]:
        raise InputError(
            f"{option} compares accuracies of two classifiers and does not go with "
            f"{', '.join(given)}"
        )
    rules = {
        "level": LEVEL if level is None else level,
        "min_effect_bps": MIN_EFFECT_BPS if min_effect_bps is None else min_effect_bps,
    }
    said = _said(asked)
    if asked.labels is not None:
        _compare(asked, said, budget, seed, rules, as_json=as_json)
        return
    assert asked.plan is not None
    if asked.plan.suffix != ".csv":
        raise InputError(f"--label-plan {asked.plan}: expected a file ending in .csv")
    if asked.plan.exists():
        raise InputError(f"{asked.plan} exists and may hold labels; choose another name")
    plan = label_plan(said["b"], said["c"], ids=said.index, budget=budget, seed=seed, **rules)
    # What the models say stays out of it: people who label must not know.
    table = pd.DataFrame({asked.columns.id: plan.to_label, LABEL: ""})
    table.to_csv(asked.plan, index=False)
    if as_json:
        output.document(plan.to_dict())
        return
    chosen = "" if seed == 0 else f" --seed {seed}"
    output.console().print(plan.to_text(), markup=False, soft_wrap=True)
    output.say(f"written: {asked.plan}; fill in its column {LABEL!r}, then give it with --labels")
    if chosen:
        output.say(f"and with{chosen}")


def _said(asked: Asked) -> pd.DataFrame:
    """What both models say, indexed by example id."""
    columns = asked.columns
    if asked.data is None:
        frame = joined(Path(asked.baseline), Path(asked.candidate), columns, truth=False)
        return pd.DataFrame({"b": frame[BASELINE], "c": frame[CANDIDATE]})
    from hokusai_mlflow.tables import read_table  # noqa: PLC0415

    rows = read_table(asked.data, name=str(asked.data), id=columns.id)
    if columns.id not in rows.columns:
        raise InputError(f"{asked.data}: there is no column {columns.id!r}; name it with --id")
    found = resolve(
        None,
        asked.baseline,
        asked.candidate,
        data=rows,
        metrics=[metric("accuracy")],
        id=columns.id,
        prediction=columns.prediction,
    )
    ids = example_ids(rows, columns.id, str(asked.data))
    both = {"b": np.asarray(found.baseline), "c": np.asarray(found.candidate)}
    return pd.DataFrame(both, index=ids)


def _compare(
    asked: Asked,
    said: pd.DataFrame,
    budget: int | None,
    seed: int,
    rules: Mapping[str, float],
    *,
    as_json: bool,
) -> None:
    assert asked.labels is not None
    table = prediction_table(asked.labels, asked.columns.id, LABEL)
    size = len(table) if budget is None else budget
    plan = label_plan(said["b"], said["c"], ids=said.index, budget=size, seed=seed, **rules)
    _require_plan(plan, table, asked.labels, seed)
    comparison = compare_labelled(plan, _like(table[LABEL], plan).to_dict())
    rows = adjusted([Row("accuracy", "accuracy", None, comparison)])
    show(
        Compared(Comparisons(rows), [metric("accuracy")]),
        html=None,
        plot=None,
        markdown=False,
        as_json=as_json,
    )


def _require_plan(plan: LabelPlan, table: pd.DataFrame, path: Path, seed: int) -> None:
    strangers = set(table.index) ^ set(plan.to_label)
    if strangers:
        raise InputError(
            f"{path} does not hold the examples that seed {seed} chooses, such as "
            f"{min(strangers)!r}; give the plan's own --seed, and label every row of it: examples "
            "chosen otherwise would bias the comparison"
        )


def _like(labels: pd.Series, plan: LabelPlan) -> pd.Series:
    """Labels of the predictions' kind: a CSV file reads the class "1" as a number."""
    if isinstance(plan.baseline[0], str) and pd.api.types.is_integer_dtype(labels.dtype):
        return labels.astype(str)
    return labels
