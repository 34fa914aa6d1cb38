"""Refits per second with one worker and two, and what a refit costs beyond fit and predict."""

import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hokusai_mlflow.cache import Cache
from hokusai_mlflow.contributions import read_dataset
from hokusai_mlflow.contributions.orders import drawn, row_order
from hokusai_mlflow.contributions.sampling import added
from hokusai_mlflow.folds import Splitter
from hokusai_mlflow.games import Game
from hokusai_mlflow.inputs import TrainingRows
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.recipe import Recipe, recipe_from_source

RECIPE = """
from sklearn.linear_model import LogisticRegression

def build(seed):
    return LogisticRegression(max_iter=200)
"""
ORDERS = 6


def _rows(name, count, seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(count, 30))).add_prefix("x")
    frame["label"] = (frame.to_numpy()[:, :5].sum(axis=1) + rng.normal(size=count) > 0).astype(int)
    return read_dataset(frame, name=name, target="label")


@pytest.fixture(scope="module")
def game(tmp_path_factory):
    recipe = recipe_from_source(RECIPE)
    base = TrainingRows(_rows("pool", 2_000, 0), {})
    new = _rows("new", 8_000, 1)
    game = Game(
        ("a", "b", "c", "d"),
        base,
        base,
        (recipe, recipe),
        new,
        np.arange(8_000) % 4,
        metric("accuracy"),
        Splitter("stratified", 3),
        1,
        5,
        "bench",
    )
    return game.kept(Cache(tmp_path_factory.mktemp("game")))


def _walk(game, draw, folder):
    """The refits of one order and its reverse; their number."""
    order = row_order(game.owner, game.whole, 8, drawn(game.key, 0, draw))
    added(order, game.owner, len(game.players), game.worth(draw % 15, Cache(Path(folder))))
    return 2 * len(order)


@pytest.mark.benchmark(group="refits of 2 000 to 10 000 rows")
@pytest.mark.parametrize("workers", [1, 2])
def test_refits_per_second(benchmark, game, workers, tmp_path):
    # One thread each, or a single worker would use both cores by itself.
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        list(pool.map(_walk, [game] * workers, range(workers), [str(tmp_path / "warm")] * workers))
        turn = iter(range(100))

        def all_orders():
            folder = str(tmp_path / f"{next(turn)}")
            return sum(pool.map(_walk, [game] * ORDERS, range(ORDERS), [folder] * ORDERS))

        refits = benchmark.pedantic(all_orders, rounds=3)
    benchmark.extra_info["refits per second"] = round(refits / benchmark.stats["min"], 1)


class _Instant:
    """Learns nothing, so that what remains is ours."""

    def fit(self, features, targets):
        return self

    def predict(self, features):
        return np.zeros(len(features), dtype=int)


@pytest.mark.benchmark(group="a refit beyond fit and predict, 10 000 rows")
def test_overhead_of_a_refit(benchmark, game, tmp_path):
    instant = Recipe("instant", lambda seed: _Instant())
    hollow = Game(**{**vars_of(game), "recipes": (instant, instant)})
    worth = hollow.worth(0, Cache(tmp_path))
    rng = np.random.default_rng(3)

    def refit():
        return worth(rng.random(8_000) < 0.5)

    benchmark(refit)
    assert benchmark.stats["median"] < 0.02
    # Against a small fit, on the same rows.
    begin = time.process_time()
    game.worth(0, Cache(tmp_path / "real"))(np.arange(8_000) % 2 == 0)
    benchmark.extra_info["logistic regression on as many rows"] = time.process_time() - begin


def vars_of(game):
    """The fields that a game was made from."""
    return {name: getattr(game, name) for name in Game.__dataclass_fields__}
