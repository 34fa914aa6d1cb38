"""Everything that was given: spec, recipe, pool and contributions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from hokusai_mlflow.contributions.dataset import Dataset
from hokusai_mlflow.evidence import digest
from hokusai_mlflow.folds import Splitter
from hokusai_mlflow.metrics import Metric, metric
from hokusai_mlflow.proof_spec import INFERENCE, Capacity
from hokusai_mlflow.recipe import Recipe
from hokusai_mlflow.spec import Spec, ValuationPlan, logged_options
from hokusai_mlflow.verification.statement import Statement, statement_of

REFERENCE = "reference"
PAYMENT = "payment"

VALUED_ON = ("repeats", "folds")
RUN_ON = ("runner", "workers", "scheduler")
_PLAN = ValuationPlan().model_dump(mode="json")


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
    def automatic_metric(self) -> Metric:
        """What refits are scored by: the paid metric, or the proxy for what people say."""
        name, options = self.spec.automatic_metric
        return metric(name, **options).bind(self.pool.targets)

    @property
    def statement(self) -> Statement | None:
        """What is proven of the paid metric; None where oracles verify."""
        spec = self.spec
        if spec.verification == "oracle":
            return None
        loss = spec.kind.targets == "number"
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
        options = logged_options(name)
        if name == "roc_auc" and len(np.unique(self.pool.targets)) > 2:
            options = {"average": "macro"}
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
    """The spec as far as results need it: not where rewards go, who is asked, what is watched."""
    irrelevant = ("chain", "approval", "monitor")
    written = {key: value for key, value in spec.to_dict().items() if key not in irrelevant}
    if spec.verification == "oracle":
        # As it was written before sums could be proven, so that no attempt begins anew.
        del written["verification"], written["proof"]
    elif not spec.proof.prove_inference:
        # As it was written before inference could be proven.
        dropped = ("prove_inference", *INFERENCE)
        written["proof"] = {k: v for k, v in written["proof"].items() if k not in dropped}
    if not spec.kind.by_people:
        # Nor did it name a proxy for people.
        del written["human"]
    # Where refits run bears on nothing; how values are found was no choice at first.
    plan = {k: v for k, v in written["valuation"].items() if k in VALUED_ON or v != _PLAN[k]}
    written["valuation"] = {k: v for k, v in plan.items() if k not in RUN_ON}
    if spec.quality is None:
        del written["quality"]
    if spec.data.source is None:
        written["data"] = {
            key: value for key, value in written["data"].items() if key not in ("source", "sources")
        }
    return written
