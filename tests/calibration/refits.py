"""Cross-validation of recipes: real estimators, refitted, with a known true difference.

Recipes differ in the features that they see. Two features that the population treats alike make
two recipes that are equally good at every training size, exactly; a third, stronger one makes a
recipe whose true advantage is measured on a large fresh set.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from hokusai_mlflow.stats import corrected_t
from hokusai_mlflow.stats.crossval import CrossValidation
from hokusai_mlflow.stats.quantiles import student_tail

from .measure import Row, Size, Task, rate

PROMISE = "refitted cross-validation"
ROWS, FOLDS, EFFECT_BPS = 300, 10, 600.0
LEVEL, VETO = 0.05, 0.20

ESTIMATORS: dict[str, Any] = {
    "logistic regression": LogisticRegression,
    "naive Bayes": GaussianNB,
    "decision tree": lambda: DecisionTreeClassifier(max_depth=4, random_state=0),
}


@dataclass(frozen=True)
class Population:
    """Two classes; the features' signals are `strength` standard deviations apart."""

    strength: float

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Features common, first, second (as good as the first), third; and classes."""
        y = rng.integers(0, 2, n)
        signal = np.array([1.0, 0.6, 0.6, self.strength])
        return rng.normal(size=(n, 4)) + np.outer(y - 0.5, signal), y


CHAMPION, EQUAL, BETTER = [0, 1], [0, 2], [0, 3]
STRENGTH = 1.15
"""Of the third feature: with it the recipe is better by about `EFFECT_BPS` at this size."""


def tasks(size: Size) -> list[Task]:
    """Null and better recipes for every estimator."""
    plan = {"logistic regression": (120, 5), "naive Bayes": (250, 10), "decision tree": (250, 10)}
    if size == "quick":
        plan = {"naive Bayes": (40, 5)}
    return [
        Task(PROMISE, f"{name}, {kind}", measure, (name, kind, repeats, populations))
        for name, (populations, repeats) in plan.items()
        for kind in ("equal", "better")
    ]


def advantage(
    name: str, population: Population, rng: np.random.Generator, training_sets: int
) -> float:
    """True improvement of the better recipe, averaged over training sets of the folds' size."""
    x_test, y_test = population.draw(rng, 10_000)
    gains = []
    for _ in range(training_sets):
        x, y = population.draw(rng, ROWS * (FOLDS - 1) // FOLDS)
        scores = [
            (ESTIMATORS[name]().fit(x[:, f], y).predict(x_test[:, f]) == y_test).mean()
            for f in (CHAMPION, BETTER)
        ]
        gains.append(scores[1] - scores[0])
    return float(np.mean(gains))


def refit(
    rng: np.random.Generator, name: str, population: Population, features: list[int], repeats: int
) -> CrossValidation:
    """Both recipes on the same shuffled folds of one data set."""
    x, y = population.draw(rng, ROWS)
    scores = np.empty((2, repeats, FOLDS))
    for repeat in range(repeats):
        fold = rng.permutation(np.arange(ROWS) % FOLDS)
        for at in range(FOLDS):
            test = fold == at
            for which, seen in enumerate((CHAMPION, features)):
                model = ESTIMATORS[name]().fit(x[~test][:, seen], y[~test])
                scores[which, repeat, at] = (model.predict(x[test][:, seen]) == y[test]).mean()
    size = ROWS / FOLDS
    return corrected_t(
        scores[0],
        scores[1],
        test_size=size,
        train_size=ROWS - size,
        effect_bps=EFFECT_BPS,
        veto_level=VETO,
    )


def measure(
    rng: np.random.Generator, name: str, kind: str, repeats: int, populations: int
) -> list[Row]:
    """Rejections and vetoes over data sets drawn anew."""
    better = kind == "better"
    population = Population(STRENGTH if better else 0.6)
    features = BETTER if better else EQUAL
    found = [refit(rng, name, population, features, repeats) for _ in range(populations)]
    naive = [_naive_p(f) for f in found]
    told = f"{name}, {repeats}×{FOLDS}"
    rejected = sum(f.p_value <= LEVEL for f in found)
    vetoed = sum(f.veto for f in found)
    powered = sum(f.powered for f in found)
    if not better:
        by_naive = sum(p <= LEVEL for p in naive)
        return [
            rate(
                PROMISE,
                f"{told} · equal recipes: corrected t rejects at 5 %",
                rejected,
                populations,
                at_most=LEVEL,
            ),
            rate(PROMISE, f"{told} · equal recipes: naive t rejects at 5 %", by_naive, populations),
            rate(
                PROMISE,
                f"{told} · equal recipes: vetoed",
                vetoed,
                populations,
                note=f"powered in {powered} of {populations}",
            ),
        ]
    truth = advantage(name, population, np.random.default_rng(11), 100) * 1e4
    return [
        rate(
            PROMISE,
            f"{told} · better recipe: vetoed",
            vetoed,
            populations,
            at_most=1 - 0.80,
            note=f"truly {truth:.0f} bps better; powered in {powered} of {populations}",
        ),
        rate(
            PROMISE,
            f"{told} · better recipe: found at {VETO:.0%}",
            sum(f.p_value < VETO for f in found),
            populations,
        ),
    ]


def _naive_p(found: CrossValidation) -> float:
    """The uncorrected t test over the same fold differences."""
    ratio = 1 / (FOLDS - 1)
    correction = np.sqrt((1 / found.folds + ratio) * found.folds)
    return student_tail(found.t * float(correction), found.df)
