"""The parts of a spec that plan refits, valuation and approval."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import Field, field_validator

from hokusai_mlflow.chain.spec import Part
from hokusai_mlflow.folds import require_splitter


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


class HumanPlan(Part):
    """How ``task: human`` goes: people judge what the models say of the examples.

    No refit can be judged by people, so cross-validation and valuation score texts by `proxy`, a
    metric of texts that a machine computes, with `proxy_options`.

    Both models' answers to the sealed hold-out and the payment set are rated on `scale`, every one
    by at least `raters_per_item` people. `flagged` says, before anybody knows who is better,
    whether the ratings of raters who stand out are kept or excluded.
    """

    proxy: str = "chrf"
    proxy_options: dict[str, Any] = Field(default_factory=dict)
    scale: tuple[float, float] | None = None
    raters_per_item: int = Field(3, ge=2, le=100)
    flagged: Literal["keep", "exclude"] = "keep"

    @field_validator("scale")
    @classmethod
    def _ascends(cls, given: tuple[float, float] | None) -> tuple[float, float] | None:
        # Not "above": NaN is no end of a scale.
        if given is not None and not -math.inf < given[0] < given[1] < math.inf:
            raise ValueError(f"expected [lowest, highest], such as [1, 5], found {list(given)}")
        return given


class ApprovalPlan(Part):
    """A person approves what the gate would promote; without this part of the spec nobody is asked.

    `via` says where: ``mlflow``, by tags of the model version (`hokusai.approval`: approve or
    refuse, and `hokusai.reviewer`: a name), read by the next run; or ``prefect``, in the form of
    the flow run, which is suspended (or, without a deployment, paused) for at most `hours`.
    """

    via: Literal["mlflow", "prefect"] = "mlflow"
    hours: int = Field(168, ge=1, le=8_760)
