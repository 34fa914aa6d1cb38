"""The pipeline spec: everything that a user writes besides the recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from hokusai_mlflow.chain.spec import Address, ChainSpec, Part
from hokusai_mlflow.errors import MissingInput, SpecError, did_you_mean
from hokusai_mlflow.folds import require_splitter
from hokusai_mlflow.gate.policy import TASK_DEFAULTS, GatePolicy
from hokusai_mlflow.metrics import metric, metric_names
from hokusai_mlflow.proof_spec import ProofSpec, Verification
from hokusai_mlflow.verification.statement import LOSSES, require_provable

DEFAULT_METRIC = {"classification": "accuracy", "regression": "rmse"}


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]


class Split(Part):
    """How a keyed hash of the example id cuts the pool.

    `reference` and `payment` are shares of the pool; the sealed hold-outs get equal parts of the
    rest. Without `key`, a random one is made on first use and kept in the Hokusai home.
    """

    reference: float = Field(0.5, gt=0, lt=1)
    payment: float = Field(0.2, ge=0, lt=1)
    holdouts: int = Field(1, ge=1, le=100)
    key: SecretStr | None = None

    @model_validator(mode="after")
    def _leaves_a_holdout(self) -> Split:
        if self.reference + self.payment >= 1:
            raise ValueError(
                f"reference {self.reference} and payment {self.payment} leave nothing to hold out"
            )
        return self


class DataSpec(Part):
    """The pool of examples that belongs to the model's owner.

    `group`, `blocks`, `slices` and `time` name columns that tell the pool's examples apart: which
    belong together (one person's, one document's), which structural block each is of, on what
    slices the paid metric may not get worse, and their order in time. Such a column is a feature
    only when `features` names it; contributed files need not have it. `source` is a column of the
    same kind, which says where an example comes from; under ``verification: hybrid``, `sources`
    marks every source ``public``, for oracles to see, or ``private``, for a proof.
    """

    pool: str
    target: str
    id: str | None = None
    features: tuple[str, ...] | None = None
    group: str | None = None
    blocks: str | None = None
    slices: tuple[str, ...] = ()
    time: str | None = None
    source: str | None = None
    sources: dict[str, Literal["public", "private"]] = Field(default_factory=dict)
    split: Split = Split()

    @property
    def metadata(self) -> tuple[str, ...]:
        """The columns that tell examples apart, each once."""
        named = (self.group, self.blocks, *self.slices, self.time, self.source)
        return tuple(dict.fromkeys(column for column in named if column is not None))

    @model_validator(mode="after")
    def _tells_apart_without_the_answer(self) -> DataSpec:
        if self.target in self.metadata:
            raise ValueError(
                f"the target {self.target!r} cannot be a group, block, slice or time: name another "
                "column"
            )
        if self.time is not None and self.time == self.group:
            raise ValueError(f"{self.time!r} cannot be both data.group and data.time")
        return self


class Contributor(Part):
    """Who brought a data set, and where to pay them."""

    name: Name
    data: str
    address: Address


class CrossValidationPlan(Part):
    """Repeats × folds of the refits; fewer when a refit is dear.

    `splitter` is ``stratified``, ``shuffled``, ``grouped``, ``stratified_grouped``, ``time`` (train
    on earlier examples only; one repeat), or the import path ``package.module:Name`` of a
    scikit-learn splitter that takes ``n_splits`` and ``random_state``. By default it follows from
    the task, `data.group` and `data.time`.
    """

    repeats: int = Field(10, ge=1, le=100)
    folds: int = Field(10, ge=2, le=50)
    splitter: str | None = None

    @field_validator("splitter")
    @classmethod
    def _exists(cls, given: str | None) -> str | None:
        if given is not None:
            require_splitter(given)
        return given


class ValuationPlan(Part):
    """Repeats × folds on which every coalition of contributors is valued."""

    repeats: int = Field(5, ge=2, le=100)
    folds: int = Field(3, ge=2, le=50)


class ApprovalPlan(Part):
    """A person approves what the gate would promote; without this part of the spec nobody is asked.

    `via` says where: ``mlflow``, by tags of the model version (`hokusai.approval`: approve or
    refuse, and `hokusai.reviewer`: a name), read by the next run; or ``prefect``, in the form of
    the flow run, which is suspended (or, without a deployment, paused) for at most `hours`.
    """

    via: Literal["mlflow", "prefect"] = "mlflow"
    hours: int = Field(168, ge=1, le=8_760)


class Spec(Part):
    """A model, its data, its contributors, and what an improvement must show.

    Raises
    ------
    SpecError
        From `load_spec`, with one line per mistake and a suggestion for unknown keys.
    """

    model: Name
    task: Literal["classification", "regression"]
    recipe: str
    metric: str
    metric_options: dict[str, Any] = Field(default_factory=dict)
    also_log: tuple[str, ...] = ()
    owner: Address
    seed: int = Field(0, ge=0, le=2**31 - 1)
    data: DataSpec
    contributors: tuple[Contributor, ...] = Field((), max_length=8)
    gate: GatePolicy = GatePolicy()  # type: ignore[call-arg]
    cross_validation: CrossValidationPlan = CrossValidationPlan()
    valuation: ValuationPlan = ValuationPlan()
    pay: Literal["fresh", "lower_bound", "measured"] = "fresh"
    verification: Verification = "oracle"
    proof: ProofSpec = ProofSpec()
    approval: ApprovalPlan | None = None
    chain: ChainSpec = ChainSpec()
    serialization: Literal["cloudpickle", "skops"] = "cloudpickle"

    @model_validator(mode="before")
    @classmethod
    def _default_metric(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "task" not in given:
            return given
        task = given["task"]
        metric_ = {"metric": DEFAULT_METRIC.get(task, "accuracy")}
        policy, asked = TASK_DEFAULTS.get(task, {}), given.get("gate", {})
        gate = {"gate": {**policy, **asked}} if isinstance(asked, dict) else {}
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

    def _check_proof(self) -> None:
        data, marked = self.data, set(self.data.sources.values())
        if self.verification == "oracle":
            if self.proof != ProofSpec():
                raise ValueError("proof: needs verification: zk or hybrid")
            return
        require_provable(self.metric, self.metric_options)
        if self.metric in LOSSES and self.proof.target_range is None:
            raise ValueError(f"a proof of {self.metric} needs proof: {{target_range: [low, high]}}")
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
            if self.proof.oracles_too or self.chain.attestations is not None:
                raise ValueError(
                    "a hybrid's oracles see the public examples and sign in this process: remove "
                    "proof.oracles_too and chain.attestations, or use verification: zk with "
                    "oracles_too for both on all examples"
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
        if "stratified" in chosen and self.task != "classification":
            raise ValueError(f"splitter: {chosen} needs task: classification")

    def _check_gate(self) -> None:
        gate = self.gate
        for rail in gate.guardrails:
            metric(rail.metric or self.metric, **(rail.options if rail.metric else {}))
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
    def splitter(self) -> str:
        """How folds are cut: as the spec says, or as task and data ask for."""
        if self.cross_validation.splitter is not None:
            return self.cross_validation.splitter
        return "time" if self.data.time is not None else self.valuation_splitter

    @property
    def valuation_splitter(self) -> str:
        """How the folds are cut on which contributions are valued; repeats are needed there."""
        spread = self.task == "classification"
        if self.data.group is not None:
            return "stratified_grouped" if spread else "grouped"
        return "stratified" if spread else "shuffled"

    def to_dict(self) -> dict[str, Any]:
        """Plain values without the split key, which is a secret."""
        return self.model_dump(mode="json", exclude={"data": {"split": {"key"}}})


class _UniqueKeys(yaml.SafeLoader):
    """YAML in which a key that is given twice is a mistake, not a way to overwrite the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As the base class, after a look at the keys."""
        seen = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:str" and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} is given twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def load_spec(path: str | Path) -> Spec:
    """Read and check a `pipeline.yaml`.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    Spec
        The checked spec; paths in it are relative to the file's folder.

    Raises
    ------
    MissingInput
        When there is no such file.
    SpecError
        When it is not YAML or not a valid spec.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise MissingInput(
            f"no spec at {path}; expected a pipeline.yaml (`hokusai init` writes an example)"
        ) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise MissingInput(f"cannot read the spec {path}: {problem}") from problem
    try:
        given = yaml.load(text, Loader=_UniqueKeys)
    except yaml.YAMLError as problem:
        raise SpecError(f"{path} is not valid YAML: {problem}") from problem
    if not isinstance(given, dict):
        raise SpecError(f"{path}: expected keys and values, found {type(given).__name__}")
    try:
        return Spec.model_validate(given)
    except ValidationError as problem:
        lines = [f"{path} is not a valid spec:", *(_explain(error) for error in problem.errors())]
        raise SpecError("\n  ".join(lines)) from None


def _explain(error: Any) -> str:
    """One pydantic error as a line for people."""
    where = ".".join(str(step) for step in error["loc"])
    if error["type"] == "extra_forbidden":
        part: Any = Spec
        for step in error["loc"][:-1]:
            part = _part_at(part, step)
        known = part.model_fields if part is not None else ()
        return f"{where}: unknown key{did_you_mean(str(error['loc'][-1]), known)}"
    if error["type"] == "missing":
        return f"{where}: missing; this key is required"
    message = error["msg"].removeprefix("Value error, ")
    if error["loc"] == ("data", "split", "key"):
        return f"{where}: {message}; a secret, not shown (a number must be quoted)"
    shown = "" if isinstance(error["input"], dict) else f" (found {error['input']!r})"
    return f"{where}: {message}{shown}" if where else f"{message}"


def _part_at(part: Any, step: int | str) -> Any:
    """The model class below `part` at one step of an error's location."""
    if isinstance(step, int):
        return part
    field = getattr(part, "model_fields", {}).get(step)
    found = None if field is None else field.annotation
    candidates = [found, *getattr(found, "__args__", ())]
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
