"""The parts of a spec that plan refits, valuation and approval."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from hokusai_mlflow.chain.spec import Part
from hokusai_mlflow.contributions.effort import Asked, Method, chosen_method, fewest_refits
from hokusai_mlflow.errors import InputError
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
    """How contributions are valued: on what folds, by which value, and with how many refits.

    The value is measured on `repeats` × `folds` of the reference rows. `method` is ``rows``
    (Shapley values of rows in `blocks` stretches per order, added up by contributor; coming under
    several names gains nothing), ``shapley`` (of contributors: exact up to 12 players whose
    coalitions fit into `max_refits`, else sampled), or ``leave_one_out``.

    What is sampled is sampled until no share's standard error due to sampling is above `precision`
    (a fraction of all shares), or until another round would need more than `max_refits`, a model
    fitted on one fold being one refit; evidence and receipt say which.

    `runner` says where refits run: ``threads`` of the flow's process, ``processes``, or ``dask``
    (extra ``dask``), a local cluster unless `scheduler` has the address of one that shares the
    Hokusai home. `workers` is their number; the flow's own threads, or one per core, when left out.
    """

    repeats: int = Field(5, ge=2, le=100)
    folds: int = Field(3, ge=2, le=50)
    method: Asked = "rows"
    blocks: int = Field(8, ge=2, le=1_000)
    precision: float = Field(0.03, gt=0, lt=1)
    max_refits: int = Field(4_000, ge=8, le=10**9)
    runner: Literal["threads", "processes", "dask"] = "threads"
    workers: int | None = Field(None, ge=1, le=1_024)
    scheduler: str | None = None

    @model_validator(mode="after")
    def _hangs_together(self) -> ValuationPlan:
        if self.scheduler is not None and self.runner != "dask":
            raise ValueError("valuation.scheduler is a Dask scheduler's address: set runner: dask")
        if self.scheduler is not None and self.workers is not None:
            raise ValueError("valuation.workers: a Dask scheduler has its own; remove one of them")
        return self

    @property
    def replicates(self) -> int:
        """Folds on which everything is measured."""
        return self.repeats * self.folds

    @property
    def test_train_ratio(self) -> float:
        """Size of a test fold divided by the reference rows it trains on."""
        return 1 / (self.folds - 1)

    def way(self, sizes: Collection[int], whole: int) -> Method:
        """The way that is taken for contributions of so many rows and so many changes as a whole.

        Parameters
        ----------
        sizes : collection of int
            Rows of everybody who brings some.
        whole : int
            Number of the owner's own changes.
        """
        return chosen_method(
            self.method,
            players=len(sizes) + whole,
            divisible=len(sizes),
            replicates=self.replicates,
            max_refits=self.max_refits,
        )

    def fewest(self, sizes: Collection[int], whole: int) -> int:
        """Refits that valuing them once takes at least; parameters as for `way`."""
        return fewest_refits(
            self.way(sizes, whole),
            sizes,
            whole=whole,
            blocks=self.blocks,
            replicates=self.replicates,
        )

    def require_affordable(self, sizes: Collection[int], whole: int) -> None:
        """Refuse before anything is changed what could not be finished; parameters as for `way`.

        Raises
        ------
        InputError
            When the least is beyond `max_refits`: to value everybody, and those who do no harm by
            themselves.
        """
        # Coalitions without somebody are among all of them.
        least = self.fewest(sizes, whole) * (1 if self.way(sizes, whole) == "exact" else 2)
        if least > self.max_refits:
            raise InputError(
                f"valuing {len(sizes) + whole} changes may take {least:,} refits at least, and "
                f"valuation.max_refits is {self.max_refits:,}; raise it, lower valuation.repeats, "
                "valuation.folds or valuation.blocks, or run with fewer contributors first"
            )


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
