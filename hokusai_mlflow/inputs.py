"""What an attempt starts from: spec, recipe, data, and the rows that models are trained on.

An attempt keeps a copy of its inputs with its MLflow run. After a crash it is finished from that
copy, whatever has happened to the files since.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd

from hokusai_mlflow.contributions.dataset import PART, Dataset, concatenate, read_dataset
from hokusai_mlflow.contributions.partition import partition
from hokusai_mlflow.errors import InputError, MetricUndefined
from hokusai_mlflow.evidence import digest
from hokusai_mlflow.folds import Splitter
from hokusai_mlflow.metrics import Metric, metric
from hokusai_mlflow.proof_spec import Capacity
from hokusai_mlflow.recipe import Recipe, load_recipe, recipe_from_source
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.spec import Spec, load_spec
from hokusai_mlflow.verification.statement import Statement, statement_of

REFERENCE = "reference"
PAYMENT = "payment"
MOST_VALUES = 200
"""A column of blocks or slices with more values names no structure; it needs to be binned."""


@dataclass(frozen=True, repr=False)
class Inputs:
    """Everything that was given.

    Attributes
    ----------
    spec : Spec
        The pipeline spec.
    recipe : Recipe
        The candidate's recipe.
    pool : Dataset
        The owner's examples.
    parts : ndarray of str, shape (len(pool),)
        Part of every pool example: ``reference``, ``payment``, ``holdout-1``, …
    contributions : tuple of Dataset
        One per contributor, in the spec's order.
    """

    spec: Spec
    recipe: Recipe
    pool: Dataset
    parts: np.ndarray
    contributions: tuple[Dataset, ...]

    @property
    def digest(self) -> str:
        """Identity of the inputs: spec, recipe, every data set and how the pool is cut."""
        return digest(
            {
                "spec": _written(self.spec),
                "recipe": self.recipe.digest,
                "pool": self.pool.digest,
                "parts": digest(dict(zip(self.pool.ids, self.parts, strict=True))),
                "contributions": {c.name: c.digest for c in self.contributions},
                **({"metadata": self.pool.metadata_digest} if self.spec.data.metadata else {}),
            }
        )

    def part(self, *names: str) -> Dataset:
        """The pool's examples of one part, or of several together."""
        return self.pool.take(np.isin(self.parts, names))

    @property
    def metric(self) -> Metric:
        """The paid metric, its classes or origin fixed by all targets of the pool."""
        return metric(self.spec.metric, **self.spec.metric_options).bind(self.pool.targets)

    @property
    def statement(self) -> Statement | None:
        """What is proven of the paid metric; None where oracles verify."""
        spec = self.spec
        if spec.verification == "oracle":
            return None
        loss = spec.task == "regression"
        judged = np.unique(self.parts[self.parts != REFERENCE], return_counts=True)[1]
        return statement_of(
            self.metric,
            () if loss else tuple(np.unique(self.pool.targets).tolist()),
            capacity=spec.proof.capacity or _capacity(int(judged.max())),
            target_range=spec.proof.target_range,
            steps=spec.proof.steps,
        )

    def groups(self, rows: Dataset) -> np.ndarray | None:
        """Which of these pool rows belong together; None when every row stands for itself."""
        column = self.spec.data.group
        return None if column is None else rows.told_by(column)

    @property
    def splitter(self) -> Splitter:
        """How folds are cut for cross-validation."""
        spec, data = self.spec, self.spec.data
        return Splitter(spec.splitter, spec.cross_validation.folds, data.group, data.time)

    @property
    def valuation_splitter(self) -> Splitter:
        """How folds are cut for valuing contributions."""
        spec = self.spec
        return Splitter(spec.valuation_splitter, spec.valuation.folds, spec.data.group)

    def logged_metric(self, name: str) -> Metric:
        """A metric that is logged beside the paid one."""
        options = {"average": "auto"} if name in ("precision", "recall", "f1") else {}
        return metric(name, **options).bind(self.pool.targets)

    def __repr__(self) -> str:
        rows = sum(len(c) for c in self.contributions)
        return (
            f"Inputs({self.spec.model}: pool of {len(self.pool):,}, {rows:,} rows from "
            f"{len(self.contributions)} contributors, {self.digest[:12]})"
        )


def _capacity(rows: int) -> int:
    """The smallest that holds so many rows; the largest, for chunks, where none does."""
    capacities = get_args(Capacity)
    return next((each for each in capacities if rows <= each), capacities[-1])


def _written(spec: Spec) -> dict[str, Any]:
    """The spec as far as it bears on results; where rewards go, and who is asked, does not."""
    irrelevant = ("chain", "approval")
    written = {key: value for key, value in spec.to_dict().items() if key not in irrelevant}
    if spec.verification == "oracle":
        # As it was written before sums could be proven, so that no attempt begins anew.
        del written["verification"], written["proof"]
    if spec.data.source is None:
        written["data"] = {
            key: value for key, value in written["data"].items() if key not in ("source", "sources")
        }
    return written


def read_inputs(spec_path: str | Path, settings: Settings) -> Inputs:
    """Read everything that a spec names.

    Parameters
    ----------
    spec_path : str or Path
        The `pipeline.yaml`; paths in it are relative to its folder.
    settings : Settings
        Keeps the split key when the spec gives none.

    Raises
    ------
    InputError
        When anything is missing or malformed; nothing has been changed then.
    """
    path = Path(spec_path)
    spec = load_spec(path)
    base = path.resolve().parent
    recipe = load_recipe(base / spec.recipe)
    columns = {"target": spec.data.target, "features": spec.data.features, "base": base}
    pool = read_dataset(
        spec.data.pool,
        name="pool",
        id=spec.data.id,
        unique=True,
        metadata=spec.data.metadata,
        time=spec.data.time,
        **columns,
    )
    contributions = tuple(
        read_dataset(
            contributor.data,
            name=contributor.name,
            id=spec.data.id,
            unique=False,
            leave_out=spec.data.metadata,
            **columns,
        )
        for contributor in spec.contributors
    )
    split = spec.data.split
    parts = partition(
        pool.ids if spec.data.group is None else pool.told_by(spec.data.group),
        settings.split_key(spec.model, split.key),
        reference=split.reference,
        payment=split.payment,
        holdouts=split.holdouts,
    )
    inputs = Inputs(spec, recipe, pool, parts, contributions)
    _check_targets(inputs)
    return inputs


def _check_targets(inputs: Inputs) -> None:
    """The parts exist, and every class that must be there is there."""
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
    if inputs.spec.task == "classification":
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
            if (
                inputs.spec.task == "classification"
                and len(np.unique(reference.targets[train])) < 2
            ):
                raise InputError(
                    f"the splitter {splitter.name} leaves one class to train on in a fold; use "
                    "fewer folds, or bring more reference rows"
                )


def _check_kinds(inputs: Inputs) -> None:
    """Targets are of the kind that the task learns."""
    for dataset in (inputs.pool, *inputs.contributions):
        kind = dataset.targets.dtype.kind
        if inputs.spec.task == "regression" and kind == "U":
            raise InputError(
                f"{dataset.name}: task: regression needs numbers as targets, found text such as "
                f"{str(dataset.targets[0])!r}"
            )
        if inputs.spec.task == "classification" and kind == "f":
            broken = dataset.targets[dataset.targets % 1 != 0]
            if len(broken):
                raise InputError(
                    f"{dataset.name}: task: classification needs classes as targets, found the "
                    f"fraction {broken[0]}; use task: regression, or name the classes"
                )


def _check_scorable(inputs: Inputs, part: str) -> None:
    """The metric exists on a part for some predictions: all its classes are there, and so on."""
    of, rows = inputs.metric, inputs.part(part)
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


def write_snapshot(inputs: Inputs, folder: Path) -> None:
    """Copy the inputs into a folder of plain files.

    Parameters
    ----------
    inputs : Inputs
        What to keep. The split key is not written; the cut itself is.
    folder : Path
        Existing, empty folder.
    """
    (folder / "spec.json").write_text(json.dumps(inputs.spec.to_dict(), sort_keys=True))
    (folder / "recipe.py").write_text(inputs.recipe.source, encoding="utf-8")
    inputs.pool.to_frame().assign(**{PART: inputs.parts}).to_parquet(folder / "pool.parquet")
    for contribution in inputs.contributions:
        contribution.to_frame().to_parquet(folder / f"contribution-{contribution.name}.parquet")


def read_snapshot(folder: Path) -> Inputs:
    """Inverse of `write_snapshot`."""
    spec = Spec.model_validate(json.loads((folder / "spec.json").read_text()))
    recipe = recipe_from_source((folder / "recipe.py").read_text(encoding="utf-8"))
    pool = pd.read_parquet(folder / "pool.parquet")
    parts = pool.pop(PART).to_numpy(dtype=str)
    contributions = tuple(
        Dataset.from_frame(
            pd.read_parquet(folder / f"contribution-{contributor.name}.parquet"),
            name=contributor.name,
        )
        for contributor in spec.contributors
    )
    return Inputs(spec, recipe, Dataset.from_frame(pool, name="pool"), parts, contributions)


@dataclass(frozen=True)
class TrainingRows:
    """What a model is trained on: the owner's reference rows and the contributed ones.

    Attributes
    ----------
    reference : Dataset
        Rows of the pool.
    contributed : mapping of str to Dataset
        Rows by contributor, empty data sets left out.
    """

    reference: Dataset
    contributed: Mapping[str, Dataset]

    @property
    def parts(self) -> list[Dataset]:
        """The contributed rows, by contributor name."""
        return [self.contributed[name] for name in sorted(self.contributed)]

    @property
    def everything(self) -> Dataset:
        """All rows, the reference first, then by contributor name."""
        return concatenate([self.reference, *self.parts]) if self.contributed else self.reference

    @property
    def digest(self) -> str:
        """Identity of the training set."""
        return digest(
            {
                "reference": self.reference.digest,
                "contributed": {name: d.digest for name, d in self.contributed.items()},
            }
        )

    def with_rows(self, name: str, rows: Dataset) -> TrainingRows:
        """The same with rows of one contributor added."""
        if not len(rows):
            return self
        held = self.contributed.get(name)
        merged = rows if held is None else concatenate([held, rows])
        return replace(self, contributed={**self.contributed, name: merged})

    def write(self, folder: Path) -> None:
        """Copy into a folder, for the attempts of later champions' challengers."""
        self.reference.to_frame().to_parquet(folder / "reference.parquet")
        for name, rows in self.contributed.items():
            rows.to_frame().to_parquet(folder / f"contributed-{name}.parquet")

    @classmethod
    def read(cls, folder: Path) -> TrainingRows:
        """Inverse of `write`."""
        contributed = {}
        for path in sorted(folder.glob("contributed-*.parquet")):
            name = path.stem.removeprefix("contributed-")
            contributed[name] = Dataset.from_frame(pd.read_parquet(path), name=name)
        reference = pd.read_parquet(folder / "reference.parquet")
        return cls(Dataset.from_frame(reference, name=REFERENCE), contributed)
