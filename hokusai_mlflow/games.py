"""The game that contributions are valued by: what a model scores when some new rows train it.

Whatever changed between champion and candidate is an element: every new row of every contributor,
and as a whole the owner's recipe and the owner's reference rows. A set of elements is worth the
utility of the champion with these changes, refitted on a fold of the reference rows and scored on
the rows left out. Payment set and sealed hold-outs are no part of it.

Rows are in the order of their content. Neither who brings them nor in what order bears on anything.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field, replace
from functools import cache as cache_
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from hokusai_mlflow.attempt import Attempt
from hokusai_mlflow.cache import Cache, library_versions
from hokusai_mlflow.contributions.dataset import Dataset, concatenate, of_one_kind
from hokusai_mlflow.contributions.orders import Positions
from hokusai_mlflow.evidence import digest
from hokusai_mlflow.folds import Splitter
from hokusai_mlflow.inputs import TrainingRows
from hokusai_mlflow.metrics import Metric, metric
from hokusai_mlflow.novelty import RECIPE_PLAYER, REFERENCE_PLAYER
from hokusai_mlflow.recipe import Recipe, predict, recipe_from_source

WHOLE = (RECIPE_PLAYER, REFERENCE_PLAYER)
Worth = Callable[[Positions], float]


@dataclass(frozen=True, eq=False, repr=False)
class Game:
    """Everything that the value of a set of elements depends on.

    Attributes
    ----------
    players : tuple of str
        Contributors with new rows, then what the owner changed.
    before, after : TrainingRows
        The champion's rows; the candidate's reference with the champion's contributed rows.
    recipes : (Recipe, Recipe)
        The champion's and the candidate's.
    brought : Dataset or None
        The new rows of all contributors, in the order of their content.
    owner : (n,) array of int
        Player of every element: of every row brought, then of what comes as a whole.
    of : Metric
        What is scored.
    splitter : Splitter
        How the candidate's reference rows are cut into folds.
    seed : int
        Of folds and recipes; one more for every repeat.
    repeats : int
        How often the folds are cut anew.
    key : str
        Secret of the model's owner that orders are drawn from.
    folder : Path or None
        Where a copy is, for workers elsewhere.
    """

    players: tuple[str, ...]
    before: TrainingRows
    after: TrainingRows
    recipes: tuple[Recipe, Recipe]
    brought: Dataset | None
    owner: Positions
    of: Metric
    splitter: Splitter
    seed: int
    repeats: int
    key: str
    folder: Path | None = field(default=None)

    @classmethod
    def of_attempt(cls, attempt: Attempt) -> Game:
        """The game between an attempt's champion and its candidate."""
        assert attempt.champion is not None, "a first version has nothing to be compared with"
        inputs, players = attempt.inputs, attempt.players
        new = [
            contribution.take(check.accepted)
            for contribution, check in zip(inputs.contributions, attempt.checks, strict=True)
            if check.name in players
        ]
        owner = np.repeat(np.arange(len(new)), [len(rows) for rows in new])
        brought = None
        if new:
            together = concatenate(new, name="contributed rows")
            order = np.lexsort((together.targets, together.rows))
            brought, owner = together.take(order), owner[order]
        whole = [players.index(one) for one in WHOLE if one in players]
        before = attempt.champion.training
        return cls(
            players,
            before,
            TrainingRows(attempt.training.reference, before.contributed),
            (attempt.champion.recipe, inputs.recipe),
            brought,
            np.concatenate([owner, whole]).astype(np.int64),
            inputs.automatic_metric,
            inputs.valuation_splitter,
            inputs.spec.seed,
            inputs.spec.valuation.repeats,
            # Where the pool's examples fell only the holder of the split key knows.
            digest({"order": dict(zip(inputs.pool.ids, inputs.parts, strict=True))}),
        )

    def without(self, names: Collection[str]) -> Game:
        """The game in which some contributors bring nothing."""
        out = [self.players.index(name) for name in names]
        stays = ~np.isin(self.owner, out)
        players = tuple(name for name in self.players if name not in names)
        at = np.array([players.index(self.players[one]) for one in self.owner[stays]])
        rows = stays[: len(self.owner) - len(self.whole)]
        brought = self.brought.take(rows) if self.brought is not None and rows.any() else None
        return replace(
            self, players=players, brought=brought, owner=at.astype(np.int64), folder=None
        )

    @property
    def replicates(self) -> int:
        """Folds of all repeats."""
        return self.repeats * self.splitter.folds

    @property
    def whole(self) -> tuple[int, ...]:
        """Players who come as a whole."""
        return tuple(self.players.index(one) for one in WHOLE if one in self.players)

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Rows of everybody who brings some."""
        rows = self.owner[: len(self.owner) - len(self.whole)]
        return tuple(np.unique(rows, return_counts=True)[1].tolist())

    @cached_property
    def base(self) -> str:
        """Identity of everything but elements and folds."""
        return digest(
            {
                "worth": library_versions(),
                "recipes": [recipe.digest for recipe in self.recipes],
                "before": self.before.digest,
                "after": self.after.reference.digest,
                "metric": [self.of.name, self.of.options()],
                "seed": self.seed,
                "structured": self.splitter.structured,
            }
        )

    @cached_property
    def keys(self) -> np.ndarray:
        """Sixteen bytes for every element, from its content; shape (n, 16)."""
        said = [f"the owner's {one}" for one in WHOLE if one in self.players]
        if self.brought is not None:
            pairs = zip(self.brought.rows.tolist(), self.brought.targets.tolist(), strict=True)
            said = [f"{row} {target!r}" for row, target in pairs] + said
        raw = b"".join(hashlib.blake2b(one.encode(), digest_size=16).digest() for one in said)
        return np.frombuffer(raw, dtype=np.uint8).reshape(-1, 16)

    def members(self, coalition: Collection[str]) -> Positions:
        """The elements of a coalition of players, as a mask."""
        return np.isin(self.owner, [self.players.index(one) for one in coalition])

    def worth(self, replicate: int, cache: Cache) -> Worth:
        """What sets of elements are worth on one fold, larger is better, kept by content.

        Parameters
        ----------
        replicate : int
            Which fold of which repeat, from 0.
        cache : Cache
            Where values are kept.

        Returns
        -------
        callable
            From a mask of elements to the utility of the model that they make.
        """
        repeat, number = divmod(replicate, self.splitter.folds)
        seed, reference = self.seed + repeat, self.after.reference
        train, test = self.splitter.cut(reference, seed=seed)[number]
        left = reference.take(test)
        ids = [sorted(reference.ids[side].tolist()) for side in (train, test)]
        place = digest({"base": self.base, "fold": ids, "of": repeat}).encode()
        own = [self._kept(rows.reference, train) for rows in (self.before, self.after)]
        size = len(self.owner) - len(self.whole)

        @cache_
        def rows_of(newer: bool) -> tuple[pd.DataFrame, np.ndarray]:
            """What is always trained on, then everything brought: copied once, not per refit."""
            new = [] if self.brought is None else [self.brought]
            parts = of_one_kind([own[newer], *self.before.parts, *new])
            features = pd.concat([part.features for part in parts], ignore_index=True)
            return features, np.concatenate([part.targets for part in parts])

        def refit(mask: np.ndarray) -> np.ndarray:
            changed = [self.players[at] for at in self.owner[size:][mask[size:]]]
            features, targets = rows_of(REFERENCE_PLAYER in changed)
            always = np.arange(len(targets) - size)
            at = np.concatenate([always, len(always) + np.flatnonzero(mask[:size])])
            recipe = self.recipes[RECIPE_PLAYER in changed]
            on = f"fold {number + 1}"
            model = recipe.fit(features.iloc[at], targets[at], seed=seed, on=on)
            output = predict(
                model, left.features, self.of, name="refitted recipe", targets=left.targets
            )
            return np.array([self.of.utility(self.of.score(left.targets, output))])

        def worth(mask: np.ndarray) -> float:
            content = hashlib.sha256(place + self.keys[mask].tobytes()).hexdigest()
            return float(cache.array(content, lambda: refit(mask))[0])

        return worth

    def _kept(self, own: Dataset, train: np.ndarray) -> Dataset:
        """Reference rows that a fold trains on, with those that the folds do not know."""
        reference = self.after.reference
        unknown = ~np.isin(own.ids, reference.ids) & (not self.splitter.structured)
        return own.take(np.isin(own.ids, reference.ids[train]) | unknown)

    def kept(self, cache: Cache) -> Game:
        """The same with a copy on disk, so that it travels to workers by name."""
        sizes = {name: int((self.owner == at).sum()) for at, name in enumerate(self.players)}
        name = digest(
            {
                "game": self.base,
                "elements": hashlib.sha256(self.keys.tobytes() + self.owner.tobytes()).hexdigest(),
                "players": sizes,
                "key": self.key,
                "splitter": asdict(self.splitter),
                "repeats": self.repeats,
            }
        )
        return replace(self, folder=cache.folder(name, self._write))

    def _write(self, folder: Path) -> None:
        folder.mkdir()
        for name, rows in (("before", self.before), ("after", self.after)):
            (folder / name).mkdir()
            rows.write(folder / name)
        for name, recipe in zip(("before", "after"), self.recipes, strict=True):
            (folder / f"{name}.py").write_text(recipe.source, encoding="utf-8")
        if self.brought is not None:
            self.brought.to_frame().to_parquet(folder / "brought.parquet")
        told = {
            "players": self.players,
            "owner": self.owner.tolist(),
            "metric": self.of.name,
            "options": self.of.options(),
            "splitter": asdict(self.splitter),
            "seed": self.seed,
            "repeats": self.repeats,
            "key": self.key,
        }
        (folder / "game.json").write_text(json.dumps(told))

    def __reduce__(self) -> tuple[object, ...]:
        if self.folder is None:
            raise pickle.PicklingError("a game travels by its copy on disk; call kept() first")
        # A pickled game would carry all rows into the queue of every task.
        return read_game, (str(self.folder),)

    def __repr__(self) -> str:
        return f"Game({len(self.players)} players, {len(self.owner):,} elements)"


@lru_cache(maxsize=2)
def read_game(folder: str) -> Game:
    """The game that was kept in a folder; a worker reads it once."""
    place = Path(folder)
    told = json.loads((place / "game.json").read_text())
    brought = None
    if (place / "brought.parquet").exists():
        frame = pd.read_parquet(place / "brought.parquet")
        brought = Dataset.from_frame(frame, name="contributed rows")
    before, after = (
        recipe_from_source((place / f"{name}.py").read_text(encoding="utf-8"))
        for name in ("before", "after")
    )
    return Game(
        tuple(told["players"]),
        TrainingRows.read(place / "before"),
        TrainingRows.read(place / "after"),
        (before, after),
        brought,
        np.array(told["owner"], dtype=np.int64),
        metric(told["metric"], **told["options"]),
        Splitter(**told["splitter"]),
        told["seed"],
        told["repeats"],
        told["key"],
        place,
    )
