"""Steps that value contributions: refits in parallel, until shares are precise enough."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from prefect.client.orchestration import get_client
from prefect.futures import PrefectFuture
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from hokusai_mlflow.attempt import Attempt
from hokusai_mlflow.cache import Cache
from hokusai_mlflow.contributions.effort import (
    Method,
    most_pieces,
    round_refits,
)
from hokusai_mlflow.contributions.orders import drawn, player_order, row_order
from hokusai_mlflow.contributions.sampling import FEWEST_ROUNDS, added
from hokusai_mlflow.contributions.shapley import all_but_one, coalitions
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.games import Game
from hokusai_mlflow.progress import wait_for_all
from hokusai_mlflow.spec import ValuationPlan
from hokusai_mlflow.stepping import kept_results, step
from hokusai_mlflow.valuation import (
    Measured,
    Valuation,
    harmful,
    measured_by_coalitions,
    measured_by_orders,
    valuation_of,
    without,
)

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
) -> tuple[list[float], list[float], int]:
    """What each player adds in an order and its reverse on one fold.

    With what nobody and everybody is worth there, and the refits in between. Of rows in so many
    blocks, or without `blocks` of whole players.
    """
    rng = drawn(game.key, replicate, draw)
    if blocks is None:
        order = player_order(game.owner, rng)
    else:
        order = row_order(game.owner, game.whole, blocks, rng)
    worth = game.worth(replicate, Cache(results))
    found = added(order, game.owner, len(game.players), worth)
    ends = [worth(game.members(coalition)) for coalition in ((), game.players)]
    return found.tolist(), ends, 2 * (len(order) - 1)


def value_contributions(attempt: Attempt) -> Valuation:
    """Value everybody who changed something as the spec says, and anew without those who harm."""
    plan, results = attempt.inputs.spec.valuation, kept_results()
    game = Game.of_attempt(attempt)
    with _workers(plan) as submit:
        work = _Work(plan, submit, results)
        first = work.measure(game, plan.max_refits - plan.fewest(game.sizes, len(game.whole)))
        bad = harmful(first.shapley)
        if not bad:
            return valuation_of(first)
        if first.how["method"] == "exact":
            return valuation_of(first, without(first, bad, plan.test_train_ratio))
        left = plan.max_refits - first.how["refits"]
        return valuation_of(first, work.measure(game.without(bad), left))


def require_runner(plan: ValuationPlan) -> None:
    """Fail before anything is changed when the spec's workers cannot be had.

    Raises
    ------
    InputError
        For ``dask`` without its extra.
    """
    if plan.runner == "dask":
        _runner(plan)


@dataclass(frozen=True)
class _Work:
    """Refits of games, by a plan, on workers."""

    plan: ValuationPlan
    submit: Submit
    results: Cache

    def measure(self, game: Game, budget: int) -> Measured:
        """Values of one game, from no more refits than the budget has once the least is done."""
        plan = self.plan
        if plan.runner != "threads":
            game = game.kept(self.results)
        method = plan.way(game.sizes, len(game.whole))
        if method in ("rows", "sampled"):
            return self._by_orders(game, budget, rows=method == "rows")
        asked = list((all_but_one if method == "leave_one_out" else coalitions)(game.players))
        worth = self._worth(game, asked)
        found = measured_by_coalitions(
            game.players, worth, test_train_ratio=plan.test_train_ratio, method=method
        )
        return replace(found, how={**found.how, "max_refits": plan.max_refits})

    def _worth(self, game: Game, asked: list[frozenset[str]]) -> dict[frozenset[str], np.ndarray]:
        size = COALITIONS_PER_TASK
        parts = [asked[at : at + size] for at in range(0, len(asked), size)]
        root = self.results.root
        futures = [
            [
                self.submit(weigh, game=game, replicate=replicate, asked=part, results=root)
                for part in parts
            ]
            for replicate in range(game.replicates)
        ]
        title = f"valuing {len(game.players)} contributions"
        wait_for_all(title, [future for row in futures for future in row])
        found = np.array([[one for future in row for one in future.result()] for row in futures])
        return dict(zip(asked, found.T, strict=True))

    def _by_orders(self, game: Game, budget: int, *, rows: bool) -> Measured:
        plan, method = self.plan, _method(rows)
        pieces = most_pieces(method, game.sizes, len(game.whole), plan.blocks)
        rounds: list[list[list[float]]] = []
        refits, stopped = 2 * game.replicates, ""
        how = {"method": method, "max_refits": plan.max_refits, "precision": plan.precision}
        if rows:
            how["blocks"] = plan.blocks
        while not stopped:
            found = self._round(game, len(rounds), plan.blocks if rows else None)
            rounds.append([values for values, _, _ in found])
            refits += sum(count for _, _, count in found)
            if len(rounds) < FEWEST_ROUNDS:
                continue
            measured = measured_by_orders(
                game.players,
                np.array(rounds).transpose(1, 0, 2),
                test_train_ratio=plan.test_train_ratio,
                how=how,
            )
            error = measured.how["sampling_error"]
            if error is None or error <= plan.precision:
                stopped = "precise"
            elif refits + round_refits(pieces, game.replicates) > budget:
                stopped = "budget"
        nobody, everybody = np.array([ends for _, ends, _ in found]).T
        return replace(
            measured,
            how={**measured.how, "refits": refits, "stopped": stopped},
            worth={frozenset(): nobody, frozenset(game.players): everybody},
        )

    def _round(self, game: Game, draw: int, blocks: int | None) -> list[Any]:
        futures = [
            self.submit(
                walk,
                game=game,
                replicate=replicate,
                draw=draw,
                blocks=blocks,
                results=self.results.root,
            )
            for replicate in range(game.replicates)
        ]
        wait_for_all(f"valuing {len(game.players)} contributions, round {draw + 1}", futures)
        return [future.result() for future in futures]


def _method(rows: bool) -> Method:
    return "rows" if rows else "sampled"


@contextmanager
def _workers(plan: ValuationPlan) -> Iterator[Submit]:
    """Where refits run: the flow's own threads, or workers that are there for this only."""
    if plan.runner == "threads" and plan.workers is None:
        yield lambda task, **parameters: task.submit(**parameters)
        return
    # Or every worker would begin by starting a temporary server of its own.
    with get_client(sync_client=True) as client:
        address = str(client.api_url)
    with temporary_settings({PREFECT_API_URL: address}), _runner(plan) as runner:
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
