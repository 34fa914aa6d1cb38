"""The chain section of a pipeline spec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from hokusai_mlflow.chain.improvement import address

if TYPE_CHECKING:
    from hokusai_mlflow.chain.finality import Finality

_KEY_LENGTH = 16
"""Characters of a step in an endpoint's path from which it is taken for an access key."""


def _quoted(given: Any) -> Any:
    if isinstance(given, int):
        raise ValueError("an address must be quoted: YAML reads 0x… as a number")  # noqa: TRY004
    return given


Address = Annotated[str, BeforeValidator(_quoted), AfterValidator(address)]


def _finality(given: Any) -> Any:
    by_depth = isinstance(given, int) and not isinstance(given, bool) and 1 <= given <= 1_000
    if given is not None and not by_depth and given not in ("safe", "finalized"):
        raise ValueError("expected a number of blocks from 1 to 1000, 'safe' or 'finalized'")
    return given


class Part(BaseModel):
    """A section of a spec: nothing unknown in it, nothing changed in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ChainSpec(Part):
    """Where rewards are paid. Without `rpc_url`, here or in the settings, the development chain.

    `verifier` is the address of the deployed `DeltaOneVerifier`; by default the one that
    `hokusai chain deploy` recorded for this chain. `budget` and `tokens_per_delta_one` are in whole
    DeltaOne tokens and are used when the model is first configured on a development chain;
    `daily_cap` is what may be granted within one UTC day, by default all of the budget.
    `holdback_percent` of every reward vests only when a measurement `holdback_days` later or more
    confirms the improvement (`hokusai chain maintain`), and else returns to the budget.
    A payment counts when `finality` says so: a number of blocks that contain or follow it, or the
    chain's own tag ``safe`` or ``finalized``; `confirmations` is the older name of the former.
    `attestations` is a directory or artifact URI where outside oracles are asked for signatures and
    put them (`hokusai attest`); without it, the keys of this process attest.
    """

    rpc_url: str | None = None
    chain_id: int | None = Field(None, ge=1)
    verifier: Address | None = None
    confirmations: int = Field(1, ge=1, le=1_000)
    finality: Annotated[int | str | None, BeforeValidator(_finality)] = None
    tokens_per_delta_one: int = Field(1, ge=1)
    budget: int = Field(1_000_000, ge=1)
    daily_cap: int | None = Field(None, ge=1)
    holdback_percent: int = Field(0, ge=0, le=99)
    holdback_days: int = Field(30, ge=1, le=3_650)
    deadline_days: int = Field(7, ge=1, le=365)
    attestations: str | None = None

    @property
    def settled_by(self) -> Finality:
        """The depth or tag from which on a payment counts."""
        return self.confirmations if self.finality is None else self.finality  # type: ignore[return-value]

    @model_validator(mode="after")
    def _says_once_what_is_final(self) -> ChainSpec:
        if self.finality is not None and self.confirmations != 1:
            raise ValueError("finality and confirmations say the same; leave finality")
        return self

    @model_validator(mode="after")
    def _names_its_chain(self) -> ChainSpec:
        if self.rpc_url is not None and self.chain_id is None:
            raise ValueError("an rpc_url needs the chain_id it is expected to serve")
        if self.rpc_url is not None and _holds_access_key(self.rpc_url):
            raise ValueError(
                "rpc_url seems to hold an access key, and a spec is copied to MLflow with every "
                "run; leave rpc_url out and set HOKUSAI_RPC_URL in the environment instead"
            )
        return self


def _holds_access_key(url: str) -> bool:
    """Whether an endpoint's address says more than where it is."""
    parts = urlsplit(url)
    long = any(len(step) >= _KEY_LENGTH for step in parts.path.split("/"))
    return long or bool(parts.query or parts.username or parts.password)
