"""What a model must show before it is promoted, as one value that is hashed into the evidence."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hokusai_mlflow.stats.result import MOST_SKEW
from hokusai_mlflow.tasks import task as task_named

FLOOR_BPS = 10
"""No policy asks for less: 10 bps = 0.1 %, the floor of the guide and of the contract."""


class Guardrail(BaseModel):
    """A metric that may not get worse by more than a margin, everywhere or on one slice.

    Parameters
    ----------
    metric : str, optional
        Name in the registry; the paid metric when left out.
    options : mapping
        Its options; the paid metric's own when `metric` is left out.
    margin_bps : int
        How much worse the candidate may be, in basis points of that metric.
    slice : mapping of str to str
        Column and value, such as ``{sex: female}``; several must all hold.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str | None = None
    options: dict[str, Any] = {}
    margin_bps: int = Field(ge=1, le=10_000)
    slice: dict[str, str] = {}

    @field_validator("slice", mode="before")
    @classmethod
    def _as_text(cls, given: Any) -> Any:
        # YAML reads {sex: 1} as a number and {smoker: yes} as a truth value; columns are text.
        if isinstance(given, dict):
            return {
                str(column): str(value) if isinstance(value, int | float) else value
                for column, value in given.items()
            }
        return given

    @model_validator(mode="after")
    def _guards_something(self) -> Self:
        if self.metric is None and not self.slice:
            raise ValueError(
                "a guardrail needs a metric, a slice, or both: the paid metric on all examples is "
                "what the gate tests anyway"
            )
        if self.metric is None and self.options:
            raise ValueError("options belong to a metric, and none is named")
        return self

    def named(self, paid: str) -> str:
        """What is guarded, in words; `paid` is the name of the paid metric."""
        where = " and ".join(f"{column}={value}" for column, value in self.slice.items())
        return f"{self.metric or paid}{f' where {where}' if where else ''}"


class GatePolicy(BaseModel):
    """Every threshold of the gate.

    Parameters
    ----------
    min_improvement_bps : int
        Minimum effect δ₀ of the null hypothesis H0: Δ ≤ δ₀, in basis points, at least 10.
    alpha : float
        Chance of any false promotion over the life of one sealed hold-out.
    quota : int
        Tests that one sealed hold-out admits; each runs at a part of `alpha`.
    after_reward : {"rotate", "keep"}
        Whether a hold-out retires on its first acceptance.
    payment_tiers : tuple of int
        Payments in basis points, ascending, for hold-outs that are kept and paid from: the largest
        one up to what was measured is paid. Fewer tell submitters less, and cost less level.
    detectable_bps : int
        Largest acceptable minimum detectable effect (80 % power at the level of the look).
        A comparison that could only find larger improvements is not enough evidence.
    min_discordant : int
        Fewest examples on which exactly one of the two models is right (paired 0/1 metrics).
    min_class_examples : int
        Fewest examples of every class, for metrics that are defined by class.
    min_groups : int
        Fewest groups, when examples are grouped.
    min_raters : int
        Fewest clusters in each of two ways of grouping (items and raters).
    max_skew : float
        Largest −skew(ψ)/√n of the influence function ψ; beyond it no test keeps its level.
    cv_veto_p : float
        Cross-validated refits veto the promotion when powered and p ≥ this value.
    validation_runs : int
        Refits of both recipes with other seeds, all of which must improve; 0 makes none.
    guardrails : tuple of Guardrail
        Metrics and slices that may not get worse.
    slice_margin_bps : int
        How much worse the paid metric may get on every slice that the spec names columns for.
    guardrail_alpha : float
        Chance that any of the guardrails and slices passes wrongly, kept by Holm's correction.
    min_slice_examples : int
        Slices of fewer examples are not tested, and are named; 0: every slice is tested, and one
        that is too small is not enough evidence.
    block_p : float
        The improvement must stay significant at this level without any one block.
    worse_block_alpha : float
        Chance that any block is called worse wrongly (Bonferroni over the blocks).
    homogeneity_p : float
        Blocks are called unlike at or below this p-value of Cochran's Q; 0 asks for no likeness.
    min_agreement : float
        Smallest Krippendorff's α of the raters.

    Raises
    ------
    pydantic.ValidationError
        When a key is unknown or a value out of range.

    Notes
    -----
    Under ``after_reward: keep`` the level of later looks allows for what the payment's tier tells.
    The paired sums of an acceptance are public on a public chain and tell more: keep a hold-out
    only where submitters do not read them, or rotate.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_improvement_bps: int = Field(FLOOR_BPS, ge=FLOOR_BPS, le=10_000)
    alpha: float = Field(0.05, gt=0, le=0.1)
    quota: int = Field(20, ge=1, le=1_000)
    after_reward: Literal["rotate", "keep"] = "rotate"
    payment_tiers: tuple[int, ...] = Field((), max_length=100)
    detectable_bps: int = Field(200, ge=1, le=100_000)
    min_discordant: int = Field(30, ge=1)
    min_class_examples: int = Field(50, ge=1)
    min_groups: int = Field(40, ge=2)
    min_raters: int = Field(3, ge=2)
    max_skew: float = Field(MOST_SKEW, gt=0, le=1)
    cv_veto_p: float = Field(0.20, gt=0, lt=0.5)
    validation_runs: int = Field(3, ge=0, le=20)
    guardrails: tuple[Guardrail, ...] = Field((), max_length=50)
    slice_margin_bps: int = Field(200, ge=1, le=10_000)
    guardrail_alpha: float = Field(0.05, gt=0, le=0.2)
    min_slice_examples: int = Field(0, ge=0)
    block_p: float = Field(0.10, gt=0, lt=0.5)
    worse_block_alpha: float = Field(0.05, gt=0, lt=0.5)
    homogeneity_p: float = Field(0.001, ge=0, lt=0.5)
    min_agreement: float = Field(0.667, gt=0, le=1)

    @classmethod
    def for_task(cls, task: str, **given: Any) -> Self:
        """The policy with the defaults of a kind of model.

        Parameters
        ----------
        task : {"classification", "regression", "language_model", "text_generation", "human"}
            The kind; see `hokusai_mlflow.tasks`.
        **given
            Thresholds that differ.

        Raises
        ------
        UnknownName
            When there is no such task; `pydantic.ValidationError` as by the constructor.
        """
        return cls.model_validate({**task_named(task).gate, **given})

    @model_validator(mode="after")
    def _can_be_found(self) -> Self:
        if self.detectable_bps <= self.min_improvement_bps:
            raise ValueError(
                f"detectable_bps {self.detectable_bps} must be above min_improvement_bps "
                f"{self.min_improvement_bps}: no data can show an effect at its own minimum"
            )
        return self

    @model_validator(mode="after")
    def _tiers_ascend(self) -> Self:
        tiers = self.payment_tiers
        if tiers and self.after_reward == "rotate":
            raise ValueError(
                "payment_tiers are for after_reward: keep; a hold-out that retires on its first "
                "acceptance may tell what it measured"
            )
        if any(low >= high for low, high in pairwise(tiers)):
            raise ValueError(f"payment_tiers must ascend, found {list(tiers)}")
        if tiers and tiers[0] < self.min_improvement_bps:
            raise ValueError(
                f"the smallest of payment_tiers, {tiers[0]}, is below min_improvement_bps "
                f"{self.min_improvement_bps}, which is the least that is paid"
            )
        return self

    @property
    def revealed_sizes(self) -> int:
        """Distinct payments that an acceptance may reveal: the tiers, and nothing."""
        return len(self.payment_tiers) + 1 if self.payment_tiers else 1

    def tier(self, measured_bps: int) -> int:
        """The largest tier up to what was measured; without tiers, what was measured."""
        if not self.payment_tiers:
            return measured_bps
        return max((tier for tier in self.payment_tiers if tier <= measured_bps), default=0)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as they are hashed into the evidence."""
        return self.model_dump(mode="json")
