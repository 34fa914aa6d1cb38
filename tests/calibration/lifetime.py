"""Any false reward over 1 000 submissions to one hold-out."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hokusai_mlflow.errors import HoldoutExhausted
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.ledger.looks import AfterReward, accept_look, spend_look
from hokusai_mlflow.stats import level_for_look
from hokusai_mlflow.stats.quantiles import normal_quantile
from hokusai_mlflow.stats.tango import Tango, tango_z

from .attackers import BLOCK, Attacker, Booster, Holdout, Lottery, Model
from .measure import Row, Size, Task, rate

PROMISE = "false reward in a hold-out's life"
ALPHA, SUBMISSIONS, N = 0.05, 1_000, 10_000
TIERS = 5
GAIN_BPS = BLOCK * 0.4 * 1e4


class Budget(NamedTuple):
    """Under what a hold-out is looked at."""

    quota: int
    after_reward: AfterReward = "rotate"
    tiers: int = 1

    def level(self, number: int, rewards: int) -> float:
        """Level of look `number` after `rewards` acceptances, as the ledger computes it."""
        return level_for_look(
            ALPHA,
            self.quota,
            after_reward=self.after_reward,
            look=number,
            rewards=rewards,
            tiers=self.tiers,
        )

    def __str__(self) -> str:
        seen = f", {self.tiers} payment tiers seen" if self.tiers > 1 else ""
        return f"quota {self.quota:,}, {self.after_reward}{seen}"


ATTACKERS: dict[str, Callable[[], Attacker]] = {
    "lottery": Lottery,
    "booster": Booster,
    "booster with honest work": lambda: Booster(honest=3),
}


def tasks(size: Size) -> list[Task]:
    """Attackers against the gate, and against what peers do."""
    full = size == "full"
    gate, many, kept, stored = (1_000, 500, 2_000, 30) if full else (120, 40, 300, 4)
    honest = "booster with honest work"
    plan = [
        (through_gate, "lottery", Budget(20), gate),
        (through_gate, "booster", Budget(20), gate),
        (through_test, "lottery", Budget(1_000), many),
        (through_test, "booster", Budget(1_000), many),
        (through_test, "booster", Budget(20, "keep"), kept),
        (through_test, honest, Budget(20, "keep", TIERS), kept),
        (through_test, honest, Budget(200, "keep", TIERS), kept // 4),
    ]
    found = [Task(PROMISE, f"{b} · {who}", how, (who, b, lives)) for how, who, b, lives in plan]
    found.append(Task(PROMISE, "through the ledger", through_ledger, (stored,)))
    found += [
        Task(PROMISE, f"peers · {how}", peers, (how, many))
        for how in ("a better score is enough", "at least 10 bps better", "p ≤ 0.05 every time")
    ]
    return found


def life(
    rng: np.random.Generator,
    attacker: Attacker,
    budget: Budget,
    accepts: Callable[[Holdout, Model, Model, float], bool],
) -> bool:
    """Whether one hold-out pays for nothing before it refuses to be looked at."""
    holdout = Holdout(rng, N)
    champion, rewards = holdout.first(), 0
    for number in range(1, SUBMISSIONS + 1):
        try:
            allowed = budget.level(number, rewards)
        except HoldoutExhausted:
            return False
        candidate = attacker.propose(rng, champion)
        accepted = accepts(holdout, champion, candidate, allowed)
        paid = 0.0
        if accepted:
            if candidate.blocks == champion.blocks:
                return True
            wins, losses = holdout.counts(champion, candidate)
            paid = _tier((wins - losses) / N * 1e4, budget.tiers)
            champion, rewards = candidate, rewards + 1
        attacker.told(candidate, paid)
    return False


def _tier(measured_bps: float, tiers: int) -> float:
    """What a payment in tiers tells: one of `tiers` numbers around the honest gain."""
    if tiers == 1:
        return 1.0
    steps = np.linspace(GAIN_BPS - 60, GAIN_BPS + 60, tiers - 1)
    return 1.0 + int(np.searchsorted(steps, measured_bps))


def _by_gate(holdout: Holdout, champion: Model, candidate: Model, level: float) -> bool:
    return holdout.gate(champion, candidate, level)


def by_test(holdout: Holdout, champion: Model, candidate: Model, level: float) -> bool:
    """What the gate decides about accuracy, from the counts alone."""
    wins, losses = holdout.counts(champion, candidate)
    return tango_z(wins, losses, N, 0.001) >= normal_quantile(level)


def through_gate(rng: np.random.Generator, who: str, budget: Budget, lives: int) -> list[Row]:
    """Every test by `compare_outputs` and `decide`."""
    false = sum(life(rng, ATTACKERS[who](), budget, _by_gate) for _ in range(lives))
    return [rate(PROMISE, f"gate, {budget} · {who}", false, lives, at_most=ALPHA)]


def through_test(rng: np.random.Generator, who: str, budget: Budget, lives: int) -> list[Row]:
    """Every test by the same statistic from counts, for as many looks as the quota has."""
    false = sum(life(rng, ATTACKERS[who](), budget, by_test) for _ in range(lives))
    return [rate(PROMISE, f"test, {budget} · {who}", false, lives, at_most=ALPHA)]


def through_ledger(rng: np.random.Generator, lives: int) -> list[Row]:
    """Looks spent and accepted in a real ledger, all submissions made."""
    false = refused = 0
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(f"sqlite:///{Path(folder) / 'ledger.db'}")
        for number in range(lives):
            model, attacker = f"model-{number}", Booster()
            holdout = Holdout(rng, N)
            champion, paid = holdout.first(), False
            # The refusals after the quota cost the most: all of them in the first life only.
            for submission in range(SUBMISSIONS if number == 0 else 30):
                key = f"{model}/{submission}"
                try:
                    spent = spend_look(
                        ledger,
                        model=model,
                        holdout="holdout-1",
                        test_key=key,
                        attempt=None,
                        alpha=ALPHA,
                        quota=20,
                    )
                except HoldoutExhausted:
                    refused += 1
                    continue
                candidate = attacker.propose(rng, champion)
                accepted = holdout.gate(champion, candidate, spent.level)
                if accepted:
                    accept_look(ledger, key)
                    paid = True
                attacker.told(candidate, float(accepted))
            false += paid
    note = f"{refused:,} submissions refused"
    name = "gate and ledger, quota 20, rotate · booster"
    return [rate(PROMISE, name, false, lives, at_most=ALPHA, note=note)]


def peers(rng: np.random.Generator, how: str, lives: int) -> list[Row]:
    """The lottery against gates without a budget: 1 000 tries on the same examples."""
    false = 0
    for _ in range(lives):
        holdout = Holdout(rng, N)
        champion = holdout.first()
        wrong = int((champion.coins != holdout.labels).sum())
        wins = rng.binomial(wrong, 0.5, SUBMISSIONS)
        losses = rng.binomial(len(holdout.labels) - wrong, 0.5, SUBMISSIONS)
        if how == "p ≤ 0.05 every time":
            best = np.argmax((wins - losses) / np.sqrt(wins + losses))
            false += Tango(int(wins[best]), int(losses[best]), N).p_value(0.0) <= 0.05
        else:
            least = 0 if how == "a better score is enough" else 0.001 * N
            false += bool((wins - losses > least).any())
    return [rate(PROMISE, f"peers: {how} · lottery", int(false), lives, note="no bar: not ours")]
