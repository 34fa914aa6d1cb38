"""A store with history, made by running the pipeline: 3 models, 60 attempts, 25 improvements.

The flow's real steps run on small data, one after the other in this process; only Prefect's
orchestration around them is left out (its server, futures, progress bars and artifacts).
`python tests/dashboard/dashboard_store.py FOLDER` makes one by hand.
"""

import importlib.util
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import yaml

OWNER = "0x00000000000000000000000000000000000000aa"
IMPROVEMENTS = {"house-prices": 10, "energy-load": 10, "crop-types": 5}
ATTEMPTS = {"house-prices": 21, "energy-load": 21, "crop-types": 18}
WHO = ("north", "south", "east", "west", "harbour", "valley", "upland", "island")
WHAT = ("survey", "registry", "archive", "sensors", "census")
CONTRIBUTORS = {
    f"{who}-{what}": f"0x{1 + i:040x}"
    for i, (who, what) in enumerate((a, b) for b in WHAT for a in WHO)
}
NEIGHBOURS = '''"""The nearest examples decide; revision {revision}."""
from sklearn.neighbors import {kind}


def build(seed):
    return {kind}(n_neighbors={k}, weights="distance")
'''
BROKEN = '''"""A recipe that does not converge."""


def build(seed):
    raise ValueError("the solver did not converge in 100 iterations")
'''


@dataclass
class World:
    """One model's examples, recipe and spec, and what was tried so far."""

    model: str
    kind: str
    growth: float
    folder: Path
    spec: dict
    truth: Callable[[np.ndarray], np.ndarray]
    rng: np.random.Generator
    known: int = 0
    tried: int = 0
    outcomes: Counter = field(default_factory=Counter)

    def rows(self, count: int, name: str) -> pd.DataFrame:
        """Fresh examples."""
        places = self.rng.random((count, 2))
        ids = [f"{name}-{self.tried}-{i}" for i in range(count)]
        told = {"id": ids, "x": places[:, 0], "y": places[:, 1], "target": self.truth(places)}
        return pd.DataFrame(told)

    def write(self, contributions: dict[str, pd.DataFrame], recipe: str, **changes) -> Path:
        """Spec, recipe and contributions of the next attempt."""
        (self.folder / "recipe.py").write_text(recipe)
        listed = []
        for name, frame in contributions.items():
            frame.to_csv(self.folder / f"{name}.csv", index=False)
            listed.append(
                {"name": name, "address": CONTRIBUTORS[name], "data": f"{name}.csv"},
            )
        spec = {**self.spec, "contributors": listed}
        for key, value in changes.items():
            spec[key] = {**spec.get(key, {}), **value}
        path = self.folder / "pipeline.yaml"
        path.write_text(yaml.safe_dump(spec, sort_keys=False))
        return path

    def recipe(self, revision: int = 1) -> str:
        """The recipe's source."""
        k = 1 if self.kind == "KNeighborsClassifier" else 3
        return NEIGHBOURS.format(kind=self.kind, k=k, revision=revision)


def _prices(places: np.ndarray) -> np.ndarray:
    x, y = places.T
    return 100 + 40 * np.sin(9 * x) * np.cos(8 * y) + 25 * x


def _load(places: np.ndarray) -> np.ndarray:
    x, y = places.T
    return 60 + 30 * np.cos(11 * x + 3 * y) + 20 * np.sin(10 * y)


def _crops(places: np.ndarray) -> np.ndarray:
    x, y = places.T
    return (np.sin(38 * x + 6 * y) > 0).astype(int) + 2 * (np.cos(35 * y - 8 * x) > 0)


def _world(folder: Path, model: str, seed: int) -> World:
    folder = folder / model
    folder.mkdir(parents=True)
    crops = model == "crop-types"
    gate = {"quota": 6, "detectable_bps": 2500 if crops else 6000, "validation_runs": 1}
    if not crops:
        gate["slice_margin_bps"] = 5000
    sizes = (200, 500, 9) if crops else (120, 220, 14)
    reference, holdout, count = sizes
    payment = 400
    pool = reference + holdout * count + payment
    spec = {
        "model": model,
        "task": "classification" if crops else "regression",
        "recipe": "recipe.py",
        "metric": {"house-prices": "mae", "energy-load": "rmse", "crop-types": "accuracy"}[model],
        "also_log": ["f1", "precision"] if crops else ["r2"],
        "owner": OWNER,
        "seed": seed,
        "data": {
            "pool": "pool.csv",
            "target": "target",
            "id": "id",
            "features": ["x", "y"],
            "split": {
                "reference": reference / pool,
                "payment": payment / pool,
                "holdouts": count,
                "key": "dashboard",
            },
        },
        "gate": gate,
        "cross_validation": {"repeats": 2, "folds": 2},
        "valuation": {"repeats": 2, "folds": 2},
    }
    if not crops:
        spec["metric_options"] = {"cap": 100.0}
    kind = "KNeighborsClassifier" if crops else "KNeighborsRegressor"
    truth = {"house-prices": _prices, "energy-load": _load, "crop-types": _crops}[model]
    made = World(
        model, kind, 1.3 if crops else 0.8, folder, spec, truth, np.random.default_rng(seed)
    )
    made.rows(pool, "pool").to_csv(folder / "pool.csv", index=False)
    made.known = reference
    return made


class _Now:
    """A task that runs when it is submitted."""

    def __init__(self, task):
        self._run = task.fn

    def submit(self, *given, **named):
        result = self._run(*given, **named)
        return mock.Mock(result=lambda: result)


class _Steps:
    """The steps, each called as a plain function."""

    def __init__(self, module):
        self._module = module

    def __getattr__(self, name):
        found = getattr(self._module, name)
        return getattr(found, "fn", found)


@contextmanager
def pipeline():
    """`improve(spec_path)`, with everything real but Prefect's orchestration."""
    from prefect.logging import disable_run_logger

    from hokusai_mlflow import quality_steps, refit_steps, review_steps, steps, valuation_steps

    path = Path(__file__).parents[2] / "flows" / "improve.py"
    spec = importlib.util.spec_from_file_location("dashboard_flow", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["dashboard_flow"] = module
    spec.loader.exec_module(module)
    quiet = mock.DEFAULT
    with (
        mock.patch.object(module, "steps", _Steps(steps)),
        mock.patch.multiple(
            refit_steps,
            refit=_Now(refit_steps.refit),
            validate=_Now(refit_steps.validate),
            wait_for_all=quiet,
        ),
        mock.patch.multiple(
            valuation_steps,
            walk=_Now(valuation_steps.walk),
            weigh=_Now(valuation_steps.weigh),
            wait_for_all=quiet,
        ),
        mock.patch.object(quality_steps, "create_markdown_artifact"),
        mock.patch.multiple(
            review_steps, create_markdown_artifact=quiet, create_link_artifact=quiet
        ),
        disable_run_logger(),
    ):
        yield module.improve.fn


def _attempt(world: World, improve, wanted: str, names: list[str]) -> None:
    """One attempt that is meant to end as wanted; what it came to is counted."""
    from hokusai_mlflow.errors import RecipeError

    world.tried += 1
    size = max(40, int(world.known * world.growth))
    recipe, changes = world.recipe(), {}
    if wanted == "promoted":
        frames = {name: world.rows(size // len(names), name) for name in names}
        if len(names) > 1 and world.tried % 3 == 0:
            # Somebody else's rows once more: found, and left out.
            frames[names[1]] = pd.concat([frames[names[1]], frames[names[0]].iloc[:15]])
    elif wanted == "reject":
        frames = {name: world.rows(max(60, size // 3), name) for name in names[:2]}
        for frame in frames.values():
            frame["target"] = world.rng.permutation(frame["target"].to_numpy())
    elif wanted == "hold":
        frames = {names[0]: world.rows(30, names[0])}
        changes = {"gate": {"detectable_bps": 60}}
    else:
        frames, recipe = {names[0]: world.rows(30, names[0])}, BROKEN
    try:
        receipt = improve(str(world.write(frames, recipe, **changes)))
    except RecipeError:
        # Given up before anything was fitted: the ledger never hears of it.
        world.outcomes["given up"] += 1
        return
    world.outcomes[receipt.outcome] += 1
    if receipt.outcome == "promoted":
        world.known += size


def make_store(folder: Path, *, say=lambda text: None) -> Path:
    """Run the pipeline until there are as many attempts as wanted.

    Returns the Hokusai home.
    """
    home = folder / ".hokusai"
    previous = os.environ.get("HOKUSAI_HOME")
    os.environ["HOKUSAI_HOME"] = str(home)
    try:
        with pipeline() as improve:
            names = list(CONTRIBUTORS)
            turn = 0
            for seed, model in enumerate(IMPROVEMENTS, start=3):
                world = _world(folder, model, seed)
                world.outcomes[improve(str(world.write({}, world.recipe()))).outcome] += 1
                plan = _plan(model)
                while sum(world.outcomes.values()) < ATTEMPTS[model]:
                    wanted = plan(world)
                    count = 1 + turn % 3
                    chosen = [names[(turn * 3 + i) % len(names)] for i in range(count)]
                    turn += 1
                    started = time.monotonic()
                    _attempt(world, improve, wanted, chosen)
                    took = time.monotonic() - started
                    say(f"{model}: wanted {wanted}, {dict(world.outcomes)}, {took:.1f} s")
    finally:
        if previous is None:
            del os.environ["HOKUSAI_HOME"]
        else:
            os.environ["HOKUSAI_HOME"] = previous
    return home


def _plan(model: str) -> Callable[[World], str]:
    others = ("reject", "hold")

    def wanted(world: World) -> str:
        left = ATTEMPTS[model] - sum(world.outcomes.values())
        missing = IMPROVEMENTS[model] - world.outcomes["promoted"]
        # Failures between the improvements, spread evenly.
        if missing > 0 and (missing >= left or world.tried % 3 != 2):
            return "promoted"
        return others[world.tried % 5 == 3]

    return wanted


if __name__ == "__main__":
    target = Path(sys.argv[1])
    begun = time.monotonic()
    made = make_store(target, say=lambda text: print(text, flush=True))
    seconds = {"seconds": time.monotonic() - begun, "processor": time.process_time()}
    print(json.dumps({"home": str(made)} | {k: round(v, 1) for k, v in seconds.items()}))
