"""The level of one test inside the budget of a sealed hold-out."""

from __future__ import annotations

import math
from typing import Literal

from hokusai_mlflow.errors import HoldoutExhausted, InputError, did_you_mean

AfterReward = Literal["rotate", "keep"]


def level_for_look(
    alpha: float,
    quota: int,
    *,
    after_reward: AfterReward = "rotate",
    look: int = 1,
    rewards: int = 0,
    tiers: int = 1,
) -> float:
    """One-sided level of test number `look` on one sealed hold-out.

    A test lets out one bit, accepted or not, so a submitter who adapts chooses among finitely many
    histories, and a union bound over them holds against any strategy (Blum & Hardt 2015,
    arXiv:1502.04585, for the argument):

    - "rotate": the hold-out retires on its first acceptance, so test k is reached by k − 1
      rejections only; each runs at α / Q.
    - "keep": after j rewards a test runs at α 2^−(j+1) / C(Q, j+1), because C(k − 1, j) histories
      lead to test k; the rewards' sizes leak too, one of `tiers`, hence / tiers^j.

    The chance of any false acceptance over the life of the hold-out is at most `alpha`.

    Parameters
    ----------
    alpha : float
        That chance, between 0 and 0.5.
    quota : int
        Tests Q that the hold-out admits.
    after_reward : {"rotate", "keep"}
        What happens to it on an acceptance.
    look : int
        Number of the test, from 1.
    rewards : int
        Acceptances before this test.
    tiers : int
        Distinct sizes that a payment may have ("keep").

    Raises
    ------
    HoldoutExhausted
        When the quota is used up, or a rotating hold-out has had its acceptance.
    InputError
        When a number is out of range.
    """
    if not 0 < alpha < 0.5:
        raise InputError(f"expected alpha between 0 and 0.5, found {alpha!r}")
    for name, number, least in (
        ("quota", quota, 1),
        ("look", look, 1),
        ("rewards", rewards, 0),
        ("tiers", tiers, 1),
    ):
        if isinstance(number, bool) or not isinstance(number, int) or number < least:
            raise InputError(f"{name}: expected a whole number from {least}, found {number!r}")
    if rewards >= look:
        raise InputError(f"expected fewer rewards than looks, found {rewards} before look {look}")
    if look > quota:
        raise HoldoutExhausted(
            f"look {look} of {quota}: this hold-out is used up; refresh it with new examples"
        )
    if after_reward == "rotate":
        if rewards:
            raise HoldoutExhausted(
                "this hold-out retired on its first acceptance; use the next one"
            )
        return alpha / quota
    if after_reward == "keep":
        histories = math.comb(quota, rewards + 1) * tiers**rewards * 2 ** (rewards + 1)
        return float(alpha / histories)
    known = did_you_mean(str(after_reward), ("rotate", "keep"))
    raise InputError(f"unknown after_reward {after_reward!r}{known}")
