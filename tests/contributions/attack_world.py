"""Worlds in which one contributor tries to be paid for more than it brings.

Points on a board of fields in two colours. The model gives every cell of a fine grid the colour of
most points in it, so that its accuracy over the whole board follows from counts, without a test
set: thousands of refits take a second, and what an attack gains is not lost in noise. Two honest
contributors and an attacker bring points; what the attacker earns by honest means is compared with
what it earns by an attack, by the checks, orders, values and shares that a run uses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from hokusai_mlflow.contributions import Dataset, check_contributions, concatenate, read_dataset
from hokusai_mlflow.contributions.orders import drawn, player_order, row_order
from hokusai_mlflow.contributions.sampling import added
from hokusai_mlflow.valuation import Measured, Valuation, harmful, measured_by_orders, valuation_of

FIELDS, CELLS = 4, 16
REPLICATES, RATIO = 15, 0.5
ATTACKER = "attacker"


@dataclass(frozen=True)
class World:
    """Pool, honest contributors and the attacker's own points, all drawn from a seed."""

    seed: int
    reference: int = 150
    honest: tuple[int, ...] = (200, 150)
    own: int = 180

    @cached_property
    def rng(self) -> np.random.Generator:
        return np.random.default_rng([2026, self.seed])

    def draw(self, rows: int, *, noise: float = 0.02, low: float = 0.0) -> pd.DataFrame:
        """Points with the colour of their field, a few of them mislabelled."""
        x = self.rng.uniform(low, FIELDS, rows)
        y = self.rng.uniform(0, FIELDS, rows)
        colour = (x.astype(int) + y.astype(int)) % 2
        colour = np.where(self.rng.random(rows) < noise, 1 - colour, colour)
        return pd.DataFrame({"x": x, "y": y, "colour": colour})

    @cached_property
    def pool(self) -> Dataset:
        return _dataset(self.draw(self.reference), "pool")

    @cached_property
    def others(self) -> dict[str, pd.DataFrame]:
        return {f"honest-{i}": self.draw(rows) for i, rows in enumerate(self.honest)}

    @cached_property
    def brought(self) -> pd.DataFrame:
        """What the attacker has by honest means."""
        return self.draw(self.own)

    def earned(
        self,
        names: Mapping[str, pd.DataFrame],
        *,
        pairs: int,
        first: bool = False,
        by_players: bool = False,
    ) -> Valuation:
        """What comes of it when the attacker brings this.

        Parameters
        ----------
        names : mapping of str to data frame
            What the attacker brings, under which names.
        first : bool
            Whether it is listed before the honest ones, who were seen before.
        by_players : bool
            Whether contributors are the players, not their rows.
        """
        people = {**names, **self.others} if first else {**self.others, **names}
        given = [_dataset(rows, name) for name, rows in people.items()]
        order = sorted(range(len(given)), key=lambda at: given[at].name in names)
        turns = [(at, np.arange(len(given[at]))) for at in order]
        checks = check_contributions(given, {"reference": self.pool}, turns=turns)
        new = [g.take(c.accepted) for g, c in zip(given, checks, strict=True) if c.accepted.any()]
        first = self._measure(new, pairs, by_players)
        bad = harmful(first.shapley)
        if not bad:
            return valuation_of(first)
        rest = [rows for rows in new if rows.name not in bad]
        return valuation_of(first, self._measure(rest, pairs, by_players))

    def _measure(self, new: list[Dataset], pairs: int, by_players: bool) -> Measured:
        players = tuple(rows.name for rows in new)
        together = concatenate(new)
        # As in a game: by content, whoever brings it.
        at = np.lexsort((together.targets, together.rows))
        rows = together.take(at)
        owner = np.repeat(np.arange(len(new)), [len(one) for one in new])[at]
        found = []
        for replicate in range(REPLICATES):
            worth = self._accuracy(rows, replicate)
            walks = []
            for pair in range(pairs):
                rng = drawn(f"world {self.seed}", replicate, pair)
                order = player_order(owner, rng) if by_players else row_order(owner, (), 8, rng)
                walks.append(added(order, owner, len(players), worth))
            found.append(walks)
        how = {"method": "rows", "refits": 0}
        return measured_by_orders(players, np.array(found), test_train_ratio=RATIO, how=how)

    def _accuracy(self, rows: Dataset, replicate: int) -> Callable[[np.ndarray], float]:
        """Of the model that two thirds of the reference and some of the rows make."""
        trained = np.random.default_rng([self.seed, replicate]).random(len(self.pool)) < 2 / 3
        always, brought = _Votes.of(self.pool.take(trained)), _Votes.of(rows)
        margin = np.bincount(always.cell, always.right, CELLS**2)

        def accuracy(mask: np.ndarray) -> float:
            given = np.bincount(brought.cell[mask], brought.right[mask], CELLS**2)
            return float((np.sign(margin + given) / 2 + 0.5).mean())

        return accuracy


@dataclass(frozen=True)
class _Votes:
    """In which cell a point votes, and whether for the true colour (1) or against it (−1)."""

    cell: np.ndarray
    right: np.ndarray

    @classmethod
    def of(cls, rows: Dataset) -> _Votes:
        points = rows.features.to_numpy()
        on = ((points >= 0) & (points < FIELDS)).all(axis=1)
        fields, cells = points.astype(int), (points * CELLS / FIELDS).astype(int)
        right = np.where(fields.sum(axis=1) % 2 == rows.targets, 1.0, -1.0)
        # Off the board a point changes nothing.
        cell = np.where(on, cells[:, 0] * CELLS + cells[:, 1], 0)
        return cls(cell, np.where(on, right, 0.0))


def paid(valuation: Valuation) -> float:
    """The attacker's part of what is paid, over all of its names."""
    mine = [share for name, share in valuation.shares.items() if name.startswith(ATTACKER)]
    return sum(mine) / valuation.share_total


def valued(valuation: Valuation) -> float:
    """The attacker's part of the values that are positive, above noise or not."""
    values = dict(zip(valuation.shapley["players"], valuation.shapley["values"], strict=True))
    mine = sum(max(v, 0.0) for name, v in values.items() if name.startswith(ATTACKER))
    return mine / sum(max(v, 0.0) for v in values.values())


def _dataset(frame: pd.DataFrame, name: str) -> Dataset:
    return read_dataset(frame, name=name, target="colour")


def split(rows: pd.DataFrame, names: int) -> dict[str, pd.DataFrame]:
    """The same rows under so many names."""
    return {f"{ATTACKER}-{i}": rows.iloc[i::names].reset_index(drop=True) for i in range(names)}


def honest(world: World) -> dict[str, pd.DataFrame]:
    """What the attacker has, under one name."""
    return {ATTACKER: world.brought}


def with_more(world: World, more: pd.DataFrame, *, apart: bool = False) -> dict[str, pd.DataFrame]:
    """What the attacker has and more, together or under a name of its own."""
    if apart:
        return {ATTACKER: world.brought, f"{ATTACKER}-2": more}
    return {ATTACKER: pd.concat([world.brought, more], ignore_index=True)}


def copied(world: World, moved: float) -> pd.DataFrame:
    """An honest contributor's rows, every coordinate moved by so much."""
    rows = world.others["honest-0"].copy()
    rows[["x", "y"]] += world.rng.choice([-moved, moved], size=(len(rows), 2))
    return rows


def random_labels(world: World, rows: int) -> pd.DataFrame:
    """Points like everybody's, coloured at random."""
    return world.draw(rows, noise=0.5)


def far_away(world: World, rows: int) -> pd.DataFrame:
    """Points outside the board, coloured at random."""
    found = world.draw(rows, noise=0.5)
    found[["x", "y"]] += 2 * FIELDS
    return found


def poison_that_only_i_repair(world: World, rows: int) -> pd.DataFrame:
    """Mislabelled points beside the attacker's own good ones, which outvote them where they lie."""
    at = world.rng.integers(0, len(world.brought), rows)
    found = world.brought.iloc[at].reset_index(drop=True)
    found[["x", "y"]] += world.rng.normal(0, 0.12, (rows, 2))
    found["colour"] = 1 - found["colour"]
    return found


ATTACKS = {
    "split over 2 names": lambda w: split(w.brought, 2),
    "split over 5 names": lambda w: split(w.brought, 5),
    "split over 20 names": lambda w: split(w.brought, 20),
    "one name per row": lambda w: split(w.brought, w.own),
    "copy another's rows": lambda w: with_more(w, copied(w, 0.0)),
    "copy them under another name": lambda w: with_more(w, copied(w, 0.0), apart=True),
    "copy them moved by 1e-6": lambda w: with_more(w, copied(w, 1e-6)),
    "pad with random labels": lambda w: with_more(w, random_labels(w, 90)),
    "pad with random labels under another name": lambda w: with_more(
        w, random_labels(w, 90), apart=True
    ),
    "pad with points far away": lambda w: with_more(w, far_away(w, 180)),
    "pad with many points far away": lambda w: with_more(w, far_away(w, 1_440)),
    "poison beside one's own": lambda w: with_more(w, poison_that_only_i_repair(w, 90)),
    "poison beside one's own under another name": lambda w: with_more(
        w, poison_that_only_i_repair(w, 90), apart=True
    ),
}
"""What the attacker brings instead of what it honestly has."""
