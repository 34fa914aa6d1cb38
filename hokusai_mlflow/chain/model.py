"""A model on chain: the terms it is paid under, and where its lineage stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from hokusai_mlflow.chain.improvement import address, name_id
from hokusai_mlflow.deltaone import WAD, WEIGHT_TOTAL, PairedKind, paired_kind
from hokusai_mlflow.errors import InputError

KINDS: tuple[PairedKind, ...] = get_args(PairedKind)
"""Kinds in the order of the contract's enumeration."""

Method = Literal["oracle", "proof", "hybrid", "both"]
METHODS: tuple[Method, ...] = get_args(Method)
"""Who vouches for the sums, in the order of the contract's enumeration."""

LEAST_BPS, LEAST_SAMPLES, LEAST_Z2_E6, LEAST_TOKENS = 10, 30, 1_642_374, 100


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Terms under which a model's improvements are paid.

    Parameters
    ----------
    metric : str
        Name of the only metric that pays.
    owner : str
        Address that gets 30 %.
    min_bps : int
        Least improvement that pays, and the least effect it is tested against; at least 10.
    min_samples : int
        Least n of the gate's and of the payment's sums; at least 30.
    z2_floor_e6 : int
        z² × 1e6 that the gate's sums must reach; at least one-sided 10 %.
    tokens_per_delta_one : int
        Wei of DeltaOne for 100 basis points.
    budget : int
        Wei that the model may ever be paid.
    daily_cap : int
        Wei that it may be granted within one UTC day.
    method : {"oracle", "proof", "hybrid", "both"}
        Who vouches for the sums: oracles, a proof, oracles for some examples and a proof for the
        others, or oracles and a proof for all of them.
    holdback : int
        Share of every reward, in 1e-4, that vests only when the improvement is confirmed by a
        later measurement, and else returns to the budget; 0: none.
    holdback_period : int
        Seconds after a payment from which on such a measurement counts.
    """

    metric: str
    owner: str
    min_bps: int = LEAST_BPS
    min_samples: int = LEAST_SAMPLES
    z2_floor_e6: int = 2_705_543
    tokens_per_delta_one: int = WAD
    budget: int = 10_000 * WAD
    daily_cap: int = 1_000 * WAD
    method: Method = "oracle"
    holdback: int = 0
    holdback_period: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "owner", address(self.owner))
        for name, least, bits in (
            ("min_bps", LEAST_BPS, 32),
            ("min_samples", LEAST_SAMPLES, 64),
            ("z2_floor_e6", LEAST_Z2_E6, 32),
            ("tokens_per_delta_one", LEAST_TOKENS, 128),
            ("budget", 0, 128),
            ("daily_cap", 0, 128),
            ("holdback_period", 0, 32),
        ):
            value = getattr(self, name)
            if not least <= value < 2**bits:
                raise InputError(f"{name} must be from {least} to 2**{bits} − 1, found {value}")
        if not 0 <= self.holdback < WEIGHT_TOTAL:
            raise InputError(
                f"holdback must be from 0 to {WEIGHT_TOTAL - 1}, found {self.holdback}"
            )
        if self.method not in METHODS:
            raise InputError(f"method must be one of {METHODS}, found {self.method!r}")

    @property
    def kind(self) -> PairedKind:
        """How the improvement follows from the paired sums."""
        return paired_kind(self.metric)

    def arguments(self) -> tuple[Any, ...]:
        """The contract's ``ModelConfig``."""
        return (
            name_id(self.metric),
            KINDS.index(self.kind),
            METHODS.index(self.method),
            self.owner,
            self.min_bps,
            self.z2_floor_e6,
            self.holdback,
            self.min_samples,
            self.tokens_per_delta_one,
            self.holdback_period,
            self.budget,
            self.daily_cap,
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON form; wei are decimal strings."""
        wei = {"tokens_per_delta_one", "budget", "daily_cap"}
        return {name: str(value) if name in wei else value for name, value in asdict(self).items()}

    def __repr__(self) -> str:
        return (
            f"ModelConfig({self.metric}, ≥ {self.min_bps} bps on ≥ {self.min_samples} examples, "
            f"{self.tokens_per_delta_one / WAD:g} tokens per DeltaOne, "
            f"budget {self.budget / WAD:g}, {self.daily_cap / WAD:g} a day)"
        )


@dataclass(frozen=True, slots=True)
class ModelOnChain:
    """What the contract knows of a model; digests are ``0x`` and hexadecimal, amounts wei.

    `metric_id` is the keccak-256 of the metric's name, `minted` what was ever paid, `granted_today`
    what was granted on day `today` (days since 1970, UTC), `reserved` what was granted and is still
    to be claimed or to vest. The rest of the names are those of `ModelConfig`.
    """

    metric_id: str
    kind: PairedKind
    method: Method
    owner: str
    min_bps: int
    z2_floor_e6: int
    holdback: int
    min_samples: int
    tokens_per_delta_one: int
    holdback_period: int
    budget: int
    daily_cap: int
    genesis: str
    head: str
    minted: int
    granted_today: int
    today: int
    reserved: int

    @classmethod
    def of(cls, config: Mapping[str, Any], state: Mapping[str, Any]) -> ModelOnChain:
        """From the two structs that the contract's ``model`` returns."""
        return cls(
            metric_id="0x" + bytes(config["metricId"]).hex(),
            kind=KINDS[config["kind"]],
            method=METHODS[config["method"]],
            owner=config["owner"],
            min_bps=config["minBps"],
            z2_floor_e6=config["z2FloorE6"],
            holdback=config["holdback"],
            min_samples=config["minSamples"],
            tokens_per_delta_one=config["tokensPerDeltaOne"],
            holdback_period=config["holdbackPeriod"],
            budget=config["budget"],
            daily_cap=config["dailyCap"],
            genesis="0x" + bytes(state["genesis"]).hex(),
            head="0x" + bytes(state["head"]).hex(),
            minted=state["minted"],
            granted_today=state["grantedToday"],
            today=state["today"],
            reserved=state["reserved"],
        )

    def has_terms(self, config: ModelConfig) -> bool:
        """Whether these are the terms in force."""
        return config.arguments() == (
            bytes.fromhex(self.metric_id[2:]),
            KINDS.index(self.kind),
            METHODS.index(self.method),
            self.owner,
            self.min_bps,
            self.z2_floor_e6,
            self.holdback,
            self.min_samples,
            self.tokens_per_delta_one,
            self.holdback_period,
            self.budget,
            self.daily_cap,
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON form; wei are decimal strings."""
        wei = {"tokens_per_delta_one", "budget", "daily_cap", "minted", "granted_today", "reserved"}
        return {name: str(value) if name in wei else value for name, value in asdict(self).items()}

    def __repr__(self) -> str:
        return (
            f"ModelOnChain(head {self.head[:10]}…, paid {self.minted / WAD:g} of "
            f"{self.budget / WAD:g} DeltaOnes)"
        )
