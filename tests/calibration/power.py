"""Power next to the best that any test could have, and the examples that it takes."""

import math

import numpy as np
from scipy.stats import binom

from hokusai_mlflow.metrics.registry import metric
from hokusai_mlflow.stats import compare_outputs
from hokusai_mlflow.stats.quantiles import normal_quantile, normal_tail
from hokusai_mlflow.stats.tango import tango_z

from .gating import POLICY, look
from .measure import Row, Size, Task, exact, rate
from .worlds.labels import PairWorld

POWER, EXAMPLES = "power next to the oracle", "examples next to an unpaired test"
N, DISCORDANT, DELTA, NULL = 10_000, 0.07, 0.01, 0.001
ACCURACY = metric("accuracy")


def tasks(size: Size) -> list[Task]:
    """Exact sums, and simulations that confirm them."""
    tries = 2_000 if size == "full" else 300
    return [
        *(
            Task(POWER, f"level {level:g}", against_oracle, (level, tries))
            for level in (0.05, POLICY.alpha / POLICY.quota)
        ),
        Task(EXAMPLES, "accuracy", against_unpaired, (tries,)),
    ]


def against_oracle(rng: np.random.Generator, level: float, tries: int) -> list[Row]:
    """Rejection probabilities of H0: Δ ≤ 10 bps at +100 bps, summed over all tables.

    The oracle knows that the models disagree on 7 % and that the truth is +100 bps: its
    Neyman–Pearson test, randomised to have exactly this level, is the best there can be. The
    conditional oracle knows the 7 % only: a binomial test of the wins among the discordant pairs.
    """
    wins, losses, at_truth = _tables(DELTA, N)
    at_null = _tables(NULL, N)[2]
    z = _scores(wins, losses, N)
    ours = float(at_truth[z >= normal_quantile(level)].sum())
    weight = wins * math.log(_win(DELTA) / _win(NULL)) + losses * math.log(
        _loss(DELTA) / _loss(NULL)
    )
    best = _randomised(weight, at_null, at_truth, level)
    share = _win(NULL) / DISCORDANT
    tail = binom.sf(wins - 1, wins + losses, share)
    conditional = float(at_truth[tail <= level].sum())
    size = float(at_null[z >= normal_quantile(level)].sum())
    world = PairWorld(DISCORDANT, shift=DELTA)
    told = sum(look(ACCURACY, world.draw(rng, N), level=level).promoted for _ in range(tries))
    at = f"level {level:g}"
    return [
        exact(POWER, f"{at} · power of Tango's test, of the oracle's", ours / best, low=0.95),
        exact(POWER, f"{at} · power of Tango's test", ours),
        exact(POWER, f"{at} · power of the Neyman–Pearson oracle", best),
        exact(POWER, f"{at} · power of the conditional binomial oracle", conditional),
        exact(POWER, f"{at} · true size of Tango's test at Δ = δ₀", size),
        rate(POWER, f"{at} · promoted by the gate", told, tries, at_least=0.95 * best),
    ]


def _win(delta: float) -> float:
    return (DISCORDANT + delta) / 2


def _loss(delta: float) -> float:
    return (DISCORDANT - delta) / 2


def _scores(wins: np.ndarray, losses: np.ndarray, n: int) -> np.ndarray:
    return np.array([tango_z(int(w), int(v), n, NULL) for w, v in zip(wins, losses, strict=True)])


def _tables(delta: float, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All tables within eight standard deviations: wins, losses, probability."""
    wins, losses, chance = [], [], []
    for m in _likely(n, DISCORDANT):
        # The same tables whatever the delta, so that probabilities of two can be compared.
        w = _likely(m, 0.5 + 0.25 * DELTA / DISCORDANT)
        wins.append(w)
        losses.append(m - w)
        chance.append(binom.pmf(m, n, DISCORDANT) * binom.pmf(w, m, _win(delta) / DISCORDANT))
    return np.concatenate(wins), np.concatenate(losses), np.concatenate(chance)


def _likely(n: int, share: float) -> np.ndarray:
    middle, reach = n * share, 8 * math.sqrt(n * share * (1 - share))
    return np.arange(math.floor(max(0, middle - reach)), math.ceil(min(n, middle + reach)) + 1)


def _randomised(
    weight: np.ndarray, at_null: np.ndarray, at_truth: np.ndarray, level: float
) -> float:
    """Power of the test that rejects for large weights, with exact size."""
    order = np.argsort(-weight, kind="stable")
    spent = np.cumsum(at_null[order])
    whole = int(np.searchsorted(spent, level))
    left = level - (spent[whole - 1] if whole else 0.0)
    at = order[whole]
    return float(at_truth[order[:whole]].sum() + at_truth[at] * left / at_null[at])


def against_unpaired(rng: np.random.Generator, tries: int) -> list[Row]:
    """Examples for 80 % power at +100 bps, level 5 %, H0: Δ ≤ 10 bps, agreement 0.93.

    The unpaired test has a sample of its own for each model: its examples are both samples'. When
    both models are scored on one sample and the pairing is thrown away, it needs half of that.
    """
    rows = []
    quantiles = normal_quantile(0.05) + normal_quantile(0.20)
    world = PairWorld(DISCORDANT, shift=DELTA)
    sample = world.sample(np.rint(100_000 * world.shares).astype(int))
    compared = compare_outputs(ACCURACY, sample.targets, sample.baseline, sample.candidate)
    paired = compared.required_n(DELTA * 1e4)
    for accuracy in (compared.baseline, 0.70, 0.90, 0.95):
        variance = sum(p * (1 - p) for p in (accuracy, accuracy + DELTA))
        each = math.ceil(variance * (quantiles / (DELTA - NULL)) ** 2)
        name = f"accuracy {accuracy:.3f}: paired {paired:,}, unpaired 2 × {each:,}"
        bar = {"high": 0.2} if accuracy == compared.baseline else {}
        rows.append(exact(EXAMPLES, f"{name} · share", paired / (2 * each), **bar))
        rows.append(
            exact(EXAMPLES, f"{name} · share when one sample serves both models", paired / each)
        )
        if accuracy == compared.baseline:
            unpaired = each
    wins, losses, chance = _tables(DELTA, paired)
    z = _scores(wins, losses, paired)
    power = float(chance[z >= normal_quantile(0.05)].sum())
    rows.append(exact(EXAMPLES, f"power, paired, n {paired:,}", power, low=0.80))
    found = sum(look(ACCURACY, world.draw(rng, paired)).significant for _ in range(tries))
    rows.append(rate(EXAMPLES, f"power, paired, n {paired:,}, simulated", found, tries))
    p = compared.baseline
    b, c = (rng.binomial(unpaired, q, 20_000) / unpaired for q in (p, p + DELTA))
    error = np.sqrt((b * (1 - b) + c * (1 - c)) / unpaired)
    hits = sum(normal_tail(z) <= 0.05 for z in (c - b - NULL) / error)
    rows.append(rate(EXAMPLES, f"power, unpaired, n 2 × {unpaired:,}", hits, 20_000))
    return rows
