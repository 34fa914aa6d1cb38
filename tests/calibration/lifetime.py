"""Any false reward over 1 000 submissions to one hold-out."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hokusai_mlflow.errors import HoldoutExhausted
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.ledger.looks import accept_look, spend_look
from hokusai_mlflow.stats import level_for_look
from hokusai_mlflow.stats.quantiles import normal_quantile
from hokusai_mlflow.stats.tango import Tango, tango_z

from .attackers import BLOCK, Attacker, Booster, Holdout, Lottery, Model
from .measure import Row, Size, Task, rate

PROMISE = "false reward in a hold-out's life"
ALPHA, SUBMISSIONS, N = 0.05, 1_000, 10_000
TIERS = 5
GAIN_BPS = BLOCK * 0.4 * 1e4

ATTACKERS: dict[str, Callable[[], Attacker]] = {
    "lottery": Lottery,
    "booster": Booster,
    "booster with honest work": lambda: Booster(honest=3),
}


def tasks(size: Size) -> list[Task]:
    """Attackers against the gate, and against what peers do."""
    full = size == "full"
    gate, many, kept, stored = (1_000, 1_000, 2_000, 40) if full else (150, 150, 300, 6)
    found = [
        Task(PROMISE, f"quota 20, rotate · {who}", through_gate, (who, 20, "rotate", 1, gate))
        for who in ("lottery", "booster")
    ]
    found += [
        Task(PROMISE, f"quota 1000, rotate · {who}", through_test, (who, 1_000, "rotate", 1, many))
        for who in ("lottery", "booster")
    ]
    found += [
        Task(
            PROMISE,
            f"quota 20, keep, {tiers} tiers · {who}",
            through_test,
            (who, 20, "keep", tiers, kept),
        )
        for who, tiers in (("booster", 1), ("booster with honest work", TIERS))
    ]
    found.append(Task(PROMISE, "through the ledger", through_ledger, (stored,)))
    found += [
        Task(PROMISE, f"peers · {how}", peers, (how, many))
        for how in ("a better score is enough", "at least 10 bps better", "p ≤ 0.05 every time")
    ]
    return found


def level_at(quota: int, after: str, tiers: int) -> Callable[[int, int], float]:
    """Level of look `number` after `rewards` acceptances, as the ledger computes it."""

    def level(number: int, rewards: int) -> float:
        return level_for_look(
            ALPHA, quota, after_reward=after, look=number, rewards=rewards, tiers=tiers
        )

    return level


def life(
    rng: np.random.Generator,
    attacker: Attacker,
    level: Callable[[int, int], float],
    accepts: Callable[[Holdout, Model, Model, float], bool],
    tiers: int = 1,
) -> bool:
    """Whether one hold-out pays for nothing before it refuses to be looked at."""
    holdout = Holdout(rng, N)
    champion, rewards = holdout.first(), 0
    for number in range(1, SUBMISSIONS + 1):
        try:
            allowed = level(number, rewards)
        except HoldoutExhausted:
            return False
        candidate = attacker.propose(rng, champion)
        accepted = accepts(holdout, champion, candidate, allowed)
        paid = 0.0
        if accepted:
            if candidate.blocks == champion.blocks:
                return True
            wins, losses = holdout.counts(champion, candidate)
            paid = _tier((wins - losses) / N * 1e4, tiers)
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


def _by_test(holdout: Holdout, champion: Model, candidate: Model, level: float) -> bool:
    wins, losses = holdout.counts(champion, candidate)
    return tango_z(wins, losses, N, 0.001) >= normal_quantile(level)


def through_gate(
    rng: np.random.Generator, who: str, quota: int, after: str, tiers: int, lives: int
) -> list[Row]:
    """Every test by `compare_outputs` and `decide`."""
    level = level_at(quota, after, tiers)
    false = sum(life(rng, ATTACKERS[who](), level, _by_gate, tiers) for _ in range(lives))
    name = f"gate, quota {quota}, {after} · {who}"
    return [rate(PROMISE, name, false, lives, at_most=ALPHA)]


def through_test(
    rng: np.random.Generator, who: str, quota: int, after: str, tiers: int, lives: int
) -> list[Row]:
    """Every test by the same statistic from counts, for as many looks as the quota has."""
    level = level_at(quota, after, tiers)
    false = sum(life(rng, ATTACKERS[who](), level, _by_test, tiers) for _ in range(lives))
    told = f", {tiers} payment tiers seen" if tiers > 1 else ""
    name = f"test, quota {quota:,}, {after}{told} · {who}"
    return [rate(PROMISE, name, false, lives, at_most=ALPHA)]


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
