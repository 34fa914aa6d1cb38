"""Every metric in its settings: the cells over which size and coverage are measured."""

from collections.abc import Iterator
from dataclasses import dataclass

from hokusai_mlflow.metrics import Metric
from hokusai_mlflow.metrics.registry import metric

from .gating import POLICY
from .measure import Size
from .worlds.labels import GroupedHits, LabelWorld
from .worlds.numbers import ErrorWorld, TokenWorld
from .worlds.ratings import PreferenceWorld, RatingWorld
from .worlds.scores import ConfidenceWorld, ScoreWorld
from .worlds.texts import Tabled, TextWorld
from .worlds.world import Weighted, World

SIZES = (500, 2_000, 10_000)


@dataclass(frozen=True)
class Cell:
    """A metric in a world. `core` cells make up the reduced size; `cost` divides repetitions.

    `unbounded`: losses without a cap, of which a few decide. No test keeps its level there, they
    cannot be paid, and the gate's answer to them is to hold. `rarest`: share of the rarest class,
    for metrics that are defined by class.
    """

    name: str
    metric: Metric
    world: World
    core: bool = False
    cost: int = 1
    unbounded: bool = False
    rarest: float = 1.0

    def enough(self, n: int) -> bool:
        """Whether `n` examples have as many of every class as the policy asks for."""
        return self.rarest * n >= POLICY.min_class_examples

    def why(self, n: int) -> str:
        """Why the bare test and its interval have no bar here."""
        if self.unbounded:
            return "a loss without a cap"
        return f"{self.rarest * n:.0f} examples of a class: the gate holds"


def cells(size: Size) -> list[Cell]:
    """All cells, or the core of them."""
    every = [*_labels(), *_many_labels(), *_scores(), *_numbers(), *_tokens()]
    every += [*_texts(), *_people(), *_dependent()]
    return [cell for cell in every if size == "full" or cell.core]


def _labels() -> Iterator[Cell]:
    for agreement in (0.80, 0.95):
        for rarest in (0.01, 0.10, 0.50):
            for lean in (0.0, 0.7):
                world = LabelWorld(agreement, rarest, lean=lean)
                told = f"agreement {agreement:.2f}, positives {rarest:.0%}"
                told += ", leaning" if lean else ""
                core = (agreement, rarest, lean) in {(0.80, 0.50, 0.7), (0.95, 0.10, 0.0)}
                rare = (agreement, rarest, lean) == (0.80, 0.01, 0.7)
                for name in ("accuracy", "precision", "recall", "f1"):
                    if name == "accuracy" and lean:
                        continue
                    plain = name == "accuracy" and rarest == 0.50
                    yield Cell(
                        f"{name} · {told}",
                        metric(name),
                        world,
                        core or plain or (rare and name == "f1"),
                        rarest=rarest if name != "accuracy" else 1.0,
                    )


def _many_labels() -> Iterator[Cell]:
    for agreement, rarest in ((0.80, 0.10), (0.93, 0.01)):
        world = LabelWorld(agreement, rarest, classes=10, lean=0.7)
        told = f"10 classes, agreement {agreement:.2f}, rarest {rarest:.0%}, leaning"
        core = agreement == 0.93
        yield Cell(f"accuracy · {told}", metric("accuracy"), world)
        for name in ("precision", "recall", "f1"):
            for average in ("macro", "weighted"):
                if (name, average) == ("recall", "weighted"):
                    continue  # It is the accuracy.
                yield Cell(
                    f"{name} {average} · {told}",
                    metric(name, average=average, classes=tuple(range(10))),
                    world,
                    core and name == "f1",
                    cost=3,
                    rarest=rarest,
                )


def _scores() -> Iterator[Cell]:
    for correlation in (0.80, 0.95):
        for rarest in (0.01, 0.10, 0.50):
            for spread in (1.0, 2.0):
                world = ScoreWorld(correlation, rarest, spread)
                told = f"correlation {correlation:.2f}, positives {rarest:.0%}"
                told += ", other spread" if spread != 1 else ""
                core = (correlation, rarest, spread) in {
                    (0.80, 0.10, 2.0),
                    (0.95, 0.50, 1.0),
                    (0.80, 0.01, 1.0),
                }
                yield Cell(f"roc_auc · {told}", metric("roc_auc"), world, core, rarest=rarest)
    world = ScoreWorld(0.8, 0.1, 1.0, ties=True)
    told = "roc_auc · correlation 0.80, positives 10%, tied scores"
    yield Cell(told, metric("roc_auc"), world, rarest=0.1)
    told = "roc_auc macro · 4 classes, one against the rest"
    macro = metric("roc_auc", average="macro")
    yield Cell(told, macro, ConfidenceWorld(), core=True, cost=2, rarest=0.1)


def _numbers() -> Iterator[Cell]:
    for tails in ("normal", "laplace", "lognormal", "t3"):
        for wild in (False, True):
            world = ErrorWorld(tails, wild)
            told = tails + (", wild candidate" if wild else "")
            for name in ("mse", "rmse", "mae", "r2"):
                core = (name, tails, wild) in {
                    ("mae", "laplace", False),
                    ("r2", "normal", False),
                    ("mse", "lognormal", True),
                }
                heavy = wild or tails in ("lognormal", "t3")
                yield Cell(f"{name} · {told}", metric(name), world, core, unbounded=heavy)
            for name, cap in (("rmse", 9.0), ("mae", 3.0)):
                core = name == "rmse" and tails in ("lognormal", "t3") and wild
                yield Cell(f"{name} capped · {told}", metric(name, cap=cap), world, core)


def _tokens() -> Iterator[Cell]:
    for lean in (0.0, 0.05):
        told = "lognormal lengths" + (", leaning" if lean else "")
        yield Cell(f"perplexity · {told}", metric("perplexity"), TokenWorld(lean), core=bool(lean))


def _texts() -> Iterator[Cell]:
    for name in ("bleu", "rouge1", "rouge2", "rougeL", "rougeLsum"):
        told = f"{name} · one drops words, the other replaces them"
        yield Cell(told, Tabled(metric(name)), TextWorld(), core=name in ("bleu", "rouge1"))


def _people() -> Iterator[Cell]:
    human = metric("human_score", low=1, high=5)
    for raters in (50, 15):
        core = raters == 50
        told = f"items × {raters} raters"
        yield Cell(f"human_score · {told}", human, RatingWorld(raters), core)
        world = PreferenceWorld(raters)
        yield Cell(f"preference · {told}", metric("preference"), world, core)


def _dependent() -> Iterator[Cell]:
    yield Cell("accuracy · groups of about 5", metric("accuracy"), GroupedHits(), core=True)
    weighted = Weighted(LabelWorld(0.90, 0.30, lean=0.7))
    for name in ("accuracy", "f1"):
        told = f"{name} · lognormal weights"
        yield Cell(told, metric(name), weighted, core=name == "f1", rarest=0.3)
