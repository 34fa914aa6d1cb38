"""The part of a spec that says how sums are proven."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from hokusai_mlflow.chain.improvement import address

Verification = Literal["oracle", "zk", "hybrid"]
Capacity = Literal[128, 1024, 10240]


class ProofSpec(BaseModel):
    """How sums are proven, under ``verification: zk`` or ``hybrid``.

    `oracles_too` demands the oracles' signatures for all examples beside the proof. `capacity` is
    the most rows of one proof; more are proven in chunks. `target_range` and `steps` turn the
    targets of an error metric into whole numbers: the cap becomes `steps`. `max_part_percent` is
    the most of the examples that oracles, or the proof, may vouch for in a hybrid. `label_owner` is
    the address that commits to labels, by default the one that this process sends transactions
    with. `min_commitment_age` is how many blocks labels must be committed to before they pay.

    The key is the strongest of its circuit that is kept in the Hokusai home; where there is none, a
    development key is made, which any chain but the development chain refuses.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    oracles_too: bool = False
    capacity: Capacity | None = None
    target_range: tuple[float, float] | None = None
    steps: int = Field(10_000, ge=2)
    max_part_percent: int = Field(80, ge=50, le=99)
    label_owner: Annotated[str, AfterValidator(address)] | None = None
    min_commitment_age: int = Field(1, ge=1, lt=2**32)

    @model_validator(mode="after")
    def _has_a_range(self) -> ProofSpec:
        if self.target_range is not None and self.target_range[0] >= self.target_range[1]:
            raise ValueError("target_range must be the least and then the largest target")
        return self
