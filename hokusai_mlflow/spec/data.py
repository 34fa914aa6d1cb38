"""The part of a spec that says what data there are, and how they are cut."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator

from hokusai_mlflow.chain.spec import Address, Part

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
