"""Paired BLEU: our test's size beside sacrebleu's paired bootstrap and approximate randomisation.

Both models are equally good in the population; every sample of segments goes to all three tests,
two-sided at level 5 %: ours rejects when its 95 % interval leaves out 0.
"""

import os
from collections import Counter

import numpy as np

from hokusai_mlflow.metrics.registry import metric
from hokusai_mlflow.stats import compare_outputs

from .measure import Row, Size, Task, rate
from .worlds.texts import Tabled, TextWorld, texts
from .worlds.world import tuned

PROMISE = "paired BLEU beside sacrebleu"
LEVEL, SEGMENTS = 0.05, 300


def tasks(size: Size) -> list[Task]:
    """Ours many times, theirs on some of these samples: they take two thirds of a second."""
    counts = (4_000, 250) if size == "full" else (600, 12)
    return [Task(PROMISE, "equal systems", measure, counts)]


def measure(rng: np.random.Generator, samples: int, shared: int) -> list[Row]:
    """Rejections of a true null hypothesis."""
    bleu = Tabled(metric("bleu"))
    world = tuned(TextWorld(), bleu, 0.0)
    ours: list[bool] = []
    theirs: Counter[str] = Counter()
    for sample in range(samples):
        drawn = world.draw(rng, SEGMENTS)
        found = compare_outputs(bleu, drawn.targets, drawn.baseline, drawn.candidate)
        ours.append(not found.ci_low_bps <= 0 <= found.ci_high_bps)
        if sample < shared:
            for kind in ("bs", "ar"):
                theirs[kind] += _sacrebleu(kind, *texts(drawn)) <= LEVEL
    at = f"{SEGMENTS} segments"
    return [
        rate(PROMISE, f"ours, {at}", sum(ours), samples, at_most=LEVEL),
        rate(PROMISE, f"ours on sacrebleu's samples, {at}", sum(ours[:shared]), shared),
        rate(PROMISE, f"sacrebleu's paired bootstrap, {at}", theirs["bs"], shared),
        rate(PROMISE, f"sacrebleu's approximate randomisation, {at}", theirs["ar"], shared),
    ]


def _sacrebleu(kind: str, references: list[str], said_b: list[str], said_c: list[str]) -> float:
    """Its p-value, with 1 000 resamples; it seeds itself."""
    from sacrebleu.metrics import BLEU
    from sacrebleu.significance import PairedTest

    test = PairedTest(
        [("baseline", said_b), ("candidate", said_c)],
        {"BLEU": BLEU(references=[references])},
        references=None,
        test_type=kind,
        n_samples=1_000,
    )
    return test()[1]["BLEU"][1].p_value


os.environ.setdefault("SACREBLEU_SEED", "12345")
