"""Every promise, what is said about it in the report, and the work that measures it."""

from typing import NamedTuple

from . import coverage, false_reward, lifetime, monitoring, pay, peers, power, refits
from .measure import Size, Task


class Promise(NamedTuple):
    """A promise and its bar, in words."""

    name: str
    bar: str
    about: str


PROMISES = (
    Promise(
        false_reward.EQUAL,
        "≤ 5 % + 3 standard errors in every cell",
        "The models are equally good (Δ = 0), the gate runs one look at level 5 % with its default "
        "policy. A verdict of insufficient evidence, or a metric without a value, is no reward.",
    ),
    Promise(
        false_reward.BOUNDARY,
        "≤ 5 % + 3 standard errors in every cell",
        "As above, at Δ = δ₀ = 10 bps exactly: the best candidate that deserves nothing.",
    ),
    Promise(
        false_reward.BARE,
        "≤ 5 % + 3 standard errors in every cell that the gate would judge",
        "The test alone at Δ = δ₀, without any rule of the gate. Cells without a bar are those "
        "where a rule holds the candidate whatever the test says: too few examples of a class, or "
        "losses without a cap, of which a handful decide and which cannot be paid.",
    ),
    Promise(
        lifetime.PROMISE,
        "≤ 5 %; peers about 100 %",
        "1 000 submissions to one hold-out of 10 000 examples, none of them worth anything. "
        "Accuracy; the models differ on coin flips only.",
    ),
    Promise(
        pay.FRESH,
        "pay: fresh 95–105 bps",
        "Given acceptance, at n = 10 000 for the hold-out and for the payment set, level α/20.",
    ),
    Promise(
        pay.LIFE,
        "pay: fresh ≤ 1 bp",
        "Twenty candidates without any advantage, one hold-out's life; no acceptance counts as 0.",
    ),
    Promise(
        power.POWER,
        "≥ 95 % of the oracle's",
        "Accuracy, +100 bps, H0: Δ ≤ 10 bps, n = 10 000, the models differ on 7 %. Powers are sums "
        "over all tables, not simulations, where no repetitions are given.",
    ),
    Promise(
        power.EXAMPLES,
        "at most one fifth",
        "For 80 % power at +100 bps, level 5 %, H0: Δ ≤ 10 bps, the models differ on 7 %. The "
        "unpaired test has one sample for each model, and both are counted.",
    ),
    Promise(
        coverage.PROMISE,
        "93.5–96.5 %, or wider and said so",
        "n = 2 000, true +50 bps. Rows say by how much the interval misses on either side.",
    ),
    Promise(
        refits.PROMISE,
        "corrected t ≤ 5 %; veto of a better recipe ≤ 20 %",
        "Real estimators on 300 rows, drawn anew every time. Naive t stands beside ours.",
    ),
    Promise(
        peers.PROMISE,
        "ours ≤ 5 %",
        "Two systems with the same BLEU in the population, two-sided tests at 5 %, one sample of "
        "300 segments for all three tests.",
    ),
    Promise(
        monitoring.FALSE,
        "≤ 5 % of years",
        "365 batches of 1 000 labels, the promotion measured on 10 000 examples; the champion "
        "stays as it was, +100 bps or 0 bps above the model that it beat. Default policy; any of "
        "the three watches counts.",
    ),
    Promise(
        monitoring.LOSS,
        "≥ 90 %",
        "1 000 labels a day. A champion promoted at +100 bps falls to −200 bps after 1 to 334 good "
        "days; found is an alarm for rolling back.",
    ),
    Promise(
        monitoring.DRIFT,
        "≤ 5 % of years",
        "Five numbers, five categories and a classifier's scores, 1 000 rows a day against one "
        "reference of 1 000, nothing changes; a note counts. Its level is a union bound.",
    ),
)

MODULES = (power, pay, false_reward, coverage, lifetime, refits, peers, monitoring)


def tasks(size: Size) -> list[Task]:
    """All work."""
    return [task for module in MODULES for task in module.tasks(size)]
