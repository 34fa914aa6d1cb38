"""What analytics compute: a reward by the real formula, two versions compared, return on cost."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from hokusai_mlflow.deltaone import (
    BASIS_POINT,
    CONTRIBUTORS_PERCENT,
    WAD,
    WEIGHT_TOTAL,
    paired_kind,
    reward_wei,
    split,
)
from hokusai_mlflow.errors import InputError, UnknownName
from hokusai_mlflow.fixed_point import ln_wad, toward_zero
from hokusai_mlflow.history import History, attempts, champions, models, rewards, trends
from hokusai_mlflow.history.costs import Costs

_SCALE = 10**9


@dataclass(frozen=True)
class Reward:
    """What an improvement would be paid.

    Attributes
    ----------
    formula : str
        How the improvement follows from the two values.
    bps : int
        Whole basis points, rounded toward zero.
    minimum : int
        Below it nothing is paid.
    is_paid : bool
    delta_ones : float
    reward, contributors, owner : int
        Wei of the token: in all, to contributors, to the owner.
    share : int
        Wei to a contributor with the share that was asked for.
    """

    formula: str
    bps: int
    minimum: int
    is_paid: bool
    delta_ones: float
    reward: int
    contributors: int
    owner: int
    share: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; wei are decimal strings."""
        wei = ("reward", "contributors", "owner", "share")
        return {name: str(v) if name in wei else v for name, v in asdict(self).items()}


def reward(
    metric: str,
    baseline: float,
    candidate: float,
    *,
    tokens: int = 1,
    minimum: int = 10,
    share_percent: float = 100.0,
) -> Reward:
    """Reward of an improvement, in the contract's own integer arithmetic.

    Parameters
    ----------
    metric : str
        ``mse``, ``mae`` and ``rmse`` are paid by the ratio, ln(baseline/candidate); every other
        metric by the difference.
    baseline, candidate : float
        Values of the two models; for losses, above 0.
    tokens : int
        DeltaOne tokens per DeltaOne.
    minimum : int
        Basis points below which nothing is paid.
    share_percent : float
        One contributor's part of the contributors' 70 %.

    Raises
    ------
    InputError
        When a number is not finite, or a loss is not above 0.
    """
    if not all(math.isfinite(x) and abs(x) <= 1e9 for x in (baseline, candidate)):
        raise InputError("expected two finite values of at most 1e9")
    b, c = round(baseline * _SCALE), round(candidate * _SCALE)
    if paired_kind(metric) == "linear":
        improvement, formula = (c - b) * (WAD // _SCALE), "candidate − baseline"
    else:
        if min(b, c) <= 0:
            raise InputError(f"{metric} is a loss: expected two values above 0")
        # Two means of the same examples: the ratio of the sums is theirs, also under the root.
        improvement, formula = ln_wad(b) - ln_wad(c), "ln(baseline ÷ candidate)"
    bps = toward_zero(improvement, BASIS_POINT)
    paid = bps if bps >= minimum else 0
    total = reward_wei(paid, tokens * WAD)
    payout = split(total, {"0x" + "00" * 19 + "01": WEIGHT_TOTAL})
    to_contributors = sum(payout.contributors.values())
    share = round(share_percent * WEIGHT_TOTAL / 100)
    one = total * CONTRIBUTORS_PERCENT * share // (100 * WEIGHT_TOTAL)
    return Reward(
        formula, bps, minimum, paid > 0, paid / 100, total, to_contributors, payout.owner, one
    )


@dataclass(frozen=True)
class Versions:
    """Two versions of a model, side by side.

    Attributes
    ----------
    model : str
    first, second : int
    rows : tuple of (str, Point or None, Point or None)
        Every metric that was measured of either, when it was a candidate.
    direct : Attempt or None
        The attempt that compared just these two on the same examples.
    chained_bps : float or None
        Sum of the improvements from the first to the second, where one came from the other.
    chain : tuple of int
        The versions on that way.
    """

    model: str
    first: int
    second: int
    rows: tuple[tuple[str, Any, Any], ...]
    direct: attempts.Attempt | None
    chained_bps: float | None
    chain: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "model": self.model,
            "first": self.first,
            "second": self.second,
            "metrics": [
                {
                    "metric": name,
                    "first": a.to_dict() if a else None,
                    "second": b.to_dict() if b else None,
                }
                for name, a, b in self.rows
            ],
            "direct": self.direct.to_dict() if self.direct else None,
            "chained_bps": self.chained_bps,
            "chain": list(self.chain),
        }


def compare(history: History, model: str, first: int, second: int) -> Versions:
    """Compare two versions of a model by what was measured of them.

    Raises
    ------
    UnknownName
        When the ledger has no such model or version.
    """
    models.get(history, model)
    sides = [
        {point.metric: point for point in trends.current(history, model, version)}
        for version in (first, second)
    ]
    for version, found in zip((first, second), sides, strict=True):
        if not found:
            raise UnknownName(f"{model[:100]!r} has no version {version} that was measured")
    names = list(dict.fromkeys([*sides[0], *sides[1]]))
    chain = _chain(history, model, first, second)
    by_version = {c.version: c for c in champions.read(history, model) if c.kind == "promoted"}
    steps = [by_version[version].improvement_bps for version in chain[1:]]
    return Versions(
        model,
        first,
        second,
        tuple((name, sides[0].get(name), sides[1].get(name)) for name in names),
        attempts.between(history, model, first, second),
        None if not steps or None in steps else sum(s for s in steps if s is not None),
        chain,
    )


def _chain(history: History, model: str, first: int, second: int) -> tuple[int, ...]:
    """Champions from the first version to the second; nothing where none leads to the other."""
    before = {c.version: c.previous for c in champions.read(history, model) if c.kind == "promoted"}
    way, at = [second], second
    while at != first:
        step = before.get(at)
        if step is None or step in way:
            return ()
        way.append(step)
        at = step
    return tuple(reversed(way))


@dataclass(frozen=True)
class Return:
    """What one model cost and what came of it; money is None where a price is not configured.

    Attributes
    ----------
    model : str
    attempts : int
    delta_ones : float
        DeltaOnes earned.
    reward : int
        Wei paid, final.
    gas : int
        Wei of the chain's own coin.
    training_cost, gas_cost, reward_value : float or None
    roi : float or None
        (value of the reward − cost of training and gas) / that cost.
    cost_per_delta_one : float or None
    """

    model: str
    attempts: int
    delta_ones: float
    reward: int
    gas: int
    training_cost: float | None
    gas_cost: float | None
    reward_value: float | None
    roi: float | None
    cost_per_delta_one: float | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; wei are decimal strings."""
        return asdict(self) | {"reward": str(self.reward), "gas": str(self.gas)}


def returns(history: History, costs: Costs, found: tuple[models.Model, ...]) -> tuple[Return, ...]:
    """Return on cost of models."""
    return tuple(_return(history, costs, model) for model in found)


def _return(history: History, costs: Costs, model: models.Model) -> Return:
    gas = rewards.totals(history, model.name).gas_spent
    each = costs.training_of(model.name)
    training = None if each is None else each * model.attempts
    gas_cost = None if costs.gas_coin is None else gas / WAD * costs.gas_coin
    value = None if costs.delta_one is None else model.reward / WAD * costs.delta_one
    cost = None if training is None or gas_cost is None else training + gas_cost
    return Return(
        model.name,
        model.attempts,
        model.delta_ones,
        model.reward,
        gas,
        training,
        gas_cost,
        value,
        None if not cost or value is None else (value - cost) / cost,
        None if cost is None or not model.delta_ones else cost / model.delta_ones,
    )
