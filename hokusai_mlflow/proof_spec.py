"""The part of a spec that says how sums are proven."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from hokusai_mlflow.chain.improvement import address

Verification = Literal["oracle", "zk", "hybrid"]
Capacity = Literal[128, 1024, 10240]


INFERENCE = (
    "bad_share",
    "miss",
    "draw_delay",
    "max_draws",
    "model_owner",
)
"""What bears on inference alone."""


class ProofSpec(BaseModel):
    """How sums are proven, under ``verification: zk`` or ``hybrid``.

    `oracles_too` demands the oracles' signatures for all examples beside the proof. `capacity` is
    the most rows of one proof; more are proven in chunks. `target_range` and `steps` turn the
    targets of an error metric into whole numbers: the cap becomes `steps`. `max_part_percent` is
    the most of the examples that oracles, or the proof, may vouch for in a hybrid. `label_owner` is
    the address that commits to labels, by default the one that this process sends transactions
    with. `min_commitment_age` is how many blocks labels must be committed to before they pay.

    `prove_inference` has the contract ask, beside the sums, for proofs that both models' committed
    predictions come from their committed weights. It is for classifiers that whole numbers follow
    (see `verification.zk.quantised`); what is registered, compared and paid for is then the model
    in whole numbers. After everything is committed to, so many rows of every chunk of examples are
    drawn that a share of `bad_share` wrong predictions is missed with a chance of at most `miss`:
    135 by default, or all of a smaller chunk. They are drawn by the randomness of a block
    `draw_delay` blocks later, by default the next one on a development chain and the 130th
    elsewhere, since Ethereum's proposers know four epochs ahead which blocks are theirs (EIP-4399).
    `max_draws` bounds how often challengers of one champion are drawn for, so that nobody looks for
    a lucky draw. `model_owner` is the address that commits to weights and predictions, by default
    the one that this process sends transactions with.

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
    prove_inference: bool = False
    bad_share: float = Field(0.05, gt=0, lt=1)
    miss: float = Field(0.001, gt=0, lt=1)
    draw_delay: int | None = Field(None, ge=1, le=200)
    max_draws: int = Field(20, ge=1, lt=2**32)
    model_owner: Annotated[str, AfterValidator(address)] | None = None

    @model_validator(mode="after")
    def _has_a_range(self) -> ProofSpec:
        if self.target_range is not None and self.target_range[0] >= self.target_range[1]:
            raise ValueError("target_range must be the least and then the largest target")
        fields = type(self).model_fields
        asked = [name for name in INFERENCE if getattr(self, name) != fields[name].default]
        if asked and not self.prove_inference:
            raise ValueError(f"{asked[0]} needs prove_inference: true")
        return self
