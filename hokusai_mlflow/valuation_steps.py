"""Steps that value contributions: refits in parallel, until shares are precise enough."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from prefect.futures import PrefectFuture
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from hokusai_mlflow.attempt import Attempt
from hokusai_mlflow.cache import Cache
from hokusai_mlflow.contributions.effort import (
    Method,
    chosen_method,
    most_pieces,
    round_refits,
)
from hokusai_mlflow.contributions.orders import drawn, player_order, row_order
from hokusai_mlflow.contributions.sampling import FEWEST_ROUNDS, added, sampled_values
from hokusai_mlflow.contributions.shapley import all_but_one, coalitions
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.games import Game
from hokusai_mlflow.progress import wait_for_all
from hokusai_mlflow.spec import ValuationPlan
from hokusai_mlflow.stepping import kept_results, step
from hokusai_mlflow.valuation import Valuation, value_players, value_sampled

Submit = Callable[..., PrefectFuture[Any]]
COALITIONS_PER_TASK = 16


@step(task_run_name="value coalitions on fold {replicate}")
def weigh(
    game: Game, replicate: int, asked: Sequence[frozenset[str]], results: Path
) -> list[float]:
    """What coalitions are worth on one fold."""
    worth = game.worth(replicate, Cache(results))
    return [worth(game.members(coalition)) for coalition in asked]


@step(task_run_name="value orders on fold {replicate}, round {draw}")
def walk(
    game: Game, replicate: int, draw: int, blocks: int | None, results: Path
) -> tuple[list[float], int]:
    """What each player adds in an order and its reverse on one fold, and the refits it took.

    Of rows in so many blocks, or without `blocks` of whole players.
    """
    rng = drawn(game.key, replicate, draw)
    if blocks is None:
        order = player_order(game.owner, rng)
    else:
        order = row_order(game.owner, game.whole, blocks, rng)
    worth = game.worth(replicate, Cache(results))
    found = added(order, game.owner, len(game.players), worth)
    return found.tolist(), 2 * (len(order) - 1)


def value_contributions(attempt: Attempt) -> Valuation:
    """Value everybody who changed something, as the spec says."""
    plan, results = attempt.inputs.spec.valuation, kept_results()
    game = Game.of_attempt(attempt)
    if plan.runner != "threads":
        game = game.kept(results)
    method = chosen_method(
        plan.method,
        players=len(game.players),
        divisible=len(game.sizes),
        replicates=game.replicates,
        max_refits=plan.max_refits,
    )
    with _workers(plan) as submit:
        if method in ("rows", "sampled"):
            return _by_orders(game, plan, submit, results.root, rows=method == "rows")
        asked = list((all_but_one if method == "leave_one_out" else coalitions)(game.players))
        worth = _by_coalitions(game, asked, submit, results.root)
        return value_players(
            game.players,
            worth,
            test_train_ratio=1 / (plan.folds - 1),
            method=method,
            max_refits=plan.max_refits,
        )


def require_runner(plan: ValuationPlan) -> None:
    """Fail before anything is changed when the spec's workers cannot be had.

    Raises
    ------
    InputError
        For ``dask`` without its extra.
    """
    if plan.runner == "dask":
        _runner(plan)


def _by_coalitions(
    game: Game, asked: list[frozenset[str]], submit: Submit, results: Path
) -> dict[frozenset[str], np.ndarray]:
    parts = [
        asked[at : at + COALITIONS_PER_TASK] for at in range(0, len(asked), COALITIONS_PER_TASK)
    ]
    futures = [
        [
            submit(weigh, game=game, replicate=replicate, asked=part, results=results)
            for part in parts
        ]
        for replicate in range(game.replicates)
    ]
    title = f"valuing {len(game.players)} contributions"
    wait_for_all(title, [future for row in futures for future in row])
    found = np.array([[one for future in row for one in future.result()] for row in futures])
    return dict(zip(asked, found.T, strict=True))


def _by_orders(
    game: Game, plan: ValuationPlan, submit: Submit, results: Path, *, rows: bool
) -> Valuation:
    method: Method = "rows" if rows else "sampled"
    blocks = plan.blocks if rows else None
    pieces = most_pieces(method, game.sizes, len(game.whole), plan.blocks)
    rounds: list[list[list[float]]] = []
    refits, ratio, stopped = 2 * game.replicates, 1 / (plan.folds - 1), ""
    while not stopped:
        futures = [
            submit(
                walk,
                game=game,
                replicate=replicate,
                draw=len(rounds),
                blocks=blocks,
                results=results,
            )
            for replicate in range(game.replicates)
        ]
        wait_for_all(f"valuing {len(game.players)} contributions, round {len(rounds) + 1}", futures)
        found = [future.result() for future in futures]
        rounds.append([values for values, _ in found])
        refits += sum(count for _, count in found)
        together = np.array(rounds).transpose(1, 0, 2)
        if len(rounds) < FEWEST_ROUNDS:
            continue
        error = sampled_values(game.players, together, test_train_ratio=ratio).sampling_error
        if error is None or error <= plan.precision:
            stopped = "precise"
        elif refits + round_refits(pieces, game.replicates) > plan.max_refits:
            stopped = "budget"
    how = {
        "method": method,
        "refits": refits,
        "max_refits": plan.max_refits,
        "precision": plan.precision,
        "stopped": stopped,
        **({"blocks": blocks} if blocks else {}),
    }
    return value_sampled(game.players, together, test_train_ratio=ratio, how=how)


@contextmanager
def _workers(plan: ValuationPlan) -> Iterator[Submit]:
    """Where refits run: the flow's own threads, or workers that are there for this only."""
    if plan.runner == "threads" and plan.workers is None:
        yield lambda task, **parameters: task.submit(**parameters)
        return
    with _runner(plan) as runner:
        yield lambda task, **parameters: runner.submit(task, parameters)


def _runner(plan: ValuationPlan) -> TaskRunner[Any]:
    if plan.runner == "threads":
        return ThreadPoolTaskRunner(max_workers=plan.workers)
    if plan.runner == "processes":
        return ProcessPoolTaskRunner(max_workers=plan.workers)
    try:
        from prefect_dask import DaskTaskRunner  # noqa: PLC0415
    except ImportError as problem:
        raise InputError(
            "valuation.runner: dask needs prefect-dask: pip install 'hokusai-mlflow[dask]', or "
            "use runner: processes"
        ) from problem
    if plan.scheduler is not None:
        return DaskTaskRunner(address=plan.scheduler)
    workers = {} if plan.workers is None else {"n_workers": plan.workers}
    return DaskTaskRunner(cluster_kwargs={**workers, "threads_per_worker": 1})
