"""The whole pipeline spec, and what its parts must have in common."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from hokusai_mlflow.chain.spec import Address, ChainSpec, Part
from hokusai_mlflow.errors import did_you_mean
from hokusai_mlflow.gate.policy import GatePolicy
from hokusai_mlflow.metrics import Metric, metric, metric_names
from hokusai_mlflow.proof_spec import ProofSpec, Verification
from hokusai_mlflow.quality.policy import QualityPolicy
from hokusai_mlflow.spec.data import Contributor, DataSpec, Name
from hokusai_mlflow.spec.monitor import MonitorPlan
from hokusai_mlflow.spec.plans import ApprovalPlan, CrossValidationPlan, HumanPlan, ValuationPlan
from hokusai_mlflow.tasks import TASKS, Task, TaskName
from hokusai_mlflow.verification.statement import LOSSES, require_provable


def logged_options(name: str) -> dict[str, Any]:
    """Options of a metric that is named without any, beside the paid one."""
    return {"average": "auto"} if name in ("precision", "recall", "f1") else {}


class Spec(Part):
    """A model, its data, its contributors, and what an improvement must show.

    Raises
    ------
    SpecError
        From `load_spec`, with one line per mistake and a suggestion for unknown keys.
    """

    model: Name
    task: TaskName
    recipe: str
    metric: str
    metric_options: dict[str, Any] = Field(default_factory=dict)
    also_log: tuple[str, ...] = ()
    owner: Address
    seed: int = Field(0, ge=0, le=2**31 - 1)
    data: DataSpec
    contributors: tuple[Contributor, ...] = Field((), max_length=10_000)
    gate: GatePolicy = GatePolicy()  # type: ignore[call-arg]
    quality: QualityPolicy | None = None
    cross_validation: CrossValidationPlan = CrossValidationPlan()
    valuation: ValuationPlan = ValuationPlan()
    pay: Literal["fresh", "lower_bound", "measured"] = "fresh"
    verification: Verification = "oracle"
    proof: ProofSpec = ProofSpec()
    human: HumanPlan = HumanPlan()
    approval: ApprovalPlan | None = None
    monitor: MonitorPlan = MonitorPlan()
    chain: ChainSpec = ChainSpec()
    serialization: Literal["cloudpickle", "skops"] = "cloudpickle"

    @model_validator(mode="before")
    @classmethod
    def _default_metric(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "task" not in given:
            return given
        kind = TASKS.get(str(given["task"]))
        metric_: dict[str, Any] = {"metric": kind.metric if kind else "accuracy"}
        asked = given.get("gate", {})
        policy = kind.gate if kind else {}
        gate = {"gate": {**policy, **asked}} if isinstance(asked, dict) else {}
        people = given.get("human")
        if kind and kind.by_people and isinstance(people, dict):
            scale = people.get("scale")
            if isinstance(scale, (list, tuple)) and len(scale) == 2:
                metric_ |= {"metric_options": {"low": scale[0], "high": scale[1]}}
        plan = given.get("cross_validation")
        named = given.get("data")
        # Time goes one way, so there is one order of folds only.
        by_time = isinstance(named, dict) and named.get("time") is not None
        if isinstance(plan, dict | None):
            plan = plan or {}
            if plan.get("splitter", "time" if by_time else None) == "time":
                gate |= {"cross_validation": {"repeats": 1, **plan}}
        return {**metric_, **given, **gate}

    @model_validator(mode="after")
    def _hangs_together(self) -> Spec:
        if self.kind.by_people:
            self._check_people()
        paid = metric(self.metric, **self.metric_options)
        if paid.paired == "loss" and self.metric_options.get("cap") is None:
            raise ValueError(
                f"{self.metric} needs metric_options: {{cap: …}}, the largest loss of one example "
                "that counts: without it one wild prediction decides the test"
            )
        unknown = [name for name in self.also_log if name not in metric_names()]
        if unknown:
            raise ValueError(
                f"unknown metric {unknown[0]!r}{did_you_mean(unknown[0], metric_names())}"
            )
        self._check_task(paid)
        for field in ("name", "data"):
            values = [getattr(contributor, field) for contributor in self.contributors]
            twice = sorted({value for value in values if values.count(value) > 1})
            if twice:
                raise ValueError(f"two contributors have the same {field}: {', '.join(twice)}")
        if self.pay == "fresh" and self.data.split.payment == 0:
            raise ValueError("pay: fresh needs data.split.payment above 0")
        self._check_splitter()
        self._check_gate()
        self._check_proof()
        return self

    def _check_task(self, paid: Metric) -> None:
        kind = self.kind
        kind.require_paid(paid)
        for name in self.also_log:
            kind.require_automatic(metric(name, **logged_options(name)))
        if kind.by_people:
            name, options = self.automatic_metric
            kind.require_automatic(metric(name, **options))
        elif self.human != HumanPlan():
            raise ValueError("human: needs task: human")
        if kind.targets == "text" and self.verification != "oracle":
            raise ValueError(
                f"no circuit knows of texts: task: {kind.name} needs verification: oracle"
            )
        features = self.data.features
        if kind.scores_targets and features and set(features) != {self.data.target}:
            raise ValueError(
                f"task: {kind.name} scores the texts in data.target alone: remove data.features"
            )
        if not kind.scores_targets and features and self.data.target in features:
            raise ValueError(f"the target {self.data.target!r} cannot be a feature")

    def _check_people(self) -> None:
        scale = self.human.scale
        if scale is None:
            raise ValueError(
                "task: human needs the ends of the rating scale, such as human: {scale: [1, 5]}"
            )
        if self.metric != "human_score":
            raise ValueError(
                f"task: human pays human_score, found {self.metric}: answers are rated one by one "
                "(preferences between two can be compared with hokusai_mlflow.ratings)"
            )
        if self.metric_options != {"low": scale[0], "high": scale[1]}:
            raise ValueError(
                f"metric_options say {self.metric_options}, human.scale says {list(scale)}: remove "
                "metric_options"
            )
        if self.data.blocks is not None or self.data.slices:
            raise ValueError(
                "ratings are not compared by block or slice: remove data.blocks and data.slices"
            )
        if any(rail.metric is None for rail in self.gate.guardrails):
            raise ValueError(
                "a guardrail of task: human needs a metric that a machine computes, such as "
                "{metric: chrf, margin_bps: 200}"
            )

    def _check_proof(self) -> None:
        data, marked = self.data, set(self.data.sources.values())
        if self.verification == "oracle":
            if self.proof != ProofSpec():
                raise ValueError("proof: needs verification: zk or hybrid")
            return
        require_provable(self.metric, self.metric_options)
        if self.metric in LOSSES and self.proof.target_range is None:
            raise ValueError(f"a proof of {self.metric} needs proof: {{target_range: [low, high]}}")
        if self.proof.prove_inference:
            self._check_inference()
        if data.group is not None:
            raise ValueError(
                "no circuit knows of groups: remove data.group, or use verification: oracle"
            )
        if self.verification == "hybrid":
            if data.source is None or marked != {"public", "private"}:
                raise ValueError(
                    "verification: hybrid needs data.source, the column that says where examples "
                    "come from, and data.sources, which marks each of them public or private"
                )
            if self.proof.oracles_too:
                raise ValueError(
                    "a hybrid's oracles see the public examples only: remove proof.oracles_too, or "
                    "use verification: zk with oracles_too for both on all examples"
                )
        oracles_see_all = self.verification == "zk" and self.proof.oracles_too
        if self.chain.holdback_percent and not oracles_see_all:
            raise ValueError(
                "what a holdback keeps is decided by oracles alone, so that proven sums take none: "
                "remove chain.holdback_percent, or use verification: zk with oracles_too"
            )
        if (
            self.chain.attestations is not None
            and self.verification == "zk"
            and not oracles_see_all
        ):
            raise ValueError(
                "with verification: zk nobody is asked for an attestation: remove "
                "chain.attestations, or set proof.oracles_too"
            )

    def _check_inference(self) -> None:
        if self.metric in LOSSES:
            raise ValueError(
                f"prove_inference is for classifiers; {self.metric} is of predicted numbers"
            )
        if self.serialization != "cloudpickle":
            raise ValueError(
                "prove_inference keeps models in whole numbers, which skops does not know: use "
                "serialization: cloudpickle"
            )

    def _check_splitter(self) -> None:
        chosen, data = self.splitter, self.data
        if chosen in ("grouped", "stratified_grouped") and data.group is None:
            raise ValueError(f"splitter: {chosen} needs data.group, the column of the groups")
        if chosen == "time" and data.time is None:
            raise ValueError("splitter: time needs data.time, the column to order by")
        if chosen == "time" and self.cross_validation.repeats > 1:
            raise ValueError(
                "splitter: time has one order only; remove cross_validation.repeats, or set it to 1"
            )
        if chosen in ("stratified", "shuffled") and data.group is not None:
            raise ValueError(
                f"splitter: {chosen} would train on parts of the groups that it tests; use grouped "
                "or stratified_grouped, or remove data.group"
            )
        if "stratified" in chosen and not self.kind.stratified:
            raise ValueError(f"splitter: {chosen} needs task: classification")

    def _check_gate(self) -> None:
        gate = self.gate
        for rail in gate.guardrails:
            if rail.metric is not None:
                of = metric(rail.metric, **(rail.options or logged_options(rail.metric)))
                self.kind.require_automatic(of)
            for column in rail.slice:
                if column not in self.data.slices:
                    raise ValueError(
                        f"the guardrail {rail.named(self.metric)} needs {column!r} in data.slices"
                        f"{did_you_mean(column, self.data.slices)}"
                    )
        if gate.after_reward == "keep" and self.pay != "fresh" and not gate.payment_tiers:
            raise ValueError(
                f"after_reward: keep with pay: {self.pay} needs gate.payment_tiers, such as "
                "[25, 50, 100, 200]: a payment tells what the kept hold-out measured, and tiers "
                "bound how much"
            )

    @property
    def kind(self) -> Task:
        """The kind of task."""
        return TASKS[self.task]

    @property
    def features(self) -> tuple[str, ...] | None:
        """Columns to learn from; None: all that are not named otherwise."""
        # A model of the texts themselves learns from nothing else.
        return (self.data.target,) if self.kind.scores_targets else self.data.features

    @property
    def automatic_metric(self) -> tuple[str, dict[str, Any]]:
        """What refits are scored by, and its options: the paid metric, or people's proxy."""
        if self.kind.by_people:
            return self.human.proxy, self.human.proxy_options
        return self.metric, self.metric_options

    @property
    def splitter(self) -> str:
        """How folds are cut: as the spec says, or as task and data ask for."""
        if self.cross_validation.splitter is not None:
            return self.cross_validation.splitter
        return "time" if self.data.time is not None else self.valuation_splitter

    @property
    def valuation_splitter(self) -> str:
        """How the folds are cut on which contributions are valued; repeats are needed there."""
        spread = self.kind.stratified
        if self.data.group is not None:
            return "stratified_grouped" if spread else "grouped"
        return "stratified" if spread else "shuffled"

    def to_dict(self) -> dict[str, Any]:
        """Plain values without the split key, which is a secret."""
        return self.model_dump(mode="json", exclude={"data": {"split": {"key"}}})
